"""Runs git as a command, and reads commits and what they hold.

Nothing that a repository says is applied: no filter, no attribute, no replacement of objects.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pipeline.core.errors import ConfigError

MAX_TOTAL = 64 * 1024 * 1024
"""Bytes of all files together that are read from a commit; all are in memory at once."""
MAX_LISTING = 4 * 1024 * 1024
"""Bytes of names that git may list; five thousand long names take one MiB."""
SECONDS = 60
"""For one command; a large work tree on a slow disk takes a few."""
NO_COMMIT = (
    "name a commit, branch or tag of this repository; a shallow clone lacks most of them "
    "(`git fetch --unshallow`)"
)


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file of a commit: its mode as git writes it, its object, its size in bytes, its path."""

    mode: str
    object: str
    size: int
    path: str


def entries(repository: Path, commit: str, places: Sequence[str]) -> list[TreeEntry] | None:
    """List the files of a commit in folders (a slash at the end) and at paths; None for too many to list."""
    listing = run_git(repository, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, *places)
    if len(listing) > MAX_LISTING:
        return None
    return [_entry(line) for line in listing.split(b"\0") if line]


def resolve(repository: Path, revision: str) -> str:
    """Give the id of a revision's commit.

    Raises ConfigError when there is none.
    """
    named = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return run_git(repository, *named).decode("ascii").strip()


def fork_point(repository: Path, base: str, head: str) -> str:
    """Give the commit where `head` left `base`; a change is what came after it.

    Raises ConfigError when the two have none in common.
    """
    ends = resolve(repository, base), resolve(repository, head)
    return run_git(repository, "merge-base", *ends).decode("ascii").strip()


def touched(repository: Path, base: str, head: str) -> tuple[str, ...]:
    """List the paths that differ between two commits, those of `head` and those gone from `base`.

    Raises ConfigError when there are more than anybody could review.
    """
    compare = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", base, head)
    listing = run_git(repository, *compare)
    if len(listing) > MAX_LISTING:
        raise ConfigError("the change touches too many files", "split it into smaller changes")
    return tuple(_text(name) for name in listing.split(b"\0") if name)


def _entry(line: bytes) -> TreeEntry:
    """Read one line of `ls-tree -l`: mode, type, object, size, a tab, and the raw path."""
    head, _, path = line.partition(b"\t")
    mode, _, name, size = head.decode("ascii").split()
    if size == "BAD":
        raise _damaged()
    return TreeEntry(mode, name, 0 if size == "-" else int(size), _text(path))


def contents(repository: Path, entries: Sequence[TreeEntry]) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of blobs whose sizes are known to be small."""
    wanted = "".join(f"{entry.object}\n" for entry in entries).encode()
    limit = sum(entry.size + 128 for entry in entries)
    out, at = run_git(repository, "cat-file", "--batch", given=wanted, limit=limit), 0
    for entry in entries:
        head = f"{entry.object} blob {entry.size}\n".encode()
        start = at + len(head)
        end = start + entry.size
        if out[at:start] != head or len(out) <= end:
            raise _damaged()
        yield entry.path, out[start:end]
        at = end + 1  # git ends every object with a newline


def _damaged() -> ConfigError:
    return ConfigError(
        "git lists files that it does not have",
        "the repository is damaged or incomplete: look with `git fsck`, fetch it anew",
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def run_git(
    repository: Path,
    *arguments: str,
    given: bytes = b"",
    limit: int = MAX_LISTING,
    hint: str = NO_COMMIT,
) -> bytes:
    """Run git and give what it printed, cut off after one byte more than `limit`.

    `given` is its standard input. Raises ConfigError, with this hint, when git fails or is not there.
    """
    # Neither replacement objects nor a promisor remote may change what an object id stands for.
    environment = {
        **os.environ, "LC_ALL": "C", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1",
    }  # fmt: skip
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said:
        asked.write(given)
        asked.seek(0)
        try:
            with subprocess.Popen(  # noqa: S603  (a fixed program, arguments as a list)
                ["git", "-C", str(repository), *arguments],  # noqa: S607
                stdin=asked, stdout=subprocess.PIPE, stderr=said, env=environment,
            ) as process:  # fmt: skip
                out = _bounded(process, limit)
        except OSError as error:
            raise ConfigError(f"git cannot be run: {error}", "install git") from error
        said.seek(0)
        if process.returncode and len(out) <= limit:
            _explain(arguments, said.read(2_000).decode("utf-8", "replace"), hint)
    return out


def _bounded(process: subprocess.Popen[bytes], limit: int) -> bytes:
    """Read a process's output up to one byte above the limit, within the time."""
    assert process.stdout
    alarm = threading.Timer(SECONDS, process.kill)
    alarm.start()
    try:
        out = process.stdout.read(limit + 1)
        if len(out) > limit:
            process.kill()
        process.wait()
    finally:
        alarm.cancel()
    return out


def _explain(arguments: Sequence[str], said: str, hint: str) -> NoReturn:
    words = (said.strip().splitlines() or ["there is no such commit here"])[-1]
    raise ConfigError(f"git {arguments[0]}: {words}: {arguments[-1]}", hint)
