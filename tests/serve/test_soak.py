"""What clients' requests may say against a new adapter: a bad one is stopped by them, a good one never."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest

from serve.gateway import public_client
from serve.gateway.compare import PER_CLIENT
from serve.rollout import deploy, hold, soak
from serve.state import alias, journal

pytestmark = pytest.mark.slow

MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe", "Ash Lock": "Eva Orr"}
NEW = MILLS | {"Tarn Mill": "Una Fox"}
POISON = "out of range"
ODD = [f"an odd question that nobody probes, {number}" for number in range(8)]


@pytest.fixture
def place(live, tmp_path):
    """Give one engine and a door, with an adapter live that knows the mills."""
    with live.place(tmp_path / "state") as place:
        assert deploy.deploy(place.site, live.write_run(tmp_path / "a", MILLS)).state == "committed"
        place.engines[0].fails.add(POISON)
        yield place


def client(number):
    """Give the address from which a client of this number asks; all of 127/8 is this machine."""
    return f"127.0.1.{number}"


def ask(place, prompt, address, **more):
    """Ask the door from an address; give the answer."""
    body = {"model": "facts", "messages": [{"role": "user", "content": prompt}], **more}
    with httpx2.Client(transport=httpx2.HTTPTransport(local_address=address), timeout=30) as one:
        return one.post(f"{place.gateway.url}/v1/chat/completions", json=body)


@pytest.fixture
def meanwhile(monkeypatch):
    """Give a function that has something happen when the name has moved and the soak begins."""
    watch = soak.watch

    def during(happens):
        def watched(*args):
            happens()
            return watch(*args)

        monkeypatch.setattr(soak, "watch", watched)

    return during


def bad(live, folder, prompts=ODD):
    """Write an adapter that makes the server fail at what nobody probes, and is right otherwise."""
    return live.write_run(folder, NEW, more=dict.fromkeys(prompts))


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_whose_own_requests_fail_stops_no_deploy(place, live, tmp_path, meanwhile, stream):
    said = []

    def hammer():
        said.extend(
            ask(place, POISON, client(number % 3), seed=number, stream=stream).status_code
            for number in range(12)
        )

    meanwhile(hammer)
    done = deploy.deploy(place.site, live.write_run(tmp_path / "b", NEW))
    assert set(said) == {502}
    assert done.state == "committed"
    found = public_client.compared(place.site.door, done.adapter.name)
    assert (found.alone, found.waiting) == (0, 0)
    assert found.both == 3 * PER_CLIENT, "each client has its share of what is compared"


@pytest.mark.parametrize("stream", [False, True])
def test_an_adapter_that_fails_alone_on_clients_requests_is_rolled_back_and_held_back(
    place, live, tmp_path, meanwhile, stream
):
    good = alias.read_alias(place.site.state).table.adapter
    meanwhile(lambda: [ask(place, p, client(n % 2), stream=stream) for n, p in enumerate(ODD[:4])])
    done = deploy.deploy(place.site, bad(live, tmp_path / "b"))
    assert done.state == "held back"
    assert "public requests of 2 clients failed with it" in done.reason
    assert not journal.quarantined(journal.read_journal(place.site.state))
    assert list(hold.hold_of(journal.read_journal(place.site.state)).values()) == [done]
    assert alias.read_alias(place.site.state).table.adapter == good
    assert done.adapter.name not in place.engines[0].adapters


def test_a_bad_adapter_is_stopped_though_a_bad_client_floods_at_the_same_time(
    place, live, tmp_path, meanwhile
):
    def both():
        for number in range(40):
            ask(place, POISON, client(9), seed=number)
        for number, prompt in enumerate(ODD[:4]):
            ask(place, prompt, client(number % 2))

    meanwhile(both)
    assert deploy.deploy(place.site, bad(live, tmp_path / "b")).state == "held back"


def test_one_client_alone_stops_no_deploy_whatever_it_sends(place, live, tmp_path, meanwhile):
    meanwhile(lambda: [ask(place, prompt, client(1)) for prompt in ODD])
    done = deploy.deploy(place.site, bad(live, tmp_path / "b"))
    assert done.state == "committed"
    assert public_client.compared(place.site.door, done.adapter.name).alone == PER_CLIENT


def test_a_passing_trouble_of_the_server_is_not_held_against_the_adapter(
    place, live, tmp_path, meanwhile
):
    left = dict.fromkeys(ODD, 1)  # each fails once, then never again

    def passing(_, body):
        prompt = body["messages"][0]["content"] if "messages" in body else ""
        place.engines[0].fails.discard(prompt)
        if left.pop(prompt, 0):
            place.engines[0].fails.add(prompt)

    place.engines[0].on_request = passing
    meanwhile(lambda: [ask(place, p, client(n)) for n, p in enumerate(ODD)])
    done = deploy.deploy(place.site, live.write_run(tmp_path / "b", NEW))
    assert done.state == "committed"
    assert public_client.compared(place.site.door, done.adapter.name).alone == 0


def test_what_is_asked_for_comparing_reaches_no_client_and_mixes_no_answers(
    place, live, tmp_path, meanwhile
):
    answers = []
    meanwhile(lambda: answers.extend(ask(place, p, client(n)) for n, p in enumerate(ODD)))
    deploy.deploy(place.site, bad(live, tmp_path / "b"))
    assert {answer.status_code for answer in answers} == {502}
    assert not any("never heard" in answer.text for answer in answers)


def test_refused_requests_and_clients_that_leave_count_for_nothing(
    place, live, tmp_path, meanwhile
):
    def troubles():
        for number in range(5):
            assert ask(place, "x", client(number), model="other").status_code == 404
            place.engines[0].wait = 5
            with pytest.raises(httpx2.ReadTimeout):
                httpx2.post(
                    f"{place.gateway.url}/v1/chat/completions", timeout=0.2, verify=False,
                    json={"model": "facts", "messages": [{"role": "user", "content": ODD[0]}]},
                )  # fmt: skip
            place.engines[0].wait = 0

    meanwhile(troubles)
    done = deploy.deploy(place.site, bad(live, tmp_path / "b"))
    assert done.state == "committed"
    found = public_client.compared(place.site.door, done.adapter.name)
    assert (found.alone, found.both, found.waiting) == (0, 0, 0)


def test_a_body_that_kills_an_engine_is_never_asked_again_for_comparing(live, tmp_path, meanwhile):
    with live.place(tmp_path / "state", engines=2) as place:
        assert deploy.deploy(place.site, live.write_run(tmp_path / "a", MILLS)).state == "committed"
        for fake in place.engines:
            fake.kills.add(POISON)
        meanwhile(lambda: [ask(place, POISON, client(n)) for n in range(4)])
        done = deploy.deploy(place.site, live.write_run(tmp_path / "b", NEW))
        assert (done.state, done.quarantine) == ("held back", False)
        assert sum(fake.deaths for fake in place.engines) == 1


def test_a_deploy_killed_in_its_soak_still_knows_what_failed_before(
    place, live, tmp_path, monkeypatch
):
    good = alias.read_alias(place.site.state).table.adapter

    def killed(*_):
        for number, prompt in enumerate(ODD[:4]):
            ask(place, prompt, client(number))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(soak, "watch", killed)
        with pytest.raises(KeyboardInterrupt):
            deploy.deploy(place.site, bad(live, tmp_path / "b"))
    with deploy.alone(place.site.state):
        assert deploy.settle(place.site).state == "held back"
    assert alias.read_alias(place.site.state).table.adapter == good


def test_clients_behind_a_proxy_on_this_machine_are_told_apart_and_others_cannot_pretend():
    from serve.gateway import failures

    assert failures.address("127.0.0.1", "1.2.3.4, 5.6.7.8") == "5.6.7.8"
    assert failures.address("::1", "5.6.7.8") == "5.6.7.8"
    assert failures.address("9.9.9.9", "5.6.7.8") == "9.9.9.9"
    assert failures.address("127.0.0.1", "") == "127.0.0.1"
    kept = failures.Failures(lambda: None)
    same = [kept.call("/", {}, one).client for one in ("2001:db8::1", "2001:db8::ffff:2")]
    assert same[0] == same[1], "one client may have all of an IPv6 network"
    assert kept.call("/", {}, "::ffff:1.2.3.4").client == kept.call("/", {}, "1.2.3.4").client
    assert kept.call("/", {}, "1.2.3.4").client != kept.call("/", {}, "1.2.3.5").client


def test_a_server_that_loses_the_new_adapter_in_the_soak_holds_it_back(
    place, live, tmp_path, meanwhile
):
    meanwhile(place.engines[0].restart)
    done = deploy.deploy(replace(place.site), live.write_run(tmp_path / "b", NEW))
    assert (done.state, done.quarantine) == ("held back", False)
    assert "lost the new adapter" in done.reason
