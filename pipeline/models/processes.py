"""Several processes that train one adapter together, as `accelerate launch` starts them.

Each takes its share of every step, so that a step has the same examples for any number of processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any  # accelerate is untyped here


def count() -> int:
    """Return the number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return this process's rank, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_main() -> bool:
    """Return whether this process writes and talks for all."""
    return rank() == 0


def together() -> None:
    """Wait until all processes have called this."""
    if count() > 1:
        _state().wait_for_everyone()


def run_apart(work: Callable[..., None], *given: object) -> None:
    """Run `work` in a new process, which shares no library's state; its errors are raised here.

    `work` is a module's own function, and its arguments can be pickled.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(work, *given).result()


def _state() -> Any:
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available())


@contextmanager
def main_first() -> Iterator[None]:
    """Let the main process run the block first, and the others after it: they find its files on disk."""
    if count() == 1:
        yield
        return
    with _state().main_process_first():
        yield
