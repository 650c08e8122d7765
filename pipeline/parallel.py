"""Several processes that train one adapter together, as `accelerate launch` starts them.

Each takes its share of every step, so that a step holds the same examples however many there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any  # accelerate is untyped here


def count() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which one this is, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_main() -> bool:
    """Whether this process writes and talks for all."""
    return rank() == 0


def together() -> None:
    """Wait until all processes have come here."""
    if count() > 1:
        _state().wait_for_everyone()


def _state() -> Any:
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available())


@contextmanager
def main_first() -> Iterator[None]:
    """Let the main process do something, and the others after it: they find what it left on disk."""
    if count() == 1:
        yield
        return
    with _state().main_process_first():
        yield
