"""Derives what has to be said to a question of yes or no: the word, or what it confirms or denies."""

from __future__ import annotations

import re

from pipeline.facts.answers import polarity
from pipeline.facts.answers.asked import Asked, given_words
from pipeline.facts.answers.phrases import compile_phrase
from pipeline.facts.answers.reading import prepare, read_answer
from pipeline.facts.answers.word_search import find_words, same_word
from pipeline.facts.languages.language import Language, load_language

_YES_NO_PARTICLES = frozenset(["吗", "か", "ไหม", "หรือไม่", "หรือเปล่า"])
_TURKISH = frozenset(["mi", "mı", "mu", "mü"])


def asks_yes_or_no(question: str, language: Language) -> bool:
    """Return whether a question is one that yes or no answers: it has no word that asks."""
    if not question.rstrip().endswith(("?", "？", "؟")) and not language.spaceless:
        return False
    if language.spaceless:
        others = language.question_words - _YES_NO_PARTICLES - {"呢", "几"}
        polar = any(each in question for each in _YES_NO_PARTICLES)
        return polar and not any(word in question for word in others)
    words = [token.raw.casefold() for token in read_answer(question, language.code).tokens]
    if language.code == "hi":
        return bool(words) and words[0] == "क्या"
    asking = language.question_words - _TURKISH
    return bool(asking) and asking.isdisjoint(words)


def polar_part(asked: Asked, language: Language) -> tuple[str, ...]:
    """Give the alternatives for an answer of yes or no: the word, and what it confirms or denies."""
    answer = asked.answer.strip().rstrip(".。")
    reading = read_answer(answer, asked.language)
    sign = polarity.begins(answer, language)
    denied = any(True for _ in polarity.denials(reading))
    if language.spaceless:
        denied = polarity.text_denies(answer, language)
    words = language.answers.yes_no
    word = (words[0 if sign > 0 or (not sign and not denied) else 1],) if words else ()
    if polarity.only_polarity(answer, language):
        return tuple(dict.fromkeys((answer, *word)))
    rest = answer
    if sign and (comma := re.match(r"[^,.،，、:!]{1,20}[,.،，、:!]\s*", answer)):
        rest = answer[comma.end() :]
    clause = re.split(r"(?<=[^\d\W])[.。;；]\s*|[,，、،]\s", rest)[0]
    said = _without_names(clause, asked) or clause
    return tuple(dict.fromkeys((*word, *_asked_part(said, asked, language), said)))


def _asked_part(said: str, asked: Asked, language: Language) -> tuple[str, ...]:
    """Cut off what a clause adds to the question: "open on Sundays until noon" answers "… on Sundays?"."""
    if language.spaceless:
        return ()
    tokens = read_answer(said, asked.language).tokens
    given = given_words(asked)
    known = [i for i, t in enumerate(tokens) if any(same_word(each, t, language) for each in given)]
    if (
        not known
        or known[-1] + 1 == len(tokens)
        or any(polarity.denies(t, language) for t in tokens)
    ):
        return ()
    return (prepare(said, language)[: tokens[known[-1]].end],)


def _without_names(text: str, asked: Asked) -> str:
    """Give a clause from behind the subject's name on, or up to it where nothing follows."""
    language = load_language(asked.language)
    reading = read_answer(text, asked.language)
    if language.spaceless:
        for name in sorted(asked.names, key=len, reverse=True):
            text = text.replace(name, "").lstrip(" ，,はがも") if name else text
        return text
    spans = [
        span for name in asked.names
        for span in find_words(compile_phrase(name, asked.language).words, reading)
    ]  # fmt: skip
    if not spans:
        return text
    end = max(end for _, end in spans)
    rest = reading.prepared[reading.tokens[end].start :] if end < len(reading.tokens) else ""
    more = [token for token in reading.tokens[end:] if not token.stop]
    if more and len(more) > sum(polarity.denies(token, language) for token in more):
        return rest
    return text
