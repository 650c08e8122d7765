"""The git commit that facts stand in: its id and the digest of the facts' tree, or why there is none."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.core.errors import ConfigError

TIMEOUT = 60
"""Seconds for one git command; a large work tree on a slow disk takes a few."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and the tree of the facts folder in it, both as 40 hex digits; `url` may be empty."""

    id: str
    tree: str
    url: str


def of(facts: Path, out: Path) -> Commit:
    """Give the commit that is checked out where the facts are.

    `out` may hold anything: it is what is made, not what it is made from.
    Raises ConfigError outside a repository, and when something is changed or not committed.
    """
    if not facts.is_dir():
        raise ConfigError(f"{facts}: is no folder", "give the folder of the facts with --facts")
    top = Path(_git(facts, "rev-parse", "--show-toplevel").strip())
    status = ["status", "--porcelain", "--", "."]
    if out.resolve().is_relative_to(top):
        status.append(f":(exclude,literal){out.resolve().relative_to(top).as_posix()}")
    if changed := _git(top, *status).splitlines():
        raise ConfigError(
            f"{top}: has changes that are in no commit, {changed[0].strip()!r} first",
            "commit them, or put them away with `git stash -u`: a release names the commit it is from",
        )
    tree = _git(facts, "rev-parse", "--verify", "HEAD:./").strip()
    return Commit(_git(facts, "rev-parse", "HEAD").strip(), tree, _url(facts))


def _url(facts: Path) -> str:
    """Give the address of the repository that a browser opens, without anybody's credentials."""
    address = _git(facts, "config", "--get", "remote.origin.url").strip()
    if match := re.fullmatch(r"git@([\w.-]+):([\w./-]+)", address):
        address = f"https://{match[1]}/{match[2]}"
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        return ""
    return f"https://{parts.hostname}{parts.path.removesuffix('.git')}"


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  (a fixed program, arguments as a list)
            ["git", "-C", str(folder), *arguments],  # noqa: S607  (git is wherever it is installed)
            capture_output=True, text=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"git cannot be run: {error}", "install git") from error
    if done.returncode and arguments[0] != "config":
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ConfigError(
            f"{folder}: git {arguments[0]}: {said}",
            "the facts must stand in a git repository, and be committed there",
        )
    return done.stdout
