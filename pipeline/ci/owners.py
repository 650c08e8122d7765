"""Reads CODEOWNERS, and says where the placeholder that it was shipped with still stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.core import console

FILE = Path(".github/CODEOWNERS")
FACTS = "/facts/"
"""What any maintainer may approve."""
PLACEHOLDER = "@OWNER"
MEND = f"put the account or team that answers for this repository in the place of {PLACEHOLDER}"

_OWNER = re.compile(r"@[\w-]+(?:/[\w.-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+", re.ASCII)


def step(env: Mapping[str, str]) -> int:
    """Warn in a workflow's run while nobody owns what decides; a fork has to fill that in as well."""
    del env  # told nothing
    if wrong := missing(code_owners()):
        line, said = wrong
        console.commands(f"::warning file={FILE},line={line}::{said}: {MEND}")
    return 0


def code_owners() -> str:
    """Give the text of CODEOWNERS; empty where there is none."""
    try:
        return FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def missing(text: str) -> tuple[int, str] | None:
    """Say in which line, from 1, nobody owns all that is not a fact; None where somebody does.

    The last line that fits a path decides. All that decides about facts fits `*` alone, so that line must
    name somebody and come before any other.
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
