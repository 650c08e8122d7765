"""The state folder stays small, and no server loses a folder that it may read again."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from serve import status, supervise
from serve.rollout import deploy, hold, tidy
from serve.state import alias, journal
from serve.state.alias import Adapter, Table
from serve.state.journal import JournalEntry

pytestmark = pytest.mark.slow

MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe"}


@pytest.fixture
def clock(monkeypatch):
    """Give a monotonic clock that may be moved, for how long a folder has rested."""
    clock = [1000.0]
    monkeypatch.setattr(tidy, "clock", lambda: clock[0])
    return clock


@pytest.fixture
def place(live, tmp_path):
    """Give two engines after three deploys, one that was refused by the probes, and one held back."""
    with live.place(tmp_path / "state", engines=2) as place:
        for owner in ("Ann Lee", "Una Fox", "Amy Bly"):
            run = live.write_run(tmp_path / owner, MILLS | {"Tarn Mill": owner})
            assert deploy.deploy(place.site, run).state == "committed"
        bad = live.write_run(tmp_path / "bad", MILLS, names_match_nothing=True)
        assert deploy.deploy(place.site, bad).quarantine
        slow = live.write_run(tmp_path / "slow", MILLS | {"Tarn Mill": "Eva Orr"})
        held = deploy.deploy(replace(place.site, answer_seconds=0.0), slow)
        assert held.state == "held back"
        yield place


def folders(place):
    return {path.name for path in (place.site.state / "adapters").iterdir()}


def reports(place):
    return {path.name.removesuffix(".json") for path in (place.site.state / "reports").iterdir()}


def test_what_no_server_can_read_again_is_removed_while_servers_run(place, clock):
    wanted = {adapter.name for adapter in alias.read_alias(place.site.state).table.wanted}
    bad = {
        e.adapter.name for e in journal.quarantined(journal.read_journal(place.site.state)).values()
    }
    assert len(folders(place)) == 5
    told = status.gather(place.site.state, place.site.engines, "facts", "nothing")
    assert told.left_over.adapters == 3
    assert told.left_over.bytes > 0
    assert "3 old adapters" in status.status_as_text(told)
    idle = {}
    supervise.tidy_up(place.site, idle)
    assert len(folders(place)) == 5, "a server may have a request for one that has not rested"
    clock[0] += tidy.RESTED_SECONDS
    supervise.tidy_up(place.site, idle)
    assert folders(place) == wanted
    assert reports(place) == wanted | bad
    assert hold.hold_of(journal.read_journal(place.site.state))


def test_a_folder_is_kept_while_any_server_lists_it_is_away_or_has_a_request_of_it(
    place, clock, monkeypatch
):
    idle, two = {}, place.engines[1]
    over = tidy.leftovers(place.site.state)
    two.adapters[over[0].name] = str(over[0])
    for _ in range(3):
        supervise.tidy_up(place.site, idle)
        clock[0] += tidy.RESTED_SECONDS
    assert over[0].name in folders(place)
    del two.adapters[over[0].name]
    two.down = True
    for _ in range(3):
        supervise.tidy_up(place.site, idle)
        clock[0] += tidy.RESTED_SECONDS
    assert over[0].name in folders(place)
    two.down = False
    with monkeypatch.context() as busy:
        busy.setattr(tidy.public_client, "in_flight", lambda _, name: int(name == over[0].name))
        for _ in range(3):
            supervise.tidy_up(place.site, idle)
            clock[0] += tidy.RESTED_SECONDS
    assert over[0].name in folders(place)
    supervise.tidy_up(place.site, idle)
    clock[0] += tidy.RESTED_SECONDS
    supervise.tidy_up(place.site, idle)
    assert over[0].name not in folders(place)


def test_nothing_is_removed_under_a_deploy(place, clock):
    idle = {}
    supervise.tidy_up(place.site, idle)
    clock[0] += tidy.RESTED_SECONDS
    with deploy.alone(place.site.state):
        supervise.tidy_up(place.site, idle)
    assert len(folders(place)) == 5


def test_what_was_removed_is_fetched_again_when_it_is_deployed_again(place, tmp_path, clock):
    idle = {}
    supervise.tidy_up(place.site, idle)
    clock[0] += tidy.RESTED_SECONDS
    supervise.tidy_up(place.site, idle)
    assert deploy.deploy(place.site, tmp_path / "slow", again=True).state == "committed"


def test_what_fetching_left_half_done_goes_and_what_may_still_be_written_stays(tmp_path):
    for name in ("adapters/.facts@1-x", "adapters/.facts@1-x.old", "pulled/.pull-a", "pulled/x@1"):
        (tmp_path / name).mkdir(parents=True)
    old = time.time() - 2 * tidy.PULLED_SECONDS
    os.utime(tmp_path / "pulled" / "x@1", (old, old))
    tidy.remove(tmp_path, ())
    assert not list((tmp_path / "adapters").iterdir())
    assert [path.name for path in (tmp_path / "pulled").iterdir()] == [".pull-a"]


def entry(number, state, **more):
    adapter = Adapter(f"facts@{number}", f"/a/{number}", f"sha256:{number}")
    return JournalEntry(f"d{number}", adapter, Table(), state, **more)


def test_a_long_journal_is_compacted_and_forgets_nothing_that_still_matters(tmp_path):
    journal.append(tmp_path, entry(1, "failed", reason="bad", quarantine=True))
    journal.append(tmp_path, entry(2, "failed", reason="bad", quarantine=True))
    journal.append(tmp_path, entry(2, "released"))
    journal.append(tmp_path, entry(3, "held back", again_at="2030-01-01T00:00:00+00:00"))
    for number in range(10, 10 + 2 * journal.KEPT):
        journal.append(tmp_path, entry(number, "committed"))
    last = journal.append(tmp_path, entry(9, "cutover"))
    before = journal.read_journal(tmp_path)
    assert journal.compact(tmp_path)
    after = journal.read_journal(tmp_path)
    assert len(after) == journal.KEPT + 2
    assert journal.unfinished(after) == last
    assert journal.quarantined(after) == journal.quarantined(before)
    assert hold.hold_of(after) == hold.hold_of(before)
    assert not journal.compact(tmp_path)
    journal.append(tmp_path, entry(9, "soaked"))
    assert journal.read_journal(tmp_path)[-1].state == "soaked"


def test_a_source_that_is_refused_again_and_again_is_one_line_of_the_journal(place, live, tmp_path):
    run = live.write_run(tmp_path / "no", MILLS, verdict="fail")
    for _ in range(3):
        with pytest.raises(deploy.PipelineError):
            deploy.deploy(place.site, run)
    reasons = [entry.reason for entry in journal.read_journal(place.site.state)]
    assert sum("its gate did not pass" in reason for reason in reasons) == 1
