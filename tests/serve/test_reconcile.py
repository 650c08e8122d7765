from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.core import artifact
from pipeline.core.errors import ConfigError, PipelineError
from serve import status
from serve.rollout import desired, hold, reconcile, sources
from serve.rollout.desired import Desired
from serve.rollout.hold import HeldBackError
from serve.state import alias, journal
from serve.status import LeftOver, Status

MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe"}
DIGEST = artifact.digest_bytes(b"x")


def git(folder, *argv):
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(folder), *argv],
        check=True, capture_output=True,
    )  # fmt: skip


def commit(folder, text):
    (folder / "desired.toml").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-m", "Deploy another adapter")


@pytest.fixture
def clone(tmp_path):
    """Give a clone, and the repository that it was cloned from."""
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "-b", "main")
    commit(origin, f'adapter = "one"\ndigest = "{DIGEST}"\n')
    git(tmp_path, "clone", str(origin), "clone")
    return tmp_path / "clone", origin


def test_the_desired_state_is_fetched_and_read_as_committed_not_as_edited(clone):
    here, origin = clone
    (here / "desired.toml").write_text("half an edit")
    assert desired.read_desired(here, "origin/main", "desired.toml") == Desired("one", DIGEST)
    commit(origin, f'adapter = "two"\ndigest = "{DIGEST}"\n')
    assert desired.read_desired(here, "origin/main", "desired.toml").adapter == "two"


@pytest.mark.parametrize(
    "text",
    ["", "adapter = 1", 'adapter = "x"\ndigest = "sha256:12"', f'adapter = 7\ndigest = "{DIGEST}"',
     f'adapter = "x"\ndigest = "{DIGEST}"\nmore = 1', 'adapter = "x"\ndigest = 7',
     f'adapter = ""\ndigest = "{DIGEST}"', 'adapter = "x"\ndigest = ""',
     f'adapter = "x"\ndigest = "{DIGEST}"\nrelease = ""',
     f'adapter = "x"\ndigest = "{DIGEST}"\nrelease = "sha256:12"'],
)  # fmt: skip
def test_a_file_that_does_not_say_what_to_deploy_is_told_so(clone, text):
    here, origin = clone
    commit(origin, text + "\n")
    with pytest.raises(PipelineError, match="does not say what to deploy") as caught:
        desired.read_desired(here, "origin/main", "desired.toml")
    assert "two lines" in caught.value.hint


@pytest.mark.parametrize("revision", ["origin/none", "--output=x", "none"])
def test_a_revision_that_git_does_not_know_is_an_error_and_never_an_option(clone, revision):
    with pytest.raises(PipelineError, match=r"git (fetch|show): fatal"):
        desired.read_desired(clone[0], revision, "desired.toml")


def test_a_third_line_pins_the_whole_release_and_another_one_is_not_deployed(clone, live, tmp_path):
    here, origin = clone
    commit(origin, f'adapter = "one"\ndigest = "{DIGEST}"\nrelease = "{DIGEST}"\n')
    wanted = desired.read_desired(here, "origin/main", "desired.toml")
    assert wanted == Desired("one", DIGEST, DIGEST)
    run = live.write_run(tmp_path / "a", MILLS)
    with live.place(tmp_path / "state") as place:
        with pytest.raises(PipelineError, match=r"release\.json|manifest\.json|is missing"):
            reconcile.reconcile(place.site, wanted, lambda _: run)
        assert place.engines[0].adapters == {}


def test_what_is_desired_is_deployed_once_and_a_restarted_server_healed(live, tmp_path):
    run = live.write_run(tmp_path / "a", MILLS)
    wanted = Desired(str(run), json.loads((run / "report.json").read_text())["adapter"]["digest"])

    def fetch(source):
        return sources.local(source, tmp_path)

    with live.place(tmp_path / "state") as place:
        assert reconcile.reconcile(place.site, wanted, fetch).state == "committed"
        assert reconcile.reconcile(place.site, wanted, fetch) is None
        place.engines[0].restart()
        assert reconcile.reconcile(place.site, wanted, fetch) is None
        assert set(place.engines[0].adapters) == {
            alias.read_alias(place.site.state).table.adapter.name
        }


