"""Several processes that train one adapter together, as `accelerate launch` starts them.

Each takes its share of every step, so that a step holds the same examples however many there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def count() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which one this is, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_main() -> bool:
    """Whether this process writes and talks for all."""
    return rank() == 0


@contextmanager
def main_first() -> Iterator[None]:
    """Let the main process do something, and the others after it: they find what it left on disk."""
    if count() == 1:
        yield
        return
    import torch
    from accelerate import PartialState

    with PartialState(cpu=not torch.cuda.is_available()).main_process_first():
        yield
