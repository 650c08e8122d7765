"""One at a time on the card. That there is one is put in: a file stands for what the driver makes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipeline.core import lock
from pipeline.core.errors import ConfigError


def test_without_a_card_nobody_waits(card, monkeypatch):
    monkeypatch.setattr(lock, "DRIVER", card / "none")
    with lock.gpu(wait=False), lock.gpu(wait=False):
        pass


@pytest.mark.usefixtures("card")
def test_the_card_is_one_process_s_at_a_time():
    with lock.gpu(wait=False), pytest.raises(BlockingIOError), lock.gpu(wait=False):
        pass
    with lock.gpu(wait=False):  # free again
        pass


@pytest.mark.usefixtures("card")
def test_who_sees_another_card_does_not_wait(monkeypatch):
    with ExitStack() as held:
        for seen in ("0", "1", "GPU-1/2"):
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
            held.enter_context(lock.gpu(wait=False))


def test_who_waits_says_so_and_gets_the_card_when_its_holder_is_killed(card, capfd):
    """The holder is a process of its own, as a training would be."""
    holding = (
        "import sys, time\nfrom pathlib import Path\nfrom pipeline.core import lock\n"
        "lock.DRIVER = Path(sys.argv[1])\n"
        "with lock.gpu():\n    print('has it', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", holding, str(card / "nvidiactl")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "has it\n"
    with pytest.raises(BlockingIOError), lock.gpu(wait=False):
        pass
    killing = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {holder.pid}"])
    began = time.monotonic()
    with lock.gpu():
        assert time.monotonic() - began > 0.3
    assert "waiting for it" in capfd.readouterr().err
    killing.wait()
    holder.communicate()


def test_the_lock_is_the_node_itself_which_nobody_but_root_can_replace(card):
    before = sorted(card.iterdir())
    with lock.gpu(wait=False):
        assert sorted(card.iterdir()) == before, "no file is made, anywhere"


def test_a_real_device_node_can_be_locked(monkeypatch):
    """Stands for the card's: the kernel locks every node alike."""
    monkeypatch.setattr(lock, "DRIVER", Path("/dev/full"))
    with lock.gpu(wait=False), pytest.raises(BlockingIOError), lock.gpu(wait=False):
        pass


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("seen", ["GPU-1/2", "0,GPU-1/2", "7", "-1", "../x"])
def test_who_names_no_known_card_has_all_of_them(monkeypatch, seen):
    with lock.gpu(wait=False):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
        with pytest.raises(BlockingIOError), lock.gpu(wait=False):
            pass


def test_a_node_that_cannot_be_opened_is_an_error_with_its_place(card, monkeypatch):
    (card / "link").symlink_to(card / "nvidiactl")
    monkeypatch.setattr(lock, "DRIVER", card / "link")
    with pytest.raises(ConfigError, match=f"{card}/link: cannot be opened"), lock.gpu():
        pass


def planted(kind, file, victim):
    """Put something where a lock is to be."""
    if kind == "link":
        file.symlink_to(victim)
    elif kind == "link to nothing":
        file.symlink_to(victim.with_name("none"))
    elif kind == "hard link":
        file.hardlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(file))


@pytest.mark.parametrize(
    "kind", ["link", "link to nothing", "hard link", "pipe", "folder", "socket"]
)
def test_what_was_planted_where_a_lock_is_to_be_is_refused_and_left_as_it_was(tmp_path, kind):
    victim, file = tmp_path / "victim", tmp_path / "x.lock"
    victim.write_text("mine")
    victim.chmod(0o600)
    planted(kind, file, victim)
    with pytest.raises(ConfigError, match=r"x\.lock: "), lock.exclusive(file, wait=False):
        pass
    assert victim.stat().st_mode & 0o777 == 0o600
    assert victim.read_text() == "mine"
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another account's file")
def test_another_accounts_file_is_no_lock_of_ours(tmp_path):
    file = tmp_path / "x.lock"
    file.touch()
    os.chown(file, 65534, 65534)
    with (
        pytest.raises(ConfigError, match="not a lock that this account made"),
        lock.exclusive(file),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be opened as a lock"):  # noqa: SIM117
        with lock.exclusive(tmp_path / "file" / "x.lock"):
            pass
