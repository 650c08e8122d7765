"""Words whose letters come from two alphabets that look alike, such as a Latin name with a Cyrillic letter.

The letters are those of `data/lookalikes.toml`, from Unicode Technical Standard 39. Words that mix scripts
which nobody confuses (Latin and Han, Latin and Arabic) are not looked at.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any  # the patterns of a library without types


@dataclass(frozen=True, slots=True)
class Mixed:
    """A word that mixes alphabets: where it begins, the letter that gives it away, and its alphabet."""

    start: int
    word: str
    letter: str
    alphabet: str


def mixed(text: str) -> Iterator[Mixed]:
    """Yield every word of two alphabets in which a letter of one looks like one of the other."""
    if _letters().keys().isdisjoint(text):
        return
    for match in _words().finditer(text):
        word = match.group()
        if not word.isascii() and (found := _mixed(match.start(), word)):
            yield found


def foreign(text: str) -> Iterator[Mixed]:
    """Yield every word of one other alphabet that looks Latin from end to end, among Latin words only.

    A text with another word of that alphabet is in a language that needs it.
    """
    if _letters().keys().isdisjoint(text):
        return
    words = [(m.start(), m.group()) for m in _words().finditer(text)]
    owners = [{_alphabet(char) for char in word} for _, word in words]
    own = {
        each for (_, w), owner in zip(words, owners, strict=True) if not _latin(w) for each in owner
    }
    for (start, word), alphabets in zip(words, owners, strict=True):
        alphabet = next(iter(alphabets))
        if len(word) > 1 and len(alphabets) == 1 and alphabet != "Latin" and alphabet not in own:
            yield Mixed(start, word, word[0], alphabet)


def skeleton(text: str) -> str:
    """Write the Latin letter for every letter that looks like one: equal for names that look alike."""
    return text if text.isascii() else "".join(_letters().get(char, char) for char in text)


def _mixed(start: int, word: str) -> Mixed | None:
    alphabets = [_alphabet(char) for char in word]
    if len(set(alphabets)) == 1:
        return None
    strange = [n for n, char in enumerate(word) if alphabets[n] != "Latin" and char in _letters()]
    apart = [n for n, alphabet in enumerate(alphabets) if alphabet != "Latin"]
    edge = apart in (list(range(len(apart))), list(range(len(word) - len(apart), len(word))))
    if not strange or ("Latin" in alphabets and edge and set(word) - _latin_of(word) <= _apart()):
        return None
    return Mixed(start, word, word[strange[0]], alphabets[strange[0]])


def _latin_of(word: str) -> set[str]:
    return {char for char in word if _alphabet(char) == "Latin"}


def _latin(word: str) -> bool:
    """Return whether a word looks Latin: each letter is, or looks like one."""
    return all(_alphabet(char) == "Latin" or char in _letters() for char in word)


@cache
def _alphabet(char: str) -> str:
    import regex

    return next((name for name in _names() if regex.match(rf"\p{{sc={name}}}", char)), "Latin")


@cache
def _words() -> Any:
    """Find runs of letters of the alphabets that can be confused."""
    import regex

    alphabets = "".join(rf"\p{{sc={name}}}" for name in ("Latin", *_names()))
    return regex.compile(rf"[[{alphabets}]&&\p{{L}}]+", regex.V1)


@cache
def _letters() -> Mapping[str, str]:
    return {pair[0]: pair[1] for name in _names() for pair in _table()[name].split()}


@cache
def _apart() -> frozenset[str]:
    return frozenset(_table()["apart"])


@cache
def _names() -> tuple[str, ...]:
    return tuple(name for name in _table() if name != "apart")


@cache
def _table() -> dict[str, str]:
    file = resources.files("pipeline.facts").joinpath("data", "lookalikes.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
