"""Writes several files, all or none: each is made beside its place first, and nothing that is there is lost.

A new file never takes the place of another one, and an old one is only replaced while it is as it was
read. What fails takes back what was done. A kill in between leaves whole files, and it can be run again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.artifact import disk_errors
from pipeline.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Change:
    """A file to be written; `old` is what must be there now, None for nothing."""

    path: Path
    old: bytes | None
    new: bytes


def write_all(changes: Sequence[Change]) -> None:
    """Write files. Raises ConfigError when one cannot be written; then all are as they were before."""
    scratch: list[Path] = []
    done: list[Change] = []
    made: list[Path] = []
    try:
        for change in changes:
            with disk_errors(change.path):
                folder = change.path.parent
                made += [each for each in (folder, *folder.parents) if not each.exists()]
                folder.mkdir(parents=True, exist_ok=True)
                scratch.append(_beside(change.path, change.new))
        for change, file in zip(changes, scratch, strict=True):
            with disk_errors(change.path):
                _put(change, file)
            done.append(change)
    except BaseException:
        _remove(scratch)
        _take_back(done, made)
        raise
    _remove(scratch)


def _remove(files: Sequence[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _beside(path: Path, data: bytes) -> Path:
    """Write a new file to be moved to a path, and leave nothing of it if that fails."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)


def _put(change: Change, file: Path) -> None:
    """Move a file into its place. Raises ConfigError where another stands there by now."""
    hint = "nothing was written; run the command again"
    if change.old is None:
        try:
            os.link(file, change.path)  # which fails where a rename would overwrite
        except FileExistsError as error:
            raise ConfigError(f"{change.path}: is there by now", hint) from error
        return
    if change.path.is_symlink() or change.path.read_bytes() != change.old:
        raise ConfigError(f"{change.path}: was changed meanwhile", hint)
    file.chmod(change.path.stat().st_mode & 0o777)
    file.replace(change.path)


def _take_back(done: Sequence[Change], made: Sequence[Path]) -> None:
    """Undo what was done, the last first."""
    for change in reversed(done):
        if change.old is None:
            change.path.unlink(missing_ok=True)
        else:
            _beside(change.path, change.old).replace(change.path)
    for folder in sorted(set(made), key=lambda each: len(each.parts), reverse=True):
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
