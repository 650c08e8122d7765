"""Reads a language's file and says everything that is wrong in it, by line and column.

A code comes in, a table and `Problem`s go out. `language` builds a `Language` of the table where nothing is
wrong; `facts check --language` shows the problems. What sentences must hold is in `frame_rules`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from typing import Any  # TOML data has no narrower type before it is read here

from pipeline.core.errors import Problem, Where
from pipeline.facts.languages import frame_rules
from pipeline.facts.languages.text_places import Places

FOLDER = "pipeline/facts/languages"
NEUTRAL = "neutral"
"""The file of no language, which has frames alone; a code has at most three letters."""
MONTHS = 12


@dataclass(frozen=True, slots=True)
class LanguageFile:
    """The plain data of a language file (empty where it is no TOML), and all that is wrong with it."""

    table: dict[str, Any]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """The kind that a value must be of, in words and as a test."""

    said: str
    fits: Callable[[Any], bool]


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return isinstance(value, str)


def _is_by_key(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


_TEXT = _Kind("text in quotes", lambda value: isinstance(value, str))
_FLAG = _Kind("true or false", lambda value: isinstance(value, bool))
_TABLE = _Kind("a [section] with keys below it", lambda value: isinstance(value, dict))
_PATTERN = _Kind("a regular expression", _is_pattern)
_TEXTS = _Kind('a list of texts: ["…", "…"]', _is_texts)
_LISTS = _Kind(
    'a list of lists: [["…", "…"], …]',
    lambda value: isinstance(value, list) and all(_is_texts(each) and each for each in value),
)
_PAIRS = _Kind(
    'a list of pairs: [["said", "answered"], …]',
    lambda value: _LISTS.fits(value) and all(len(each) == 2 for each in value),
)
_BY_KEY = _Kind("a [section] of texts", _is_by_key)
_FRAMES = _Kind(
    'a list of frames: [{ name = "…", prompt = "…" }, …]',
    lambda value: isinstance(value, list) and all(map(_is_by_key, value)),
)
_NAMES = _Kind(
    'sections [names.CATEGORY] with the lists "train" and "probe"',
    lambda value: (
        isinstance(value, dict)
        and all(
            isinstance(halves, dict)
            and {"train", "probe"} <= halves.keys() <= {"train", "probe", "kinds"}
            and all(_is_texts(listed) for half, listed in halves.items() if half != "kinds")
            and isinstance(halves.get("kinds", ""), str)
            for halves in value.values()
        )
    ),
)
_KEYS: Mapping[str, Mapping[str, _Kind]] = {
    "": {
        "name": _TEXT, "spaceless": _FLAG, "script": _TEXT, "letters": _TEXT, "alike": _PATTERN,
        "words": _TABLE, "numbers": _TABLE, "answers": _TABLE, "sample": _TABLE,
        "frames": _TABLE, "names": _NAMES,
    },
    "words": dict.fromkeys(
        ("stop", "question", "refer", "greet", "deny", "yes", "no", "common", "endings"), _TEXT
    ) | dict.fromkeys(("silent", "empty", "phrases"), _TEXTS),
    "numbers": {"grouping": _TEXT, "months": _LISTS, "words": _BY_KEY},
    "answers": dict.fromkeys(
        ("both", "to", "clause", "deny", "deny_endings", "deny_starts", "accents", "guess", "not_so"),
        _TEXT,
    ) | {"undenying": _TEXTS, "yes_no": _TEXTS, "at_least": _TEXT, "declined": _FLAG},
    "sample": dict.fromkeys(("subject", "question", "answer"), _TEXT),
    "frames": dict.fromkeys(("train", "probe", "reverse", "yes", "no", "stated"), _FRAMES)
    | dict.fromkeys(("remarks", "systems", "other_train", "other_probe"), _TEXTS)
    | {"bare": _TEXT, "named": _TEXT, "turns": _PAIRS, "negation": _TABLE},
    "frames.negation": {"after_name": _TEXT, "not_behind": _TEXT, "verbs": _BY_KEY},
}  # fmt: skip
_OPTIONAL = {
    "": {"spaceless", "alike", "names"},
    "answers": {
        "deny_endings",
        "deny_starts",
        "at_least",
        "declined",
        "yes_no",
        "guess",
        "not_so",
    },
    "frames": {"other_train", "other_probe", "negation"},
    "frames.negation": {"after_name", "not_behind", "verbs"},
}


def read_language_file(code: str) -> LanguageFile:
    """Read the file of a language that has one. Raises OSError where there is none."""
    file = resources.files("pipeline.facts").joinpath("languages", f"{code}.toml")
    return parse_language_file(file.read_bytes(), code)


def parse_language_file(data: bytes, code: str) -> LanguageFile:
    """Read a language file's bytes, and find all that is wrong in them."""
    path = f"{FOLDER}/{code}.toml"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8"
        wrong = Problem(Where(path, line), "encoding", "this line is not UTF-8", hint)
        return LanguageFile({}, (wrong,))
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return LanguageFile({}, (_no_toml(str(error), text, path),))
    places = Places(path, text)
    found = [*_shape(table, "", places, code)]
    if all(problem.rule != "type" for problem in found):
        found += [*_numbers(table.get("numbers", {}), places)]
        found += frame_rules.frame_problems(table, places, code)
    return LanguageFile(table, tuple(sorted(found, key=_order)))


