"""Checks that the state folder belongs to the account of `facts serve`; only it may write there."""

from __future__ import annotations

import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.artifact import disk_errors
from pipeline.core.errors import ConfigError

OTHERS = stat.S_IWGRP | stat.S_IWOTH


def claim(state: Path) -> None:
    """Make the state folder, and see that no other account may write it or anything in it.

    What this process writes from now on is writable by its account alone. Raises ConfigError.
    """
    os.umask(os.umask(0o022) | 0o022)
    with disk_errors(state):
        state.mkdir(parents=True, exist_ok=True)
        for path in (state, *_below(state)):
            _refuse(path, state)


def refuse_open(folder: Path) -> None:
    """Raise ConfigError where accounts other than a folder's owner may put files into it."""
    mode = folder.stat().st_mode
    if mode & OTHERS:
        raise ConfigError(
            f"{folder}: others may write it (mode {mode & 0o7777:o})",
            f"see that nobody did, then: chmod go-w {shlex.quote(str(folder))}",
        )


def account(uid: int) -> str:
    """Name an account, by its number where it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _refuse(path: Path, state: Path) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return  # gone meanwhile, or a link to nothing
    mine = os.geteuid()
    if found.st_uid != mine:
        raise ConfigError(
            f"{path}: belongs to {account(found.st_uid)}, and `facts serve` runs as {account(mine)}",
            "one account writes the state; see that nobody meddled with it, then: "
            f"sudo chown -R {account(mine)} {shlex.quote(str(state))}",
        )
    # The socket's own mode says who may ask, and asking is all that a writer of it can do.
    if found.st_mode & OTHERS and not stat.S_ISSOCK(found.st_mode):
        raise ConfigError(
            f"{path}: others may write it (mode {found.st_mode & 0o7777:o})",
            f"see that nobody did, then: chmod -R go-w {shlex.quote(str(state))}",
        )


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        yield from (Path(here, name) for name in (*folders, *files))
