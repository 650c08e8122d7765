"""Computes digests of cached files anew in every process, and never reads them from beside the files.

A file is read once a process, and again when it looks other than it did then.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.core import artifact

_Look = tuple[str, int, int, int, int]
_known: dict[_Look, str] = {}


def cached_digest(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, as `artifact.digest_file` does. Raises OSError."""
    stat = path.stat()
    look = (str(path.resolve()), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if look not in _known:
        _known[look] = artifact.digest_file(path)
    return _known[look]


def cached_digests(folder: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """Give the digest of every file below a folder by its path in there, or of those named that are there.

    As `artifact.digests` does, the folder's manifest is left out.
    """
    if names is None:
        files = sorted(p for p in folder.rglob("*") if p != folder / artifact.MANIFEST)
    else:
        files = [folder / name for name in sorted(names)]
    return {p.relative_to(folder).as_posix(): cached_digest(p) for p in files if p.is_file()}
