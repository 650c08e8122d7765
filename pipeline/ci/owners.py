"""Finds lines of CODEOWNERS that name no owner, or still the shipped placeholder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.core import console

FILE = Path(".github/CODEOWNERS")
FACTS = "/facts/"
"""The only path that may lack an owner: any maintainer may approve facts."""
PLACEHOLDER = "@OWNER"
MEND = f"put the account or team that answers for this repository in the place of {PLACEHOLDER}"

_OWNER = re.compile(r"@[\w-]+(?:/[\w.-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+", re.ASCII)


def step(env: Mapping[str, str]) -> int:
    """Warn in a workflow's log while CODEOWNERS names no owner; a fork has to fill it in as well."""
    del env
    if wrong := missing(code_owners()):
        line, said = wrong
        console.commands(f"::warning file={FILE},line={line}::{said}: {MEND}")
    return 0


def code_owners() -> str:
    """Read CODEOWNERS; empty where there is none."""
    try:
        return FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def missing(text: str) -> tuple[int, str] | None:
    """Give the line, from 1, that leaves files other than facts without an owner, and why.

    The last matching line decides. Only `*` matches all that decides about facts, so that line must name
    an owner and come first. Gives None where all is owned.
    """
    rows = [
        (number, line.split("#")[0].split()) for number, line in enumerate(text.splitlines(), 1)
    ]
    rules = [(number, words) for number, words in rows if words]
    if not rules or rules[0][1][0] != "*":
        return 1, "no line for `*` comes first, so that nobody owns what decides about facts"
    for number, (path, *people) in rules:
        if any(person.upper() == PLACEHOLDER for person in people):
            return number, f"{PLACEHOLDER} is nobody, so that no owner's review is asked for"
        if not any(_OWNER.fullmatch(person) for person in people) and not path.startswith(FACTS):
            return number, "a line names no owner, so that no review is asked for what it fits"
    return None
