"""One line about a repository's settings: fine, lacking, or not visible with the token at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["fine", "lacking", "unseen"]
UNSEEN = "cannot be seen with this token"


@dataclass(frozen=True, slots=True)
class Finding:
    """A setting by name: its state, what was found, why it matters, and the command or click that mends it.

    Of an unseen one, `mend` names the permission that a token needs to see it.
    """

    name: str
    state: State
    found: str
    why: str
    mend: str = ""


def judged(name: str, why: str, mend: str, wrong: str, fine: str) -> Finding:
    """Give the finding of a visible setting; an empty `wrong` means that it is fine."""
    return Finding(name, "lacking" if wrong else "fine", wrong or fine, why, mend if wrong else "")


def not_visible(name: str, why: str, needs: str) -> Finding:
    """Give the finding of a setting that the token may not read."""
    return Finding(name, "unseen", UNSEEN, why, f"use a token with {needs}")
