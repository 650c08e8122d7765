"""Work that is done in a process of its own, as training by Unsloth is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.core.errors import TrainError
from pipeline.models import processes

pytestmark = pytest.mark.slow


def note(file: Path) -> None:
    os.environ["CHANGED_HERE"] = "yes"
    file.write_text(str(os.getpid()))


def fail(message: str, hint: str) -> None:
    raise TrainError(message, hint)


def test_what_it_changes_is_not_changed_here(tmp_path):
    processes.run_apart(note, tmp_path / "pid")
    assert int((tmp_path / "pid").read_text()) != os.getpid()
    assert "CHANGED_HERE" not in os.environ


def test_its_error_is_raised_here_with_its_hint():
    with pytest.raises(TrainError, match="went wrong") as caught:
        processes.run_apart(fail, "it went wrong", "do it again")
    assert caught.value.hint == "do it again"