def test_a_quarantined_desire_is_not_tried_again_and_status_tells_it(live, tmp_path):
    run = live.write_run(tmp_path / "a", MILLS, names_match_nothing=True)
    wanted = Desired(str(run), json.loads((run / "report.json").read_text())["adapter"]["digest"])
    with live.place(tmp_path / "state") as place:
        done = reconcile.reconcile(place.site, wanted, lambda _: run)
        assert done.state == "failed"
        with pytest.raises(PipelineError, match="is quarantined"):
            reconcile.reconcile(place.site, wanted, lambda _: run)
        data = status.gather(place.site.state, place.site.engines, "facts", wanted.digest)
        assert data.live is None
        assert data.quarantined[0].digest == wanted.digest
        text = status.status_as_text(data)
    assert "ignores it" in text
    assert wanted.digest in text


def test_status_tells_what_is_live_and_what_is_wrong(live, tmp_path):
    from serve.rollout import deploy

    with live.place(tmp_path / "state", engines=2) as place:
        done = deploy.deploy(place.site, live.write_run(tmp_path / "a", MILLS))
        place.engines[0].die()
        (place.site.state / alias.FILE).write_text("{")
        data = status.gather(place.site.state, place.site.engines, "facts", "nothing")
    assert data.live == done.adapter.name
    assert data.since
    assert data.last.state == "committed"
    assert data.under_way is None
    told = list(data.engines.values())
    assert told == ["away", f"has {done.adapter.name}"]
    text = status.status_as_text(data)
    assert "WARNING" in text
    assert "signer      nobody: nothing is verified but the digest" in text
    digest = done.adapter.digest.removeprefix("sha256:")
    assert f"facts@{digest[:12]}…" in text
    assert digest[:13] not in text


@pytest.mark.parametrize("source", ["none", "./none/x", "a/b/c", "/no/such"])
def test_a_source_that_is_no_folder_says_how_to_make_one(tmp_path, source):
    with pytest.raises(ConfigError, match="there is no such folder"):
        sources.local(source, tmp_path)


LIVE = Status(
    alias="facts", generation=1, alias_table="ok", live="facts@1", digest=DIGEST, since="then",
    previous=None, desired=DIGEST, signer="", under_way=None, last=None,
    engines={"http://a": "has facts@0, facts@1"}, quarantined=(), held_back=(),
    left_over=LeftOver(0, 0),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"desired": "not known (no file)"}, ""),
        ({"live": None}, "nothing is live"),
        ({"engines": {"http://a": "away"}}, "http://a away"),
        ({"engines": {"http://a": "has facts@12"}}, "not the live facts@1"),
        ({"alias_table": "damaged"}, "damaged"),
        ({"desired": artifact.digest_bytes(b"y")}, "is desired"),
    ],
)
def test_drift_is_said_where_the_live_side_is_not_as_it_ought_to_be(changed, said):
    found = status.drift(replace(LIVE, **changed))
    assert said in "".join(found)
    assert bool(found) == bool(said)


def test_what_is_held_back_waits_for_its_time_and_another_desire_does_not(
    live, tmp_path, monkeypatch
):
    now = [datetime(2030, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr(hold, "now", lambda: now[0])
    fetched = []

    def fetch(source):
        fetched.append(source)
        return sources.local(source, tmp_path)

    def desire(name, owner):
        run = live.write_run(tmp_path / name, MILLS | {"Tarn Mill": owner})
        digest = json.loads((run / "report.json").read_text())["adapter"]["digest"]
        return Desired(str(run), digest)

    slow, other = desire("a", "Ann Lee"), desire("b", "Una Fox")
    with live.place(tmp_path / "state") as place:
        unbearable = replace(place.site, answer_seconds=0.0)
        done = reconcile.reconcile(unbearable, slow, fetch)
        assert done.state == "held back"
        for _ in range(3):
            with pytest.raises(HeldBackError, match="try again at 2030-01-01T00:01:00"):
                reconcile.reconcile(place.site, slow, fetch)
        assert len(fetched) == 1, "nothing is fetched for what is not tried yet"
        data = status.gather(place.site.state, place.site.engines, "facts", slow.digest)
        assert data.held_back[0].again_at == done.again_at
        assert f"try again at {done.again_at}" in status.status_as_text(data)
        assert reconcile.reconcile(place.site, other, fetch).state == "committed"
        now[0] += timedelta(minutes=1)
        assert reconcile.reconcile(place.site, slow, fetch).state == "committed"
        assert not hold.hold_of(journal.read_journal(place.site.state))
