"""One at a time on the card. That there is one is put in: a file stands for what the driver makes."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from pipeline import lock
from pipeline.errors import ConfigError


def test_without_a_card_nobody_waits(card, monkeypatch):
    monkeypatch.setattr(lock, "DRIVER", card / "none")
    with lock.card(wait=False), lock.card(wait=False):
        assert list(card.iterdir()) == []


@pytest.mark.usefixtures("card")
def test_the_card_is_one_process_s_at_a_time():
    with lock.card(wait=False), pytest.raises(BlockingIOError), lock.card(wait=False):
        pass
    with lock.card(wait=False):  # free again
        pass


@pytest.mark.usefixtures("card")
def test_who_sees_another_card_does_not_wait(monkeypatch):
    with ExitStack() as held:
        for seen in ("0", "1", "GPU-1/2"):
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
            held.enter_context(lock.card(wait=False))


def test_who_waits_says_so_and_gets_the_card_when_its_holder_is_killed(card, capfd):
    """The holder is a process of its own, as a training would be."""
    holding = (
        "import sys, time\nfrom pathlib import Path\nfrom pipeline import lock\n"
        "lock.DRIVER, lock.FOLDER = map(Path, sys.argv[1:])\n"
        "with lock.card():\n    print('has it', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", holding, str(lock.DRIVER), str(card)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "has it\n"
    with pytest.raises(BlockingIOError), lock.card(wait=False):
        pass
    killing = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {holder.pid}"])
    began = time.monotonic()
    with lock.card():
        assert time.monotonic() - began > 0.3
    assert "waiting for it" in capfd.readouterr().err
    killing.wait()
    holder.communicate()


def test_a_lock_that_cannot_be_kept_is_an_error_with_its_place(card, monkeypatch):
    (card / "file").touch()
    monkeypatch.setattr(lock, "FOLDER", card / "file" / "below")
    monkeypatch.setattr(lock.tempfile, "gettempdir", lambda: str(card / "file"))
    with pytest.raises(ConfigError, match="schoolhouse-card-all"), lock.card():
        pass
