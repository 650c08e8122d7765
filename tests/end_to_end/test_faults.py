"""Each call of publishing and promoting fails in every way, and the process is killed after each.

Whatever happened, `main` is what it was or a whole release, and the same command, run again, ends well
with one commit on each branch and one tag.
"""

from __future__ import annotations

import shutil

import pytest

REPO = "ours/mills"
PUBLISH = ("publish", "--recipe", "tiny.toml", "--to", REPO)
PROMOTE = ("publish", "--promote")
PUBLISHING = (
    "refs", "tree", "branch", "validate", "preupload", "batch", "put", "verify", "commit", "tag",
    "file",
)  # fmt: skip
PROMOTING = ("info", "refs", "tree", "paths", "file", "commit")
WRITING = {"branch", "put", "commit", "tag"}
ONCE = [("refs", "429", "before"), ("commit", "slow", "before"), ("file", "truncate", "after")]
"""What the client or our own retries treat alike wherever it happens."""
DURING = {"put", "commit"}
"""Calls that send enough to break off in the middle."""


def ways(routes):
    """List what may go wrong: reads have no effect, so "after" is another case for writes alone."""
    found = [(route, how, "before") for route in routes for how in ("500", "drop")]
    written = [route for route in routes if route in WRITING]
    found += [(route, how, "after") for route in written for how in ("500", "drop", "html")]
    found += [(route, "cut", "during") for route in routes if route in DURING]
    return [pytest.param(*way, id="-".join(way)) for way in found + ONCE]


def whole(hub, revision):
    """Whether a revision is a whole release; False when it is empty. Anything else fails the test."""
    from pipeline.core import artifact
    from pipeline.publishing import release

    files = {n: d for n, d in hub.files(REPO, revision).items() if n != ".gitattributes"}
    if not files:
        return False
    named = release.read_manifest(files.pop("manifest.json"))
    assert {name: artifact.digest_bytes(data) for name, data in files.items()} == named
    return True


def check(hub, done, *, promoted):
    """Check what holds after a run that was disturbed, and after the next one, which was not."""
    assert done.returncode in (0, 1, -9), done.stderr
    if done.returncode == 1:
        assert "hint: " in done.stderr
    if whole(hub, "main"):
        assert promoted
        assert len(hub.history(REPO, "main")) == 2


def check_published(hub):
    assert whole(hub, "candidate")
    assert len(hub.history(REPO, "candidate")) == 2
    refs = hub.refs(REPO)
    assert list(refs["tags"].values()) == [refs["branches"]["candidate"]]


@pytest.mark.parametrize(("route", "how", "when"), ways(PUBLISHING))
def test_a_disturbed_publication_is_finished_by_the_next(
    route, how, when, learned, facts, hub, doubles
):
    hub.faults.append(doubles.Fault(route, how, when))
    done = facts(*PUBLISH, cwd=learned)
    assert not hub.faults[0].times, "the call was not made"
    check(hub, done, promoted=False)
    hub.faults.clear()
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 0, done.stderr
    check_published(hub)
    assert not whole(hub, "main")


@pytest.fixture
def candidate(hub, _published_once):
    """Give the commit of a release that was published and not yet promoted."""
    shutil.copytree(_published_once, hub.root, dirs_exist_ok=True)
    refs = hub.refs(REPO)
    refs["branches"]["main"] = hub.parent(refs["branches"]["main"])
    hub.save(REPO, refs)
    return refs["branches"]["candidate"]


def promote(facts, hub, commit, tmp_path):
    done = facts("publish", "--to", REPO, "--promote", commit, cwd=tmp_path)
    check(hub, done, promoted=True)
    hub.faults.clear()
    done = facts("publish", "--to", REPO, "--promote", commit, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert whole(hub, "main")
    assert len(hub.history(REPO, "main")) == 2


@pytest.mark.parametrize(("route", "how", "when"), ways(PROMOTING))
def test_a_disturbed_promotion_is_finished_by_the_next(
    route, how, when, candidate, facts, hub, doubles, tmp_path
):
    hub.faults.append(doubles.Fault(route, how, when))
    promote(facts, hub, candidate, tmp_path)
    assert route in hub.calls


# The calls in between fetch one file after another, as those beside them do.
@pytest.mark.parametrize("nth", [*range(1, 19), 26, 27])
def test_killed_after_any_call_of_a_publication_the_next_one_ends_well(
    nth, learned, facts, hub, doubles
):
    hub.faults.append(doubles.Fault("*", "kill", "after", nth=nth))
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == -9
    check(hub, done, promoted=False)
    hub.faults.clear()
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 0, done.stderr
    check_published(hub)


@pytest.mark.parametrize("nth", [1, 2, 3, 4, *range(18, 25), 30, 31, 32, 33])
def test_killed_after_any_call_of_a_promotion_the_next_one_ends_well(
    nth, candidate, facts, hub, doubles, tmp_path
):
    hub.faults.append(doubles.Fault("*", "kill", "after", nth=nth))
    promote(facts, hub, candidate, tmp_path)
    assert len(hub.calls) > nth


def test_a_hub_that_stays_away_is_given_up_with_what_to_do(learned, facts, hub, doubles):
    hub.faults.append(doubles.Fault("commit", "503", times=99))
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 1
    assert "the Hub answered 503" in done.stderr
    assert "hint: run the same command again" in done.stderr
    assert not whole(hub, "main")


def test_a_commit_refused_for_an_old_parent_is_looked_at_again(learned, facts, hub, doubles):
    hub.faults.append(doubles.Fault("commit", "412", "after"))
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 0, done.stderr
    check_published(hub)


def test_bytes_that_come_back_wrong_end_the_publication_and_main_stays(
    learned, facts, hub, doubles
):
    hub.faults.append(doubles.Fault("file", "flip", "after", nth=4))
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 1
    assert "adapter_model.safetensors: was changed" in done.stderr
    assert not whole(hub, "main")
