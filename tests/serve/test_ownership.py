"""The state folder is written by one account; `facts serve` does not start where others may write it."""

from __future__ import annotations

import os
import socket

import pytest

from pipeline.core.errors import ConfigError
from serve.state import ownership

NOBODY = 65534


@pytest.fixture
def state(tmp_path):
    """Give a state folder with something in it, as `facts serve` leaves it."""
    before = os.umask(0)  # of an account whose files others may write, as some systems have it
    folder = tmp_path / "state"
    ownership.claim(folder)
    (folder / "adapters" / "facts@1").mkdir(parents=True)
    (folder / "adapters" / "facts@1" / "weights").write_text("x")
    (folder / "journal.jsonl").write_text("{}\n")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "admin.sock"))
    (folder / "admin.sock").chmod(0o660)
    yield folder
    os.umask(before)


def test_what_is_written_after_a_claim_is_its_owners_alone_to_write(state):
    ownership.claim(state)
    for path in (state, *state.rglob("*")):
        assert path.name == "admin.sock" or path.stat().st_mode & 0o022 == 0


@pytest.mark.parametrize("inside", ["", "journal.jsonl", "adapters", "adapters/facts@1/weights"])
@pytest.mark.parametrize("more", [0o020, 0o002])
def test_what_others_may_write_is_refused_with_the_command_that_mends_it(state, inside, more):
    path = state / inside
    path.chmod(path.stat().st_mode | more)
    with pytest.raises(ConfigError, match="others may write it") as caught:
        ownership.claim(state)
    assert caught.value.message.startswith(f"{path}: ")
    assert caught.value.hint.endswith(f"chmod -R go-w {state}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("inside", ["", "journal.jsonl", "adapters/facts@1", "admin.sock"])
def test_what_another_account_owns_is_refused_with_the_command_that_mends_it(state, inside):
    path = state / inside
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(ConfigError, match="belongs to nobody") as caught:
        ownership.claim(state)
    assert caught.value.message.startswith(f"{path}: ")
    assert caught.value.hint.endswith(f"sudo chown -R root {state}")


def test_a_link_is_judged_by_what_it_leads_to(state, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    (state / "more").symlink_to(elsewhere)
    with pytest.raises(ConfigError, match="others may write it"):
        ownership.claim(state)
    elsewhere.rmdir()
    ownership.claim(state)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        ownership.claim(tmp_path / "file" / "state")


def test_facts_serve_does_not_start_on_such_a_state(served_by, engine, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)
    served = served_by(engine)
    assert served.process.wait(60) == 2
    assert "others may write it (mode 777)" in served.log.read_text()
    assert not list((tmp_path / "state").iterdir())
