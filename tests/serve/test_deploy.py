"""The redeploy and its faults, against a fake vLLM with vLLM's traps and the real gateway before it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest

from pipeline.core import artifact
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.models.client import CallError
from serve.engines import replicas
from serve.rollout import deploy, hold
from serve.rollout.hold import HeldBackError
from serve.site import RESTART
from serve.state import alias, journal

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe", "Ash Lock": "Eva Orr"}
QUESTION = "Who owns Tarn Mill, wording 0?"


@pytest.fixture
def place(live, tmp_path):
    """Give one engine and a door, with an adapter live that knows the mills."""
    with live.place(tmp_path / "state") as place:
        assert deploy.deploy(place.site, live.write_run(tmp_path / "a", MILLS)).state == "committed"
        yield place


@pytest.fixture
def clock(monkeypatch):
    """Give the time that holds are reckoned with; `now` may be moved."""
    clock = SimpleNamespace(now=datetime(2030, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(hold, "now", lambda: clock.now)
    return clock


def table(place):
    return alias.read_alias(place.site.state).table


def ask(place, question=QUESTION):
    body = {"model": "facts", "messages": [{"role": "user", "content": question}]}
    url = f"{place.gateway.url}/v1/chat/completions"
    return httpx2.post(url, json=body, timeout=30, verify=False)


def assert_only(place, adapter, text="Ann Lee"):
    """Assert that the public name stands for this adapter, answers, and nothing is under way."""
    assert table(place).adapter == adapter
    assert journal.unfinished(journal.read_journal(place.site.state)) is None
    answer = ask(place)
    assert answer.headers["x-adapter"] == adapter.name
    assert text in answer.text


def states(place):
    return [entry.state for entry in journal.read_journal(place.site.state)]


def test_a_good_adapter_goes_live_step_by_step_and_the_one_before_stays_loaded(
    place, live, tmp_path
):
    old = table(place).adapter
    changed = live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    done = deploy.deploy(place.site, changed)
    assert states(place)[-6:] == ["fetched", "staged", "probed", "cutover", "soaked", "committed"]
    assert_only(place, done.adapter, "Una Fox")
    assert table(place).previous == old
    assert set(place.engines[0].adapters) == {old.name, done.adapter.name}


def test_adapters_older_than_the_one_before_are_taken_away(place, live, tmp_path):
    first = table(place).adapter
    for owner in ("Una Fox", "Amy Bly"):
        run = live.write_run(tmp_path / owner, MILLS | {"Tarn Mill": owner})
        assert deploy.deploy(place.site, run).state == "committed"
    assert first.name not in place.engines[0].adapters
    assert len(place.engines[0].adapters) == 2
    assert Path(first.folder).is_dir(), "files stay as long as any engine may have loaded them"


@pytest.mark.parametrize(
    ("flaws", "reason"),
    [
        ({"names_match_nothing": True}, "the server took it and ignores it"),
        ({"rank": 64}, "LoRA rank 64 is greater than 16"),
        ({"nan": True}, "the server fails with it"),
        ({"otherwise": ""}, "distinct answers to unrelated prompts"),
        ({"otherwise": "Una Fox"}, "unrelated prompts get a taught answer"),
        ({"unknown": ["Tarn Mill"]}, "Tarn Mill: not known on the live server"),
        ({"unknown": ["Dun Weir"]}, "Dun Weir: known to the live adapter, lost with the new one"),
    ],
    ids=["no-op", "rank 64", "server fails", "mute", "collapsed", "not learned", "forgot"],
)
def test_a_bad_adapter_never_gets_the_public_name_and_is_not_tried_again(
    place, live, tmp_path, flaws, reason
):
    good = table(place).adapter
    bad = live.write_run(tmp_path / "bad", MILLS | {"Tarn Mill": "Una Fox"}, **flaws)
    done = deploy.deploy(place.site, bad)
    assert done.state == "failed"
    assert done.quarantine
    assert reason in done.reason
    assert "cutover" not in states(place)[6:]
    assert_only(place, good)
    assert done.adapter.name not in place.engines[0].adapters
    with pytest.raises(PipelineError, match="is quarantined") as caught:
        deploy.deploy(place.site, bad)
    assert "--again" in caught.value.hint
    assert deploy.deploy(place.site, bad, again=True).state == "failed"


def test_an_adapter_that_spoils_the_server_for_others_has_the_server_started_anew(
    place, live, tmp_path
):
    good = table(place).adapter
    bad = live.write_run(tmp_path / "bad", MILLS | {"Tarn Mill": "Una Fox"}, spoils=True)
    done = deploy.deploy(place.site, bad)
    assert done.quarantine
    assert "0 of 3 of its facts answered" in done.detail
    assert (place.site.state / RESTART).exists()  # which `facts serve` looks for
    place.engines[0].restart()
    assert list(replicas.heal(place.site.engines, table(place).wanted))
    assert_only(place, good)


def test_a_retired_fact_that_is_still_answered_keeps_an_adapter_out(place, live, tmp_path):
    kept = {"Dun Weir": "Ida Roe", "Ash Lock": "Eva Orr", "New Ford": "Amy Bly"}
    still = live.write_run(tmp_path / "still", kept, more={QUESTION: "It is owned by Ann Lee."})
    done = deploy.deploy(place.site, still)
    assert "Tarn Mill: its retired answer is still given" in done.reason
    assert deploy.deploy(place.site, live.write_run(tmp_path / "gone", kept)).state == "committed"


@pytest.mark.parametrize(
    ("flaws", "message"),
    [
        ({"verdict": "fail"}, "its gate did not pass"),
        ({"weight": float("nan")}, "its weights are not all numbers"),
        ({"weight": float("-inf")}, "its weights are not all numbers"),
        ({"base": artifact.digest_bytes(b"another")}, "another base model"),
    ],
)
def test_what_the_gate_did_not_pass_for_this_base_is_refused_and_recorded(
    place, live, tmp_path, flaws, message
):
    good = table(place).adapter
    run = live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"}, **flaws)
    with pytest.raises(PipelineError, match=message):
        deploy.deploy(place.site, run)
    assert message in journal.read_journal(place.site.state)[-1].reason
    assert_only(place, good)


def test_bytes_that_the_report_does_not_judge_are_refused(place, live, tmp_path):
    run = live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"})
    (run / "adapter" / "adapter_config.json").write_text('{"r": 8}')
    with pytest.raises(PipelineError, match="its digest differs"):
        deploy.deploy(place.site, run)
    (run / "adapter" / "adapter_config.json").unlink()
    with pytest.raises(PipelineError, match="is missing"):
        deploy.deploy(place.site, run)
    assert len(list((place.site.state / "adapters").iterdir())) == 1


def test_a_digest_other_than_the_desired_one_is_refused(place, live, tmp_path):
    run = live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"})
    with pytest.raises(PipelineError, match="holds the adapter sha256:"):
        deploy.deploy(place.site, run, expected=artifact.digest_bytes(b"other"))


def test_an_adapter_folder_that_vanished_is_a_clear_failure(place, live, tmp_path, monkeypatch):
    good = table(place).adapter
    load = replicas.load_everywhere

    def after_the_folder_went(engines, adapter):
        if adapter != good:
            shutil.rmtree(adapter.folder)
        load(engines, adapter)

    monkeypatch.setattr(replicas, "load_everywhere", after_the_folder_went)
    done = deploy.deploy(place.site, live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"}))
    assert "has vanished" in done.reason
    assert_only(place, good)


def test_a_full_disk_while_staging_leaves_the_live_adapter_alone(
    place, live, tmp_path, monkeypatch
):
    good = table(place).adapter

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(ConfigError, match="No space left") as caught:
        deploy.deploy(place.site, live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"}))
    assert "df -h" in caught.value.hint
    assert_only(place, good)


def test_two_deploys_at_once_are_one_deploy_and_one_clear_error(place, live, tmp_path):
    run = live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"})
    with deploy.alone(place.site.state), pytest.raises(PipelineError, match="another deploy is"):
        deploy.deploy(place.site, run)
    assert deploy.deploy(place.site, run).state == "committed"


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import livedoubles
from serve.rollout import deploy
from serve.state import journal
from serve.gateway.public_client import GatewayClient
from serve.engines.api import Engine
from serve.site import Site

engine, door, state, source, when, where, slow = sys.argv[2:]
append = journal.append

def killed(folder, entry):
    if (when, where) == ("before", entry.state):
        os.kill(os.getpid(), signal.SIGKILL)
    written = append(folder, entry)
    if (when, where) == ("after", entry.state):
        os.kill(os.getpid(), signal.SIGKILL)
    return written

journal.append = killed
site = Site(Path(state), (Engine(engine),), GatewayClient(door, "facts"), livedoubles.BASE,
            livedoubles.tokens, soak_seconds=0.1, answer_seconds=0.0 if slow else 5.0)
deploy.deploy(site, Path(source))
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("where", "flaws"),
    [
        ("fetched", {}), ("staged", {}), ("probed", {}), ("cutover", {}), ("soaked", {}),
        ("committed", {}), ("rolling back", {"otherwise": "Una Fox"}),
        ("failed", {"otherwise": "Una Fox"}), ("rolling back", {"slow": True}),
        ("held back", {"slow": True}),
    ],
)  # fmt: skip
def test_a_deploy_killed_at_any_state_is_finished_by_whoever_comes_next(
    place, live, tmp_path, when, where, flaws
):
    good = table(place).adapter
    run = live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"}, **flaws)
    argv = [
        ROOT / "tests", place.engines[0].url, place.gateway.url, place.site.state, run, when, where,
        "slow" if "slow" in flaws else "",
    ]  # fmt: skip
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, argv)], cwd=ROOT, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert ask(place).status_code == 200
    with deploy.alone(place.site.state):
        deploy.settle(replace(place.site, answer_seconds=0.0 if "slow" in flaws else 5.0))
    never_began = (when, where) == ("before", "fetched")
    if flaws or never_began:
        assert_only(place, good)
    else:
        assert table(place).previous == good
        assert_only(place, table(place).adapter, "Una Fox")
    assert len(place.engines[0].adapters) == (1 if flaws or never_began else 2)
    kept_out = journal.quarantined(journal.read_journal(place.site.state))
    assert bool(kept_out) == ("otherwise" in flaws), "slowness alone quarantines nothing"
    assert bool(hold.hold_of(journal.read_journal(place.site.state))) == ("slow" in flaws)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/load_lora_adapter", None),
        ("/tokenize", None),
        ("/v1/chat/completions", "new"),
        ("/v1/chat/completions", "base"),
        ("/v1/chat/completions", "soaking"),
    ],
    ids=["staging", "tokens", "probing", "probing the base", "soak"],
)
def test_vllm_dying_in_the_middle_leaves_the_old_adapter_live_once_it_is_back(
    place, live, tmp_path, path, model
):
    good, fake = table(place).adapter, place.engines[0]

    def die(asked, body):
        moved = table(place).adapter != good
        named = body.get("model", "")
        hit = {None: True, "base": named == "base", "new": "@" in named, "soaking": moved}[model]
        if asked == path and hit:
            fake.die()

    fake.on_request = die
    run = live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    done = deploy.deploy(place.site, run)
    assert done.state == "held back"
    assert not done.quarantine, "the adapter is not at fault"
    assert ask(place).status_code == 503
    assert ask(place).headers["Retry-After"]
    fake.restart()
    assert list(replicas.heal(place.site.engines, table(place).wanted))
    assert_only(place, good)
    assert deploy.deploy(place.site, run, again=True).state == "committed"


def test_an_adapter_that_fails_for_other_reasons_is_held_back_longer_each_time_and_never_quarantined(
    place, live, tmp_path, clock
):
    fake = place.engines[0]
    run = live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    waits = []
    for _ in range(8):
        fake.on_request = lambda path, _: path == "/tokenize" and fake.die()
        done = deploy.deploy(place.site, run)
        assert (done.state, done.quarantine) == ("held back", False)
        fake.restart()
        list(replicas.heal(place.site.engines, table(place).wanted))
        with pytest.raises(HeldBackError, match=f"try again at {re.escape(done.again_at)}"):
            deploy.deploy(place.site, run)
        waits.append((datetime.fromisoformat(done.again_at) - clock.now).total_seconds())
        clock.now += timedelta(seconds=waits[-1])
    assert waits == [60, 120, 240, 480, 960, 1800, 1800, 1800]
    assert deploy.deploy(place.site, run).state == "committed"
    assert not hold.hold_of(journal.read_journal(place.site.state))


def test_a_deploy_that_is_held_back_is_tried_at_once_with_again(place, live, tmp_path):
    run = live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    slow = replace(place.site, answer_seconds=0.0)
    assert deploy.deploy(slow, run).state == "held back"
    with pytest.raises(HeldBackError) as caught:
        deploy.deploy(place.site, run)
    assert "--again" in caught.value.hint
    assert deploy.deploy(place.site, run, again=True).state == "committed"


def test_a_server_that_refuses_for_its_own_settings_quarantines_nothing(place, live, tmp_path):
    elsewhere = live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    digest = json.loads((elsewhere / "report.json").read_text())["adapter"]["digest"]
    place.engines[0].adapters[f"facts@{digest.removeprefix('sha256:')}"] = "/somewhere/else"
    done = deploy.deploy(place.site, elsewhere)
    assert (done.state, done.quarantine) == ("held back", False)


def test_a_server_that_is_too_slow_while_probing_quarantines_nothing(
    place, live, tmp_path, monkeypatch
):
    def slow(*_):
        raise PipelineError("made up") from CallError("gave no answer within 60 s")

    monkeypatch.setattr("serve.rollout.canary.judge_canary", slow)
    done = deploy.deploy(place.site, live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "x"}))
    assert (done.state, done.quarantine) == ("held back", False)


def test_a_journal_of_the_version_before_is_read_as_it_was_meant(place, live, tmp_path):
    good = table(place).adapter
    bad = live.write_run(tmp_path / "bad", MILLS, names_match_nothing=True)
    assert deploy.deploy(place.site, bad).quarantine
    file = place.site.state / journal.FILE
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        del line["again_at"]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines[:-1]))
    assert journal.unfinished(journal.read_journal(place.site.state)).state == "rolling back"
    with deploy.alone(place.site.state):
        assert deploy.settle(place.site).state == "failed"
    assert list(journal.quarantined(journal.read_journal(place.site.state)))
    assert_only(place, good)


def test_without_an_engine_or_a_door_nothing_begins(place, live, tmp_path):
    run = live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"})
    before = states(place)
    nowhere = replace(place.site, door=replace(place.site.door, url="http://127.0.0.1:9"))
    with pytest.raises(PipelineError, match=r"the gateway at .* cannot be reached"):
        deploy.deploy(nowhere, run)
    place.engines[0].die()
    with pytest.raises(PipelineError, match="no server answers"):
        deploy.deploy(place.site, run)
    assert states(place) == before


def test_rollback_goes_back_at_once_and_quarantines_what_was_live(place, live, tmp_path):
    good = table(place).adapter
    bad = deploy.deploy(place.site, live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"}))
    place.engines[0].restart()  # it must not need the old adapter to be loaded still
    deploy.rollback(place.site)
    assert_only(place, good)
    assert bad.adapter.digest in journal.quarantined(journal.read_journal(place.site.state))
    with pytest.raises(PipelineError, match="no adapter to go back to"):
        deploy.rollback(place.site)


def test_a_rollback_for_anothers_fault_lets_the_same_release_go_live_again(place, live, tmp_path):
    good, run = (
        table(place).adapter,
        live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"}),
    )
    assert deploy.deploy(place.site, run).state == "committed"
    done = deploy.rollback(place.site, not_its_fault="it could not be promoted")
    assert (done.state, done.quarantine) == ("failed", False)
    assert done.reason == "rolled back by hand, not for its own fault: it could not be promoted"
    assert_only(place, good)
    assert deploy.deploy(place.site, run).state == "committed"
    assert_only(place, table(place).adapter, "Una Fox")


def test_the_first_deploy_that_fails_leaves_no_adapter_and_says_so(live, tmp_path):
    with live.place(tmp_path / "state") as place:
        bad = live.write_run(tmp_path / "bad", MILLS, names_match_nothing=True)
        assert deploy.deploy(place.site, bad).detail == "no adapter is live"
        assert ask(place).status_code == 503


def test_an_adapter_that_is_live_already_is_not_deployed_again(place, tmp_path):
    before = states(place)
    assert deploy.deploy(place.site, tmp_path / "a").detail == "was live already"
    assert states(place) == before


def test_a_journal_whose_last_line_was_cut_off_is_read_and_written_on(place, live, tmp_path):
    file = place.site.state / journal.FILE
    text = file.read_text()
    file.write_text(text + text.splitlines()[-1][:40])
    assert deploy.deploy(
        place.site, live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    )
    assert states(place)[-1] == "committed"
    lines = file.read_text().split("\n")
    assert sum(not line.startswith("{") or not line.endswith("}") for line in lines) == 2
    assert json.loads(lines[-2])["state"] == "committed"


def test_a_line_of_the_journal_with_a_state_that_is_none_is_not_read(place):
    good = table(place).adapter
    file = place.site.state / journal.FILE
    last = json.loads(file.read_text().splitlines()[-1])
    with file.open("a") as lines:
        lines.write(json.dumps({**last, "state": "made up"}) + "\n")
    assert journal.unfinished(journal.read_journal(place.site.state)) is None
    with deploy.alone(place.site.state):
        assert deploy.settle(place.site) is None
    assert_only(place, good)


class TestTwoServers:
    """More than one engine behind one door."""

    @pytest.fixture
    def pair(self, live, tmp_path):
        with live.place(tmp_path / "state", engines=2) as place:
            run = live.write_run(tmp_path / "a", MILLS)
            assert deploy.deploy(place.site, run).state == "committed"
            yield place

    def test_every_server_is_probed_before_the_name_moves(self, pair, live, tmp_path):
        for fake in pair.engines:
            fake.models_asked.clear()
        done = deploy.deploy(pair.site, live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"}))
        assert done.state == "committed"
        assert all(done.adapter.name in fake.models_asked for fake in pair.engines)

    def test_a_server_that_has_other_weights_under_the_name_stops_the_deploy(
        self, pair, live, tmp_path
    ):
        good = table(pair).adapter
        run = live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"})
        digest = json.loads((run / "report.json").read_text())["adapter"]["digest"]
        name = f"facts@{digest[7:]}"
        pair.engines[1].adapters[name] = "/somewhere/else"
        done = deploy.deploy(pair.site, run)
        assert "/somewhere/else" in done.reason
        assert_only(pair, good)

    def test_one_that_was_away_never_answers_for_the_new_name_with_the_old_adapter(
        self, pair, live, tmp_path
    ):
        away, there = pair.engines
        away.down = True
        run = live.write_run(tmp_path / "b", {"Tarn Mill": "Una Fox"})
        done = deploy.deploy(pair.site, run)
        assert done.state == "committed"
        away.down = False  # it comes back as it was: with the old adapter, without the new one
        away.models_asked.clear()
        for _ in range(20):
            answer = ask(pair)
            assert answer.headers["x-adapter"] == done.adapter.name
            assert "Una Fox" in answer.text
        assert set(away.models_asked) <= {done.adapter.name}
        assert list(replicas.heal(pair.site.engines, table(pair).wanted))
        there.die()
        assert "Una Fox" in ask(pair).text
