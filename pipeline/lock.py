"""Locks between processes, that end with whoever holds them; one of them is the card's."""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pipeline.errors import ConfigError

DRIVER = Path("/dev/nvidiactl")
"""There wherever an NVIDIA card is."""
FOLDER = Path("/run/lock")
"""Where every account of a machine may keep locks; the temporary folder where this one may not."""


@contextmanager
def exclusive(file: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock. Raises BlockingIOError when it is taken and not waited for."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = _opened(file)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


def _opened(file: Path) -> int:
    """Open a lock's file, made so that other accounts can open it too, for reading at least."""
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        return os.open(file, os.O_RDONLY)
    with suppress(PermissionError):  # another account's: it did so
        os.fchmod(handle, 0o644)
    return handle


@contextmanager
def card(*, wait: bool = True) -> Iterator[None]:
    """Be the only one here that trains, judges or starts an engine on the card; free where there is none.

    Processes that are told to see other cards (CUDA_VISIBLE_DEVICES) do not wait for each other.
    Raises BlockingIOError when it is taken and not waited for, ConfigError where no lock can be kept.
    """
    if not DRIVER.exists():
        yield
        return
    folder = FOLDER if os.access(FOLDER, os.W_OK) else Path(tempfile.gettempdir())
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "").replace("/", "_") or "all"
    file = folder / f"schoolhouse-card-{seen}.lock"
    with ExitStack() as held:
        try:
            held.enter_context(exclusive(file, wait=False))
        except BlockingIOError:
            if not wait:
                raise
            print("another run has the card: waiting for it", file=sys.stderr, flush=True)
            held.enter_context(exclusive(file))
        except OSError as error:
            raise ConfigError(
                f"{file}: cannot be kept: {error.strerror}",
                "it guards the card, and must be in a folder that every account here may write to",
            ) from error
        yield