def _order(problem: Problem) -> tuple[int, int, str]:
    return problem.where.line, problem.where.column, problem.message


def _no_toml(message: str, text: str, path: str) -> Problem:
    """Say where the text stops being TOML, as far as the parser tells."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    line, column = (int(place[1]), int(place[2])) if place else (text.count("\n") + 1, 1)
    said = re.sub(r" \(at .+\)$", "", message)
    hint = "look for a quote, bracket or comma that is missing here or on the line above"
    return Problem(Where(path, line, column), "no-toml", f"this is not TOML: {said}", hint)


def _shape(table: Mapping[str, Any], section: str, places: Places, code: str) -> Iterator[Problem]:
    """Yield keys that are unknown, missing or of another kind, in a section and those below it."""
    known = _KEYS[section]
    for key, value in table.items():
        inner = f"{section}.{key}" if section else key
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"the keys are {', '.join(known)}"
            where = places.of_key(section, key)
            yield Problem(where, "unknown-key", f"`{key}` is not known {_in(section)}", hint)
        elif not known[key].fits(value):
            hint = f"write {known[key].said}"
            yield Problem(places.of_key(section, key), "type", f"`{key}` is something else", hint)
        elif inner in _KEYS:
            yield from _shape(value, inner, places, code)
    for key in known:
        if key not in table and key not in _OPTIONAL.get(section, ()) and code != NEUTRAL:
            yield _missing(key, section, places)


def _missing(key: str, section: str, places: Places) -> Problem:
    if (section, key) in {("", "frames"), ("", "sample")}:
        message = f"there is no [{key}]: facts in this language are asked in layouts without words"
        hint = "copy the section from the file of a language that you read, and translate it"
        return Problem(places.of_section(""), "no-frames", message, hint, "warning")
    hint = "copy it from the file of a language that you read, and translate it"
    where = places.of_section(section)
    return Problem(where, "required", f"`{key}` is missing {_in(section)}", hint)


def _in(section: str) -> str:
    return f"in [{section}]" if section else "above the sections"


def _numbers(numbers: Mapping[str, Any], places: Places) -> Iterator[Problem]:
    """Yield what is wrong with months and number words."""
    if len(months := numbers.get("months", ())) not in {0, MONTHS}:
        where, hint = places.of_key("numbers", "months"), "give all from January on, or none"
        yield Problem(where, "months", f"there are {len(months)} months", hint)
    for value in numbers.get("words", {}):
        if not value.isdecimal():
            where = places.of_key("numbers.words", value)
            hint = 'write the number in digits: 20 = "twenty"'
            yield Problem(where, "number", f"`{value}` is no number", hint)
