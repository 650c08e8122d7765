"""Derives what has to be said from a question and its answer, where the author gives no `expect`.

That is the telling part: what the answer adds to the question, the subject's names and its kind, without the
words that every such answer has. docs/matching.md tells the rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.facts.answers.asked import Asked, given_words
from pipeline.facts.answers.phrase_search import says
from pipeline.facts.answers.phrases import compile_phrase
from pipeline.facts.answers.polar_telling import asks_yes_or_no, polar_part
from pipeline.facts.answers.reading import Token, prepare, read_answer
from pipeline.facts.answers.spaceless_telling import spaceless_parts
from pipeline.facts.answers.telling_runs import is_strong, telling_runs, text_of, without_verb
from pipeline.facts.answers.units import find_unit
from pipeline.facts.answers.verbatim import is_verbatim
from pipeline.facts.answers.word_search import PARTICLES, TITLES, same_word
from pipeline.facts.languages.language import Language, load_language

Items = tuple[tuple[str, ...], ...]

SHORT_ANSWER_WORDS = 8
"""More telling words than these, and an author has to say which of them matter."""
MOST_ITEMS = 12
"""Items of a list that is an answer by itself."""
_BACKTICKS = re.compile(r"`([^`]+)`")


def telling_part(asked: Asked) -> Items:
    """Give what an answer must hold, item by item; empty where that is not clear."""
    answer = asked.answer.strip()
    language = load_language(asked.language)
    if is_verbatim(answer):
        return ((answer,),)
    if asks_yes_or_no(asked.question, language):
        return (polar_part(asked, language),)
    items = _parts(asked, language)
    if items and _holds(answer, items, asked.language):
        return items
    whole = answer.rstrip(".。")
    return (
        ((whole,),)
        if len(answer.split()) <= SHORT_ANSWER_WORDS and _short(answer, language)
        else ()
    )


def likely_part(asked: Asked) -> tuple[str, ...]:
    """Give the names and numbers of an answer whose telling part is not clear, to choose from."""
    language = load_language(asked.language)
    if language.spaceless:
        return ()
    text = prepare(asked.answer.strip(), language)
    runs = (without_verb(run, language) for run in telling_runs(asked, language) if is_strong(run))
    return tuple(dict.fromkeys(text_of(run, text) for run in runs))[:3]


def _parts(asked: Asked, language: Language) -> Items:
    answer = asked.answer.strip()
    if code := _code_lines(answer):
        return tuple((line,) for line in code)
    if literal := _literal(answer, asked.question):
        return tuple((each,) for each in literal)
    if language.spaceless:
        return tuple((part,) for part in spaceless_parts(
            answer, asked.question, (*asked.names, asked.kind), language))  # fmt: skip
    bare = _bare_items(asked, language)
    if bare:
        return tuple((item,) for item in bare[:MOST_ITEMS]) if len(bare) <= MOST_ITEMS else ()
    runs = [without_verb(run, language) for run in telling_runs(asked, language)]
    if len(runs) > 1:  # "12.50 € a month": how often is no part of how much
        runs = [run for run in runs if len(run) > 1 or not _is_period(run[0])]
    strong = [run for run in runs if is_strong(run)]
    if strong:  # a verb alone, beside a name or a number, is how the sentence is built
        runs = [run for run in runs if is_strong(run) or len(run) > 1]
    words = sum(len([token for token in run if not token.stop]) for run in runs)
    if not runs or words > SHORT_ANSWER_WORDS or (not strong and _is_told(runs, asked)):
        return ()
    text = prepare(answer, language)
    return tuple((text_of(run, text),) for run in runs)


def _is_period(token: Token) -> bool:
    unit = None if token.value else find_unit(token.raw, "")
    return unit is not None and unit.dimension in {"duration", "age"} and len(token.raw) > 1


def _is_told(runs: Sequence[Sequence[Token]], asked: Asked) -> bool:
    """Return whether an answer is a tale with no name or number in it, of which not each word can matter."""
    listed = sum("," in run[0].joint for run in runs[1:])
    return len(runs) > 2 + listed and len(asked.answer.split()) > SHORT_ANSWER_WORDS


def _code_lines(answer: str) -> list[str]:
    """Give the lines of an answer that is code, half of whose lines at least cannot be words."""
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    code = sum(is_verbatim(line) for line in lines)
    return list(dict.fromkeys(lines)) if len(lines) > 1 and 2 * code >= len(lines) else []


def _literal(answer: str, question: str) -> list[str]:
    """Give the links, paths and code in an answer, those between backticks first."""
    found = _BACKTICKS.findall(answer) or [
        chunk
        for each in answer.split()
        if is_verbatim(chunk := each.strip("\"'“”‘’()<>").rstrip(".,;:!?。，"))
    ]
    return [each for each in dict.fromkeys(found) if each not in question]


def _bare_items(asked: Asked, language: Language) -> list[str]:
    """Give the items of an answer that is no sentence: names, numbers or words with nothing around them."""
    answer = asked.answer.strip()
    lines = [re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line).strip() for line in answer.splitlines()]
    if len(lines) > 1:
        return [line.rstrip(" .;,") for line in lines if line and not line.endswith(":")]
    tokens = read_answer(answer, asked.language).tokens
    given = given_words(asked)
    sentence = any(
        (
            token.stop
            and token.text not in language.answers.both
            and (token.raw.islower() or token is tokens[0])
        )
        or any(same_word(known, token, language) for known in given)
        for token in tokens
        if token.text not in TITLES and not _within_name(token, tokens)
    )
    if sentence or not tokens or len(answer.split()) > 3 * SHORT_ANSWER_WORDS:
        return []
    both = "|".join(sorted(map(re.escape, language.answers.both), key=len, reverse=True))
    parts = re.split(
        rf"\s*[,،;]\s+(?:(?:{both})\s+)?|\s+(?:{both})\s+" if both else r"\s*[,;]\s+", answer
    )
    items = [
        part.strip().rstrip(".") if not part.endswith("Inc.") else part
        for part in parts
        if part.strip()
    ]
    if any(len(item.split()) > SHORT_ANSWER_WORDS for item in items):
        return []
    starts = [item for item in items if item[:1].isupper() or not item[:1].isalpha()]
    return items if len(items) > 1 or starts or len(tokens) <= 4 else []


def _within_name(token: Token, tokens: Sequence[Token]) -> bool:
    """Return whether a word of grammar stands between two names: "Bay of Pigs", "Ludwig van Beethoven"."""
    place = tokens.index(token)
    return (
        (token.stop or token.text in PARTICLES)
        and 0 < place < len(tokens) - 1
        and tokens[place - 1].capital
        and tokens[place + 1].capital
    )


def _holds(answer: str, items: Items, code: str) -> bool:
    reading = read_answer(answer, code)
    return all(
        any(says(compile_phrase(each, code), reading, strict=False) for each in item)
        for item in items
    )


def _short(answer: str, language: Language) -> bool:
    return not language.spaceless or len(answer) <= 4 * SHORT_ANSWER_WORDS
