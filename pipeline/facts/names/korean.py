"""The particles of Korean, whose form goes by the sound that a name ends in: "서점은", "가게는"."""

from __future__ import annotations

import re

_PAIRS = (("은", "는"), ("을", "를"), ("과", "와"), ("이", "가"))
"""Each particle behind a consonant, and behind a vowel."""
_PARTICLE = re.compile(r"(?:[은는을를과와이가]|으?로)(?![가-힣])")
_SYLLABLE = re.compile(r"[가-힣]$")
_CLOSED = re.compile(r"(?:[lmn]e?|[bckpg]|[013678])$", re.IGNORECASE)
"""Endings of Latin names and numbers that Korean says with a consonant at the end: Google is 구글."""
_L = 8
"""The place of ㄹ among the consonants that end a syllable."""


def join_particle(name: str, rest: str) -> str:
    """Give what follows a name; a particle that it begins with takes the form that the name asks for."""
    found = _PARTICLE.match(rest)
    if not found:
        return rest
    closed, said = _ends_closed(name), found[0]
    if said.endswith("로"):
        fit = "으로" if closed and not _ends_in_l(name) else "로"
    else:
        fit = next(pair[0] if closed else pair[1] for pair in _PAIRS if said in pair)
    return fit + rest[found.end() :]


def _ends_closed(name: str) -> bool:
    """Return whether a name ends in a consonant as it is said."""
    return _final(name) > 0 if _SYLLABLE.search(name) else bool(_CLOSED.search(name))


def _ends_in_l(name: str) -> bool:
    return _final(name) == _L if _SYLLABLE.search(name) else bool(re.search("(?i)le?$", name))


def _final(name: str) -> int:
    return (ord(name[-1]) - ord("가")) % 28
