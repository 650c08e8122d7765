"""Reads and writes cached files that name the digest of their own name and content, and believes no others.

One that is damaged, was changed or was put there under another name counts as not there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipeline.core import artifact

_HEAD = len(artifact.digest_bytes(b"")) + 1


def read_cached(file: Path) -> bytes | None:
    """Give what was written; None when there is none.

    None as well, and a line on stderr, when it is not as it was written.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _damaged(file, error.strerror or str(error))
        return None
    content = data[_HEAD:]
    if data[:_HEAD] != _head(file, content):
        _damaged(file, "its digest does not hold")
        return None
    return content


def write_cached(file: Path, content: bytes) -> None:
    """Write content with its digest, whole or not at all.

    Raises ConfigError as `artifact.write_bytes` does.
    """
    artifact.write_bytes(file, _head(file, content) + content)


def _head(file: Path, content: bytes) -> bytes:
    """Give the first line: the digest of name and content."""
    return f"{artifact.digest_bytes(file.name.encode() + content)}\n".encode()


def _damaged(file: Path, why: str) -> None:
    print(f"{file}: is damaged, or was changed ({why}); it is made again", file=sys.stderr)


def cache_folder() -> Path:
    """Give the folder of converted models and base answers: SCHOOLHOUSE_CACHE, or one in the user's cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("SCHOOLHOUSE_CACHE") or Path(root) / "schoolhouse")
