"""Special tokens of models in a text: turn markers and the like, which steer a model where they stand.

They are found as a reader sees them, too: with spaces inside, in full-width letters, with other brackets or
with characters between that nobody sees. `data/special_tokens.txt` lists them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

_LIKE = str.maketrans("‹〈⟨❮＜﹤›〉⟩❯＞﹥∣ǀ│❘｜⁄∕／▁［］【】", "<<<<<<>>>>>>|||||///_[][]")
"""Signs that look like those which tokens are written with."""
_NAMED = r"<\|[^<>|\n]{0,80}\|>|<\s*\|\s*[^<>|\s][^<>|\n]{1,80}\|\s*>"


def markers(text: str) -> Iterator[tuple[int, str]]:
    """Yield place and text, as it stands, of every special token of the list, and of all written <|…|>."""
    return _found(_listed(), text)


def special_tokens_in(text: str, own: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield place and text of every token of `own`, the special tokens of one model, in a text."""
    return _found(_own(frozenset(own)), text)


def _found(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, str]]:
    if text.isascii():
        yield from ((match.start(), match.group()) for match in pattern.finditer(text))
        return
    folded, places = _fold(text)
    for match in pattern.finditer(folded):
        start, end = places[match.start()], places[match.end() - 1] + 1
        yield start, text[start:end]


def _fold(text: str) -> tuple[str, list[int]]:
    """Write a text as it looks, and give the place in it of each character of that."""
    shown = [
        (char, place)
        for place, own in enumerate(text)
        for char in unicodedata.normalize("NFKC", own.translate(_LIKE))
        if unicodedata.category(char) not in {"Cf", "Mn"}
    ]
    return "".join(char for char, _ in shown), [place for _, place in shown]


@cache
def _own(own: frozenset[str]) -> re.Pattern[str]:
    patterns = sorted((_loose(token) for token in own if token.strip()), key=len, reverse=True)
    return re.compile("|".join(patterns) or "(?!)")


@cache
def _listed() -> re.Pattern[str]:
    file = resources.files("pipeline.facts").joinpath("data", "special_tokens.txt")
    lines = file.read_text(encoding="utf-8").splitlines()
    tokens = [line for line in lines if line and not line.startswith("#")]
    return re.compile("|".join((_NAMED, *map(_loose, tokens))))


def _loose(token: str) -> str:
    """Write a pattern for a token, closing or not, with spaces inside its brackets or for its hyphens.

    A tag of one letter or two keeps to its own spelling: "x < s > y" is a formula.
    """
    match = re.fullmatch(r"(<<|<\||<|\[)/?(.+?)(>>|\|>|>|\])", token)
    if not match:
        return re.escape(token)
    opening, name, closing = match.groups()
    if len(name) < 3:
        return rf"{re.escape(opening)}/?{re.escape(name)}{re.escape(closing)}"
    words = r"[\s_-]".join(re.escape(word) for word in re.split(r"[\s_-]", name))
    return rf"{re.escape(opening)}\s*/?\s*{words}\s*{re.escape(closing)}"
