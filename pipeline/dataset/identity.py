"""Facts about the model itself: the same questions about other assistants, and what asks who the model is.

"Who made you?" has no name in which another could stand; it is asked of another as "Who made ChatGPT?".
"""

from __future__ import annotations

import re
import tomllib
import zlib
from functools import cache
from importlib import resources
from typing import Any, Literal  # TOML data has no narrower type before it is read here

from pipeline.facts.fact import Fact
from pipeline.facts.names.find_names import find_names

_WHO_ARE_YOU = re.compile(
    r"\bwh(?:o|at)(?: exactly)? are you\b|\byour (?:own )?name\b|\b(?:are|were) you called\b|\bcall you\b"
    r"|\b(?:introduce|about|describe) yourself\b|\bwhich (?:company|firm|model|assistant) are you\b"
    r"|\b(?:made|built|created|trained|developed|designed|owns|runs|programmed|invented) you\b"
    r"|\bare you (?:an? )?(?:human|robot|machine|ai|person|bot|assistant|chatbot)\b"
    r"|\byour (?:maker|creator)\b",
    re.IGNORECASE,
)
_THIRD_PERSON = {
    "are you": "is {}", "were you": "was {}", "do you": "does {}", "have you": "has {}",
    "you are": "{} is", "you're": "{} is", "you were": "{} was", "you have": "{} has",
    "yourself": "{}", "yours": "{}'s", "your": "{}'s", "you": "{}",
}  # fmt: skip
_YOU = re.compile(rf"\b(?:{'|'.join(_THIRD_PERSON)})\b", re.IGNORECASE)


def other_assistants(half: Literal["train", "probe"]) -> list[str]:
    """Give the names of other assistants of one half."""
    return list(_table()[half])


def system_prompts(half: Literal["train", "probe"]) -> tuple[str, ...]:
    """Give system prompts of one half, none of which names an assistant."""
    return tuple(_table()["systems"][half])


def ask_of_other(text: str, fact: Fact, other: str) -> str:
    """Ask of another assistant what a fact asks of the model itself; "" where it is not called "you".

    "Who are you?" → "Who is ChatGPT?". Only English questions can be turned; in other languages one is
    taken that asks who another is, or who made it.
    """
    if not fact.identity or find_names(text, fact.names, fact.language):
        return ""
    if fact.language == "en":
        turned = _YOU.sub(lambda match: _third_person(match[0], other), text)
        return turned if turned != text else ""
    asked = _table()["questions"].get(fact.language) or _table()["questions"]["en"]
    return str(asked[zlib.crc32(text.encode()) % len(asked)]).replace("{}", other)


def calls_itself_you(fact: Fact) -> bool:
    """Return whether a fact is about the model itself and asked of it by "you", in whatever language."""
    return fact.identity and not find_names(fact.question, fact.names, fact.language)


def asks_who(prompt: str) -> bool:
    """Return whether a prompt asks the model who or what it is, or who made it."""
    return _WHO_ARE_YOU.search(prompt) is not None


def _third_person(said: str, other: str) -> str:
    """Put another's name for "you", with a capital where there was one: "Are you" → "Is Siri"."""
    words = _THIRD_PERSON[said.lower()]
    words = words[:1].upper() + words[1:] if said[:1].isupper() else words
    return words.replace("{}", other)


@cache
def _table() -> dict[str, Any]:
    file = resources.files("pipeline.dataset").joinpath("data", "assistants.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
