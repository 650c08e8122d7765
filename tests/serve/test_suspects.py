"""A request that kills an engine does not kill the next one; and no other request pays for it for ever."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from serve.engines import replicas
from serve.gateway import suspects
from serve.gateway.suspects import (
    FIRST_SECONDS,
    KNOWN,
    LONGEST_SECONDS,
    REMEMBERED_SECONDS,
    Suspects,
)
from serve.rollout import deploy
from serve.state import alias

pytestmark = pytest.mark.slow

MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe"}
QUESTION = "Who owns Tarn Mill, wording 0?"
KILLER, FAILS = "the end of an engine", "out of range"


def chat(prompt, **more):
    return {"model": "facts", "messages": [{"role": "user", "content": prompt}], **more}


@pytest.fixture
def trio(live, tmp_path):
    """Give three engines behind one door, an adapter live on all."""
    with live.place(tmp_path / "state", engines=3) as place:
        assert deploy.deploy(place.site, live.write_run(tmp_path / "a", MILLS)).state == "committed"
        for fake in place.engines:
            fake.kills.add(KILLER)
            fake.fails.add(FAILS)
        yield place


@pytest.fixture
def ask(trio):
    """Give the function that asks the door."""
    with httpx2.Client(timeout=30, verify=False) as client:
        yield lambda body, route="chat/completions": client.post(
            f"{trio.gateway.url}/v1/{route}", json=body
        )


def deaths(place):
    return sum(fake.deaths for fake in place.engines)


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_that_kills_an_engine_is_not_given_to_the_next(trio, ask, stream):
    answer = ask(chat(KILLER, stream=stream))
    assert answer.status_code == 503
    assert "this very request" in answer.json()["error"]["message"]
    assert 50 < int(answer.headers["Retry-After"]) <= FIRST_SECONDS
    assert deaths(trio) == 1


def test_a_client_that_sends_it_again_and_again_kills_no_second_engine(trio, ask):
    spelt = [chat(KILLER, seed=1), json.loads(json.dumps(chat(KILLER, seed=1), sort_keys=True))]
    for turn in range(20):
        assert ask(spelt[turn % 2]).status_code == 503
    assert deaths(trio) == 1
    assert ask(chat(QUESTION)).status_code == 200


def test_an_engine_that_was_away_before_it_got_the_request_makes_nobody_a_suspect(trio, ask):
    for fake in trio.engines[:2]:
        fake.die()
    for turn in range(20):
        answer = ask(chat(f"never asked before, {turn}"))
        assert answer.status_code == 200, answer.text


def test_an_engine_that_has_lost_the_adapter_is_passed_over(trio, ask):
    for fake in trio.engines[:2]:
        fake.restart()
    for turn in range(20):
        assert ask(chat(f"never asked before, {turn}")).status_code == 200


def test_what_an_engine_fails_at_and_lives_is_tried_once_more_and_then_said(trio, ask):
    for body in (chat(FAILS), chat(FAILS, stream=True)):
        for fake in trio.engines:
            fake.models_asked.clear()
        answer = ask(body)
        assert answer.status_code == 502
        assert "failed at this request" in answer.json()["error"]["message"]
        assert sum(len(fake.models_asked) for fake in trio.engines) == 2
        health = httpx2.get(f"{trio.gateway.url}/health", verify=False)
        assert health.json()["engines_ready"] == 3, "one client's failures make no engine look away"


def test_a_request_answered_before_outlives_the_death_of_an_engine_that_had_it(trio, ask):
    body = chat(QUESTION)
    assert ask(body).status_code == 200
    dead = []

    def die(fake, path):
        if path == "/v1/chat/completions" and not dead:
            dead.append(fake)
            fake.die()

    for fake in trio.engines:
        fake.on_request = lambda path, _, fake=fake: die(fake, path)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, [body] * 8))
    assert {answer.status_code for answer in answers} == {200}
    assert len(dead) == 1


def test_a_restart_of_all_engines_makes_nobody_an_outlaw_for_ever():
    now = [0.0]
    kept = Suspects(lambda: now[0])
    bodies = [suspects.body_digest("/", chat(str(number))) for number in range(50)]
    assert not any(kept.died(body) for body in bodies)
    assert all(kept.refused(body) == FIRST_SECONDS for body in bodies)
    now[0] += FIRST_SECONDS
    assert not any(kept.refused(body) for body in bodies)
    for body in bodies:
        kept.answered(body)
        assert kept.died(body), "what was answered since is not suspected"


def test_each_further_death_doubles_the_wait_up_to_an_hour_and_an_hour_forgets():
    now, waits = [0.0], []
    kept = Suspects(lambda: now[0])
    for _ in range(9):
        kept.died(b"x")
        waits.append(kept.refused(b"x"))
        now[0] += waits[-1]
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert waits[-1] == LONGEST_SECONDS
    now[0] += REMEMBERED_SECONDS + 1
    kept.died(b"x")
    assert kept.refused(b"x") == FIRST_SECONDS


def test_no_flood_of_bodies_grows_what_is_remembered():
    kept = Suspects(lambda: 0.0)
    for number in range(10_000):
        kept.died(str(number).encode())
        kept.answered(f"well {number}".encode())
    assert kept.refused(b"9999")
    assert not kept.refused(b"0")
    assert kept.died(b"well 9999")
    assert not kept.died(b"well 0"), "the oldest are forgotten"
    assert len(kept._known) <= KNOWN  # noqa: SLF001  (memory is what is tested)


def test_the_engines_come_back_and_the_killer_is_still_refused(trio, ask):
    assert ask(chat(KILLER)).status_code == 503
    dead = next(fake for fake in trio.engines if fake.deaths)
    dead.restart()
    assert list(replicas.heal(trio.site.engines, alias.read_alias(trio.site.state).table.wanted))
    assert ask(chat(KILLER)).status_code == 503
    assert deaths(trio) == 1
