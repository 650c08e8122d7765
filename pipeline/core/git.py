"""Facts at a revision, read as blobs of a git repository; never a checkout, never `git archive`.

A tree that somebody else pushed may hold links, submodules, attributes that hide or rewrite files,
hostile names, or more than fits in memory. Names, kinds and sizes are looked at before any content;
what is not a facts file is a problem, and no filter and no attribute of the tree is ever applied.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pipeline.core.errors import ConfigError, Problem, Where
from pipeline.facts.facts_file import MAX_BYTES

FOLDER = "facts"
"""Where facts lie in a repository."""
MAX_FILES = 5_000
"""Facts files in a tree; a thousand subjects are a large repository."""
MAX_TOTAL = 64 * 1024 * 1024
"""Bytes of all facts files together; all are in memory at once."""
MAX_LISTING = 4 * 1024 * 1024
"""Bytes of names that git may list; five thousand long names take one MiB."""
SHOWN = 20
"""Problems of names told one by one; a tree of ten thousand wrong names is wrong once."""
SECONDS = 60

_NAME = re.compile(r"facts/(?:[a-z0-9][a-z0-9_-]*/){0,8}[a-z0-9][a-z0-9-]*\.yaml")
_REGULAR = "100644"
_READABLE = {_REGULAR: "file", "100755": "file", "120000": "link"}
_KINDS = {
    "120000": "a link", "160000": "a submodule", "100755": "an executable file",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The facts files of a commit, path and bytes of each, and what else stands in their folder."""

    commit: str
    files: tuple[tuple[str, bytes], ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    object: str
    size: int
    path: str


def read(repository: Path, revision: str) -> Snapshot:
    """Read the facts of a revision; all that is wrong with the tree is a problem in there.

    Raises ConfigError when there is no such commit, or git cannot be run.
    """
    commit = resolve(repository, revision)
    listing = _run(repository, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, f"{FOLDER}/")
    if len(listing) > MAX_LISTING:
        return Snapshot(commit, (), (_too_many(),))
    entries = [_entry(line) for line in listing.split(b"\0") if line]
    problems = [*_wrong(entries)]
    if len(problems) > SHOWN:
        rest = f"{len(problems) - SHOWN} more files here are not facts files"
        problems[SHOWN:] = [Problem(Where(FOLDER), "not-a-fact", rest, problems[0].hint)]
    if problems:
        return Snapshot(commit, (), tuple(problems))
    return Snapshot(commit, tuple(_contents(repository, entries)), ())


def blobs(repository: Path, revision: str, places: Sequence[str]) -> list[tuple[str, str, bytes]]:
    """Read what a commit has in folders (a slash at the end) and files: path, "file" or "link", bytes.

    Raises ConfigError when there is no such commit, or it has too much or something else there.
    """
    commit = resolve(repository, revision)
    listing = _run(repository, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, *places)
    whole = len(listing) <= MAX_LISTING
    entries = [_entry(line) for line in listing.split(b"\0") if line] if whole else []
    if not whole or sum(entry.size for entry in entries) > MAX_TOTAL:
        raise ConfigError(f"{commit[:12]}: holds too much code", "remove what is no code")
    if odd := [entry.path for entry in entries if entry.mode not in _READABLE]:
        raise ConfigError(f"{odd[0]!a}: is neither a file nor a link", "remove it from the commit")
    kinds = {entry.path: _READABLE[entry.mode] for entry in entries}
    return [(path, kinds[path], data) for path, data in _contents(repository, entries)]


def write(snapshot: Snapshot, folder: Path) -> None:
    """Write the facts files into a new folder, each under its path below the facts folder.

    Raises ConfigError when the folder is there already or cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        for path, raw in snapshot.files:  # `read` let no other names in than those of _NAME
            file = folder / path.removeprefix(f"{FOLDER}/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written: {error.strerror or error}", "give a folder that is new"
        ) from error


def resolve(repository: Path, revision: str) -> str:
    """Give the id of a revision's commit.

    Raises ConfigError when there is none.
    """
    named = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return _run(repository, *named).decode("ascii").strip()


def fork_point(repository: Path, base: str, head: str) -> str:
    """Give the commit where `head` left `base`; a change is what came after it.

    Raises ConfigError when the two have none in common.
    """
    ends = resolve(repository, base), resolve(repository, head)
    return _run(repository, "merge-base", *ends).decode("ascii").strip()


def touched(repository: Path, base: str, head: str) -> tuple[str, ...]:
    """List the paths that differ between two commits, those of `head` and those gone from `base`.

    Raises ConfigError when there are more than anybody could review.
    """
    compare = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", base, head)
    listing = _run(repository, *compare)
    if len(listing) > MAX_LISTING:
        raise ConfigError("the change touches too many files", "split it into smaller changes")
    return tuple(_text(name) for name in listing.split(b"\0") if name)


def _entry(line: bytes) -> _Entry:
    """Read one line of `ls-tree -l`: mode, type, object, size, a tab, and the raw path."""
    head, _, path = line.partition(b"\t")
    mode, _, name, size = head.decode("ascii").split()
    if size == "BAD":
        raise _damaged()
    return _Entry(mode, name, 0 if size == "-" else int(size), _text(path))


def _wrong(entries: Sequence[_Entry]) -> Iterator[Problem]:
    """Yield what no facts folder may hold."""
    if len(entries) > MAX_FILES or sum(entry.size for entry in entries) > MAX_TOTAL:
        yield _too_many()
        return
    for entry in entries:
        where = Where(entry.path, 1, 1)
        if entry.mode != _REGULAR:
            kind = _KINDS.get(entry.mode, f"an entry of mode {entry.mode}")
            message = f"this is {kind}, not a facts file"
            yield Problem(where, "not-a-file", message, "commit an ordinary file instead")
        elif not _NAME.fullmatch(entry.path):
            message = "only facts files may stand here, such as facts/people/marie-curie.yaml"
            hint = "remove it, or rename it: small letters, digits and hyphens, then .yaml"
            yield Problem(where, "file-name", message, hint)
        elif entry.size > MAX_BYTES:
            message = f"the file is larger than {MAX_BYTES // 1024} KiB, which is the most allowed"
            yield Problem(where, "size", message, "split it; one file holds one subject")


def _too_many() -> Problem:
    message = (
        f"there are more than {MAX_FILES} files here, or more than {MAX_TOTAL >> 20} MiB of them"
    )
    return Problem(Where(FOLDER), "too-many", message, "add fewer facts at a time")


def _contents(repository: Path, entries: Sequence[_Entry]) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of blobs whose sizes are known to be small."""
    wanted = "".join(f"{entry.object}\n" for entry in entries).encode()
    limit = sum(entry.size + 128 for entry in entries)
    out, at = _run(repository, "cat-file", "--batch", given=wanted, limit=limit), 0
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


def _run(repository: Path, *arguments: str, given: bytes = b"", limit: int = MAX_LISTING) -> bytes:
    """Run git and give what it printed, cut off after one byte more than `limit`."""
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
            _explain(arguments, said.read(2_000).decode("utf-8", "replace"))
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


def _explain(arguments: Sequence[str], said: str) -> NoReturn:
    words = (said.strip().splitlines() or ["there is no such commit here"])[-1]
    raise ConfigError(
        f"git {arguments[0]}: {words}: {arguments[-1]}",
        "name a commit, branch or tag of this repository; a shallow clone lacks most of them "
        "(`git fetch --unshallow`)",
    )
