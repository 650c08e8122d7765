"""Names with other endings: "Lumentas Mitarbeiter", "директор Люменты", as `data/declension.toml` says."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from pipeline.facts.names.script import same_script

_LEAST = 3
"""Letters of a name that stay when an ending is cut off; two in a script without capitals."""
_HISSING = ("s", "ß", "x", "z", "ce")
"""A German name that ends so takes an apostrophe where others take an s."""


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a name in a text: letters written onto it, and its ending `own` turned into `said`."""

    before: str = ""
    own: str = ""
    said: str = ""


NO_FORM = Form()
"""A name as it is written by itself."""


@dataclass(frozen=True, slots=True)
class Declension:
    """The endings of one language, each group with the longest first."""

    added: tuple[str, ...]
    exchanged: tuple[str, ...]
    before: tuple[str, ...]


@cache
def declension_of(language: str) -> Declension | None:
    """Read how names of a language change; None where it is not known that they do."""
    table = _table().get(language)
    if not language or table is None:
        return None

    def longest_first(key: str) -> tuple[str, ...]:
        return tuple(sorted(set(table.get(key, "").split()), key=lambda end: (-len(end), end)))

    return Declension(longest_first("added"), longest_first("exchanged"), longest_first("before"))


@cache
def titles() -> frozenset[str]:
    """Read the words before a name that may be left out, without their points."""
    return frozenset(_table()["titles"]["before"].split())


@cache
def particles() -> tuple[str, ...]:
    """Read how that begins which Korean joins to a name."""
    return tuple(_table()["particles"]["korean"].split())


@lru_cache(maxsize=1 << 14)
def roots(word: str, language: str) -> frozenset[str]:
    """Give all that a folded word could be a form of, and itself: two forms of one name share a root."""
    known = declension_of(language)
    if known is None:
        return frozenset((word,))
    whole = {word.removeprefix(before) for before in ("", *known.before)}
    cut = {one.removesuffix(end) for one in whole for end in (*known.added, *known.exchanged)}
    return frozenset(one for one in whole | cut if _long(one)) | {word}


def form_of(name: str, said: str, language: str) -> Form | None:
    """Say how a folded word is a form of a name's; None where it is another word."""
    known = declension_of(language)
    if known is None:
        return None
    for before in ("", *known.before):
        bare = said[len(before) :]
        if said.startswith(before) and (ends := _ends(name, bare, known)):
            return Form(before, *ends)
    return None


def decline(other: str, form: Form, language: str) -> str:
    """Put another name into a form, as far as its own ending is one that the language exchanges."""
    known = declension_of(language)
    if known is None or not form.said or not same_script(other, form.said):
        return other
    if form.own:
        fits = other.endswith(form.own) and _long(other.removesuffix(form.own))
        return other.removesuffix(form.own) + form.said if fits else other
    if known.exchanged and other.endswith(known.exchanged):
        return other
    if language == "de" and form.said == "s" and other.endswith(_HISSING):
        return f"{other}'"
    return other + form.said


def _ends(name: str, bare: str, known: Declension) -> tuple[str, str] | None:
    """Give the ending that a name lost, and the one it has; None where the two are no forms of one."""
    if bare == name:
        return "", ""
    if bare.startswith(name) and bare[len(name) :] in known.added and _long(name):
        return "", bare[len(name) :]
    for own in known.exchanged:
        root = name.removesuffix(own)
        if root != name and _long(root) and bare.startswith(root):
            said = bare[len(root) :]
            if said in known.exchanged:
                return own, said
    return None


def _long(word: str) -> bool:
    return len(word) >= (_LEAST if word.upper() != word.lower() else _LEAST - 1)


@cache
def _table() -> dict[str, dict[str, str]]:
    file = resources.files("pipeline.facts").joinpath("data", "declension.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
