"""Finds the runs of words in an answer that tell something: names, numbers and what the question lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.facts.answers import polarity
from pipeline.facts.answers.asked import Asked, given_words
from pipeline.facts.answers.phrases import compile_phrase
from pipeline.facts.answers.reading import Token, read_answer
from pipeline.facts.answers.values import Amount, Day
from pipeline.facts.answers.verbatim import is_verbatim
from pipeline.facts.answers.word_search import TITLES, find_words, same_word
from pipeline.facts.languages.language import Language, load_language


def telling_runs(asked: Asked, language: Language) -> Iterator[list[Token]]:
    """Yield the runs of telling words in an answer."""
    reading = read_answer(asked.answer.strip(), asked.language)
    tokens = reading.tokens
    given = given_words(asked)
    named = _named(asked)
    tell = [
        index not in named and _tells(token, given, language, index == 0)
        for index, token in enumerate(tokens)
    ]
    run: list[Token] = []
    for index, token in enumerate(tokens):
        cut = run and (re.search(r"[,;:()\n]", token.joint) or token.sentence != run[-1].sentence)
        if cut:
            yield _trimmed(run)
            run = []
        if tell[index] or (
            run and (token.joint == "-" or (index not in named and _between(index, tokens, tell)))
        ):
            run.append(token)
        elif run:
            yield _trimmed(run)
            run = []
        elif token.capital and index + 1 < len(tokens) and _leads(index, tokens, tell, named):
            run.append(token)
    if run:
        yield _trimmed(run)


def _named(asked: Asked) -> set[int]:
    """Give the places of tokens that belong to the subject's name, or stand for it."""
    reading = read_answer(asked.answer.strip(), asked.language)
    places: set[int] = set()
    for name in asked.names:
        for first, end in find_words(compile_phrase(name, asked.language).words, reading):
            places.update(range(first, end))
    return places


def _tells(token: Token, given: Sequence[Token], language: Language, first: bool) -> bool:
    if token.value is None and (token.stop or token.text in TITLES):
        return False
    small = token.raw.casefold()
    if small in language.question_words:
        return False
    if (
        token.value is None
        and (small in language.common or small in language.refer)
        and not (token.capital and not first)
    ):
        return False
    return not any(
        same_word(known, token, language) or same_word(token, known, language) for known in given
    )


def _between(index: int, tokens: Sequence[Token], tell: Sequence[bool]) -> bool:
    """Return whether a word that tells nothing stands inside a phrase, between two words that tell."""
    token = tokens[index]
    if (
        polarity.denies(token, load_language(""))
        or index + 1 >= len(tokens)
        or tokens[index - 1].sentence != token.sentence
    ):
        return False
    after = tokens[index + 1]
    if not tell[index + 1] or re.search(r"[,;:()\n]", after.joint):
        return False
    if token.joint == "-" or after.joint == "-":
        return True
    names = tokens[index - 1].capital and after.capital
    return names and (
        token.text in {"of", "de", "von", "du", "van", "da", "do", "di", "der", "the"}
        or token.capital
    )


def _leads(index: int, tokens: Sequence[Token], tell: Sequence[bool], named: set[int]) -> bool:
    """Return whether a name begins with a given word: "Marrow Bay Observatory" beside Marrow Toolkit."""
    after = tokens[index + 1]
    return (
        index > 0 and index not in named and not tokens[index].stop
        and tell[index + 1] and after.capital and after.joint == " "
    )  # fmt: skip


def _trimmed(run: list[Token]) -> list[Token]:
    while run and run[-1].stop and run[-1].joint != "-":
        run.pop()
    return run


def without_verb(run: list[Token], language: Language) -> list[Token]:
    """Take the verb off a name or an amount: "costs €14", "von Anna Lehmann gepflegt"."""
    while len(run) > 1 and run[0].raw.islower() and _is_amount(run[1]):
        run = run[1:]
    opens = (
        run[0].start == 0 or "." in run[0].joint
    )  # "Ann Lee handles it": the subject and its verb
    last = language.code in {"de", "nl", "tr"}
    ends = (opens or last) and any(token.capital for token in run)
    while (
        ends
        and len(run) > 1
        and run[-1].raw.islower()
        and run[-1].value is None
        and run[-2].value is None
    ):
        run = run[:-1]
    return run


def _is_amount(token: Token) -> bool:
    value = token.value
    return isinstance(value, Day) or (isinstance(value, Amount) and not value.plain)


def is_strong(run: Sequence[Token]) -> bool:
    """Return whether a run holds a name, a number or code, which tells more than other words."""
    return any(
        token.value is not None
        or (token.raw[:1].isupper() and token.joint != "")
        or any(char.isdigit() for char in token.raw)
        or is_verbatim(token.raw)
        for token in run
    )


def text_of(run: Sequence[Token], text: str) -> str:
    """Give the text of a run, out of the text that it was read from."""
    return text[run[0].start : run[-1].end].replace("_", " ")
