"""The languages that facts are written in: each is a file, `languages/XX.toml`, that `load_language` reads.

docs/languages.md tells what a file may hold. A language without a file is neutral: it has no words, and its
questions stand alone, in layouts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any  # TOML data has no narrower type before it is read here

from pipeline.core.errors import FactsError
from pipeline.facts.languages import language_file
from pipeline.facts.languages.folding import normalise, squash
from pipeline.facts.languages.frames import Frames, frames_from
from pipeline.facts.languages.language_file import NEUTRAL

_FIRST_WORD = re.compile(r"^([\s¿¡\"«„“‘']*)(\w+)")


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
    """Return whether names are declined as words are."""
    yes_no: tuple[str, ...] = ()
    """The words that an answer begins with."""
    guess: str = "{}"
    not_so: str = ""
    """Sentences for sample answers: "I think it is {}.", "It is not {}."."""
    accents: str = ""
    """The accents that people leave out; `spelling` tells the kinds."""


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
    """Return whether words are written without spaces between them."""
    script: str = "LATIN"
    """The first word of its letters' names in Unicode ("LATIN", "CYRILLIC", "CJK")."""
    letters: str = ""
    """Its letters that are not a to z, small ones; empty: any of its script."""
    alike: str = ""
    """A pattern: a name that it is found in gives way only to others that it is found in, and vice versa."""
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
    grouping: str = ","
    """Every sign that may stand between groups of digits; a space stands for those that do not break, too."""
    months: tuple[tuple[str, ...], ...] = ()
    """The twelve months from January on, each in all its forms and abbreviations, folded; empty: unknown."""
    number_words: Mapping[str, int] = field(default_factory=dict)
    """Folded words for numbers: to twenty, tens, hundred, thousand, million, …"""
    frames: Frames = field(default_factory=Frames)
    """The sentences around a question; those of the neutral language where the file has none."""
    names: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Names of things to tell a subject from: by category ("person"), by half ("train", "probe")."""
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By category, the folded words by which a subject's kind belongs to it."""
    sample: tuple[str, str, str] = ("", "", "")
    """Subject, question and answer that show what the frames make."""
    answers: AnswerWords = field(default_factory=AnswerWords)

    def lower_first(self, question: str) -> str:
        """Begin a question with a small letter, where its first word is one of grammar and so no name."""
        found = _FIRST_WORD.match(question)
        if not found or normalise(found[2]) not in self.stop | self.question_words:
            return question
        at = found.start(2)
        return question[:at] + question[at].lower() + question[at + 1 :]

    def stems(self, word: str) -> frozenset[str]:
        """Give a word without each ending that it may have, and itself: "maintains", "maintain"."""
        cut = {word.removesuffix(end) for end in self.endings if len(word) - len(end) >= 3}
        return frozenset({word, *cut})


@cache
def load_language(code: str) -> Language:
    """Read the language of a code such as "de"; the neutral one where there is no file for it.

    Raises FactsError with every problem where its file is wrong.
    """
    return language_from(code, _read(code)) if code in codes() else _neutral()


@cache
def codes() -> tuple[str, ...]:
    """List the codes of all languages that have a file, English first."""
    files = resources.files("pipeline.facts").joinpath("languages").iterdir()
    found = (file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
    named = (code for code in found if code != NEUTRAL)
    return tuple(sorted(named, key=lambda code: (code != "en", code)))


@cache
def languages() -> tuple[Language, ...]:
    """Read all languages, English first."""
    return tuple(map(load_language, codes()))


@cache
def _neutral() -> Language:
    return Language("", "no language", frames=frames_from(_read(NEUTRAL)["frames"]))


def _read(code: str) -> dict[str, Any]:
    """Read a shipped file. Raises FactsError where it is wrong."""
    found = language_file.read_language_file(code)
    if any(problem.severity == "error" for problem in found.problems):
        raise FactsError(found.problems)
    return found.table


def language_from(code: str, table: dict[str, Any]) -> Language:
    """Build a language from the table of its file, which `language_file` found to be readable."""
    words, numbers, sample = table["words"], table["numbers"], table.get("sample", {})

    def several(key: str) -> frozenset[str]:
        return frozenset(words[key].replace("'", " ").split())

    return Language(
        code=code,
        name=table["name"],
        spaceless=table.get("spaceless", False),
        script=table["script"],
        letters=table["letters"],
        alike=table.get("alike", ""),
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
        grouping=numbers["grouping"],
        months=tuple(tuple(normalise(name) for name in month) for month in numbers["months"]),
        number_words=_number_words(numbers["words"]),
        frames=frames_from(table["frames"]) if "frames" in table else _neutral().frames,
        names={
            category: {half: tuple(halves[half]) for half in ("train", "probe")}
            for category, halves in table.get("names", {}).items()
        },
        kinds={
            category: tuple(map(normalise, halves.get("kinds", "").split()))
            for category, halves in table.get("names", {}).items()
        },
        sample=(sample.get("subject", ""), sample.get("question", ""), sample.get("answer", "")),
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


def _number_words(table: Mapping[str, str]) -> dict[str, int]:
    """Map each folded word to its value, from lists of words by value."""
    return {
        normalise(word): int(value) for value, listed in table.items() for word in listed.split(",")
    }
