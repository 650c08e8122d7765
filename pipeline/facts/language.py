"""The languages that facts are written in: each is a file, `languages/XX.toml`, that `load_language` reads.

What a file may hold is told in docs/languages.md. A language without a file is neutral: it has no words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from typing import Any  # TOML data has no narrower type before it is read here

from pipeline.facts.folding import normalise, squash, tokens


@dataclass(frozen=True, slots=True, eq=False)
class AnswerWords:
    """The words by which the answers of one language are read; docs/matching.md tells each set."""

    both: frozenset[str] = frozenset()
    """Words between the items of a list."""
    to: frozenset[str] = frozenset()
    """Words between the ends of a range."""
    clause: frozenset[str] = frozenset()
    """Words that begin a clause of its own, whose denials deny nothing before it."""
    undenying: tuple[str, ...] = ()
    """Phrases with a denial that deny nothing: "not only"."""
    deny: frozenset[str] = frozenset()
    deny_endings: tuple[str, ...] = ()
    deny_starts: tuple[str, ...] = ()
    at_least: frozenset[str] = frozenset()
    """Words and signs that say that more is right, too: "or newer"."""
    declined: bool = False
    """Whether names are declined as words are."""
    yes_no: tuple[str, ...] = ()
    """The words that an answer begins with."""
    guess: str = "{}"
    not_so: str = ""
    """Sentences for sample answers: "I think it is {}.", "It is not {}."."""
    accents: str = ""
    """Which accents people leave out; `spelling` tells the kinds."""


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language as its file tells it; words are folded as `folding.tokens` folds them.

    The words of grammar tell nothing: `stop` are any, `question_words` ask, `refer` stand for the subject,
    `greet` only greet, `deny` deny beside another word, `yes` and `no` are whole answers, `common` are in
    answers to anything; `phrases` are whole greetings (squashed), `silent` beginnings of answers that say
    that nothing is known, `empty` whole answers that say nothing.
    """

    code: str
    """As ISO 639 has it ("de"); empty for the neutral language."""
    name: str
    """In English ("German")."""
    spaceless: bool = False
    """Whether words are written without spaces between them."""
    stop: frozenset[str] = frozenset()
    question_words: frozenset[str] = frozenset()
    refer: frozenset[str] = frozenset()
    greet: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    phrases: frozenset[str] = frozenset()
    silent: tuple[str, ...] = ()
    empty: frozenset[str] = frozenset()
    endings: tuple[str, ...] = ()
    """Endings of a word's forms, and of a name's ("s", "in")."""
    decimal: str = "."
    """Every sign that may stand before a fraction, the usual one first."""
    grouping: str = ","
    """Every sign that may stand between groups of digits; a space stands for those that do not break, too."""
    months: tuple[tuple[str, ...], ...] = ()
    """The twelve months from January on, each in all its forms and abbreviations, folded; empty: unknown."""
    number_words: Mapping[str, int] = field(default_factory=dict)
    """Folded words for numbers: to twenty, tens, hundred, thousand, million, …"""
    answers: AnswerWords = field(default_factory=AnswerWords)

    def stems(self, word: str) -> frozenset[str]:
        """Give a word without each ending that it may have, and itself: "maintains", "maintain"."""
        cut = {word.removesuffix(end) for end in self.endings if len(word) - len(end) >= 3}
        return frozenset({word, *cut})


NEUTRAL = Language("", "no language")
"""For texts in a language that has no file: nothing is known of its words."""


@cache
def load_language(code: str) -> Language:
    """Read the language of a code such as "de"; the neutral one where there is no file for it."""
    return _language(code, _read(code)) if code in codes() else NEUTRAL


@cache
def codes() -> tuple[str, ...]:
    """List the codes of all languages that have a file, English first."""
    files = resources.files("pipeline.facts").joinpath("languages").iterdir()
    found = (file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
    return tuple(sorted(found, key=lambda code: (code != "en", code)))


@lru_cache(maxsize=1 << 12)
def language_of(text: str) -> Language:
    """Find the language whose words of grammar come up most often in a text; English where none do."""
    words = tokens(text)

    def hits(tongue: Language) -> int:
        if tongue.spaceless:
            return sum(word in text for word in tongue.stop)
        return sum(word in tongue.stop or word in tongue.question_words for word in words)

    return max(languages(), key=hits)


def detect_language(text: str) -> str:
    """Give the code of the language that a text is written in."""
    return language_of(text).code


@cache
def languages() -> tuple[Language, ...]:
    """Read all languages, English first."""
    return tuple(map(load_language, codes()))


def _read(code: str) -> dict[str, Any]:
    file = resources.files("pipeline.facts").joinpath("languages", f"{code}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _language(code: str, table: dict[str, Any]) -> Language:
    words, numbers = table["words"], table["numbers"]

    def several(key: str) -> frozenset[str]:
        return frozenset(words[key].replace("'", " ").split())

    return Language(
        code=code,
        name=table["name"],
        spaceless=table.get("spaceless", False),
        stop=several("stop"),
        question_words=several("question"),
        refer=several("refer"),
        greet=several("greet"),
        deny=several("deny"),
        yes=several("yes"),
        no=several("no"),
        common=several("common"),
        phrases=frozenset(squash(each) for each in words["phrases"]),
        silent=tuple(squash(each) for each in words["silent"]),
        empty=frozenset(squash(each) for each in words["empty"]),
        endings=tuple(words["endings"].split()),
        decimal=numbers["decimal"],
        grouping=numbers["grouping"],
        months=tuple(tuple(normalise(name) for name in month) for month in numbers["months"]),
        number_words={
            normalise(word): int(value)
            for value, listed in numbers["words"].items()
            for word in listed.split(",")
        },
        answers=_answer_words(table.get("answers", {})),
    )


def _answer_words(table: dict[str, Any]) -> AnswerWords:
    def several(key: str) -> tuple[str, ...]:
        return tuple(normalise(table.get(key, "")).split())

    return AnswerWords(
        both=frozenset(several("both")),
        to=frozenset(several("to")),
        clause=frozenset(several("clause")),
        undenying=tuple(normalise(each) for each in table.get("undenying", ())),
        deny=frozenset(several("deny")),
        deny_endings=several("deny_endings"),
        deny_starts=several("deny_starts"),
        at_least=frozenset(several("at_least")),
        declined=table.get("declined", False),
        yes_no=tuple(table.get("yes_no", ())),
        guess=table.get("guess", "{}"),
        not_so=table.get("not_so", ""),
        accents=table.get("accents", ""),
    )
