"""Puts a question, an answer or a statement into the sentences of its language.

Frames and values come in, text goes out. English has a grammar of its own (`grammar`); the frames of other
languages are written so that any question fits as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipeline.dataset import grammar
from pipeline.facts.languages.folding import normalise
from pipeline.facts.languages.language import Language

_MARKS = " \u00a0\u202f?.？。．؟।!！"
"""Signs at a question's end; a French one has a space before it, mostly one that does not break."""
_VERDICT = re.compile(r"^\W*([^\W\d_]+)\s*(?:[,.;:!،؛，。、！—–।-]|$)")
_PAIRS = {"«": "«»", "“": "“”", "„": "„“", "「": "「」"}
_NESTED = {"«»": "„“", "“”": "‘’", "„“": "‚‘", "「」": "『』"}
"""Quotes by those that stand for them within themselves."""


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into the placeholders of a template; braces inside a value stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template)


def quote(template: str, statement: Mapping[str, str]) -> str:
    """Put a statement into a template; its own quotes change where the template quotes it by the same."""
    values = dict(statement)
    if opened := re.search(r"([«“„「])\s?\{[Sd]\}", template):
        outer = _PAIRS[opened[1]]
        inner = str.maketrans(outer, _NESTED[outer])
        values = {hole: text.translate(inner) for hole, text in values.items()}
    return fill(template, values)


def lower_first(text: str, language: Language) -> str:
    """Begin a question with a small letter where its first word is no name; English tells by its letters."""
    if language.code == "en":
        return grammar.lower_first(text)
    return language.lower_first(text)


def bare_question(text: str, language: Language) -> str:
    """Leave a question's marks out, as people in a hurry do."""
    unopened = text.rstrip(_MARKS).replace("¿", "").replace("¡", "")
    return lower_first(unopened.strip(), language)


def reply(template: str, answer: str, values: Mapping[str, str], language: Language) -> str:
    """Fill an answer's template; an answer that says yes or no itself stands alone: no "Yes. No, …"."""
    if "{A}" in template and says_verdict(answer, language):
        return answer
    return fill(template, values)


def says_verdict(answer: str, language: Language) -> bool:
    """Return whether an answer begins by saying yes or no."""
    found = _VERDICT.match(answer)
    return found is not None and normalise(found[1]) in language.yes | language.no


def statement(answer: str, names: Sequence[str], language: Language) -> dict[str, str] | None:
    """Give the placeholders of an answer that can be asked with yes or no; None for any other.

    It names its subject, is a sentence of its own and denies nothing: {S} is the statement, {d} the same
    without its full stop, {Y} in English the question that it makes.
    """
    values = {"S": answer.strip(), "d": unmarked(answer)}
    if language.code == "en":
        asked = grammar.yes_no(answer, names)
        return {**values, "Y": asked} if asked else None
    name = next((name for name in names if name in answer), None)
    if name is None or _framed(answer, names, language) or says_verdict(answer, language):
        return None
    rest = normalise(answer.replace(name, " "))
    told = rest if language.spaceless else rest.split()
    denies = any(word in told for word in language.deny)
    return None if denies or not re.search(r"\w", rest) else values


def unmarked(statement: str) -> str:
    """Leave a statement's full stop out."""
    return statement.rstrip(" .。।")


def _framed(answer: str, names: Sequence[str], language: Language) -> bool:
    """Return whether an answer is a bare one behind its subject's name."""
    before = language.frames.bare.partition("{A}")[0]
    return bool(before) and any(answer.startswith(fill(before, {"s": name})) for name in names)
