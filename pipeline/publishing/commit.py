"""Finds the git commit that facts stand in, with the digest of their tree, or says why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.core import git
from pipeline.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and the tree of the facts folder in it, both as 40 hex digits; `url` may be empty."""

    id: str
    tree: str
    url: str


def checked_out(facts: Path, out: Path) -> Commit:
    """Give the commit that is checked out where the facts are.

    `out` may hold anything: it is what is made, not what it is made from.
    Raises ConfigError outside a repository, and when something is changed or not committed.
    """
    if not facts.is_dir():
        raise ConfigError(f"{facts}: is no folder", "give the folder of the facts with --facts")
    top = Path(_git(facts, "rev-parse", "--show-toplevel").strip())
    status = _git(top, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    # By name alone: a file that became a link into `out` has changed all the same.
    names = [(entry, top.resolve() / entry[3:]) for entry in status.split("\0") if entry]
    changed = [entry for entry, path in names if not path.is_relative_to(out.resolve())]
    if changed:
        raise ConfigError(
            f"{top}: has changes that are in no commit, {changed[0].strip()!r} first",
            "commit them, or put them away with `git stash -u`: a release names the commit it is from",
        )
    tree = _git(facts, "rev-parse", "--verify", "HEAD:./").strip()
    return Commit(_git(facts, "rev-parse", "HEAD").strip(), tree, _url(facts))


def _url(facts: Path) -> str:
    """Give the address of the repository that a browser opens, without anybody's credentials."""
    address = _git(facts, "config", "--default", "", "--get", "remote.origin.url").strip()
    if match := re.fullmatch(r"git@([\w.-]+):([\w./-]+)", address):
        address = f"https://{match[1]}/{match[2]}"
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        return ""
    return f"https://{parts.hostname}{parts.path.removesuffix('.git')}"


def _git(folder: Path, *arguments: str) -> str:
    hint = "the facts must stand in a git repository, and be committed there"
    return git.run_git(folder, *arguments, hint=hint).decode("utf-8", "surrogateescape")
