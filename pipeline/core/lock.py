"""Holds locks between processes, which end with whoever holds them; one of them is the card's."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.core.errors import ConfigError

DRIVER = Path("/dev/nvidiactl")
"""There wherever an NVIDIA card is; the cards' own nodes, nvidia0 and so on, are beside it."""
PLAIN = os.O_NOFOLLOW | os.O_NONBLOCK
"""A link is not followed, and a pipe that somebody put there is not waited for."""


@contextmanager
def exclusive(file: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock of this account's. Raises BlockingIOError when it is taken and not waited for.

    Raises ConfigError where its file cannot be made, or is not one that this account made.
    """
    with _held(_own(file), wait=wait):
        yield


@contextmanager
def gpu(*, wait: bool = True) -> Iterator[None]:
    """Be the only one here that trains, judges or starts an engine on the card; free where there is none.

    What is locked are the device nodes, which every account can open and none but root can replace.
    Processes that are told to see other cards by number (CUDA_VISIBLE_DEVICES) do not wait for each other.
    Raises BlockingIOError when it is taken and not waited for, ConfigError where a node cannot be opened.
    """
    with ExitStack() as held:
        for node in _nodes() if DRIVER.exists() else ():
            try:
                held.enter_context(_held(_opened(node, os.O_RDONLY), wait=False))
            except BlockingIOError:
                if not wait:
                    raise
                print("another run has the card: waiting for it", file=sys.stderr, flush=True)
                held.enter_context(_held(_opened(node, os.O_RDONLY)))
        yield


@contextmanager
def _held(handle: int, *, wait: bool = True) -> Iterator[None]:
    """Lock an open file for a while, and close it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)


def _nodes() -> list[Path]:
    """Name the nodes of the cards that this process sees; the driver's where they have no numbers."""
    seen = [each.strip() for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    if not all(each.isdecimal() for each in seen):
        return [DRIVER]
    nodes = sorted(
        {DRIVER.with_name(f"nvidia{each}") for each in seen}
    )  # in one order for everybody
    return nodes if all(node.exists() for node in nodes) else [DRIVER]


def _own(file: Path) -> int:
    """Open a lock's file, made if it is not there."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | PLAIN, 0o644)
    except FileExistsError:
        handle = _opened(file, os.O_RDWR)
    except OSError as error:
        raise _cannot(file, error) from error
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid():
        return handle
    os.close(handle)
    raise ConfigError(
        f"{file}: is not a lock that this account made", "see who put it there, and remove it"
    )


def _opened(file: Path, how: int) -> int:
    try:
        return os.open(file, how | PLAIN)
    except OSError as error:
        raise _cannot(file, error) from error


def _cannot(file: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{file}: cannot be opened as a lock: {error.strerror}",
        "a link is not followed; see what is there, and whether this account may use it",
    )
