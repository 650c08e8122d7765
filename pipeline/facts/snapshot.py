"""Facts at a revision, read as blobs of a git repository; never a checkout, never `git archive`.

A tree that somebody else pushed may hold links, submodules, attributes that hide or rewrite files,
hostile names, or more than fits in memory. Names, kinds and sizes are looked at before any content;
what is not a facts file is a problem, and no filter and no attribute of the tree is ever applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import git
from pipeline.core.errors import ConfigError, Problem, Where
from pipeline.core.git import MAX_TOTAL, TreeEntry
from pipeline.facts.files.facts_file import MAX_BYTES

FOLDER = "facts"
"""Where facts lie in a repository."""
MAX_FILES = 5_000
"""Facts files in a tree; a thousand subjects are a large repository."""
SHOWN = 20
"""Problems of names told one by one; a tree of ten thousand wrong names is wrong once."""

_NAME = re.compile(r"facts/(?:[a-z0-9][a-z0-9_-]*/){0,8}[a-z0-9][a-z0-9-]*\.yaml")
_REGULAR = "100644"
_KINDS = {
    "120000": "a link", "160000": "a submodule", "100755": "an executable file",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The facts files of a commit, path and bytes of each, and what else stands in their folder."""

    commit: str
    files: tuple[tuple[str, bytes], ...]
    problems: tuple[Problem, ...]


def read_snapshot(repository: Path, revision: str) -> Snapshot:
    """Read the facts of a revision; all that is wrong with the tree is a problem in there.

    Raises ConfigError when there is no such commit, or git cannot be run.
    """
    commit = git.resolve(repository, revision)
    entries = git.entries(repository, commit, (f"{FOLDER}/",))
    if entries is None:
        return Snapshot(commit, (), (_too_many(),))
    problems = [*_wrong(entries)]
    if len(problems) > SHOWN:
        rest = f"{len(problems) - SHOWN} more files here are not facts files"
        problems[SHOWN:] = [Problem(Where(FOLDER), "not-a-fact", rest, problems[0].hint)]
    if problems:
        return Snapshot(commit, (), tuple(problems))
    return Snapshot(commit, tuple(git.contents(repository, entries)), ())


def write_snapshot(snapshot: Snapshot, folder: Path) -> None:
    """Write the facts files into a new folder, each under its path below the facts folder.

    Raises ConfigError when the folder is there already or cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        for (
            path,
            raw,
        ) in snapshot.files:  # `read_snapshot` let no other names in than those of _NAME
            file = folder / path.removeprefix(f"{FOLDER}/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be written: {error.strerror or error}", "give a folder that is new"
        ) from error


def _wrong(entries: Sequence[TreeEntry]) -> Iterator[Problem]:
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
