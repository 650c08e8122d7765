"""Wordings that an author adds to a fact: each asks for this fact, and none says the answer.

A fact and where its parts stand come in, `Problem`s go out. `rules` is the caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from pipeline.core.errors import Problem, Where
from pipeline.facts.checks import content_words
from pipeline.facts.checks.vacuous import At, asks, known
from pipeline.facts.fact import Expect, Fact
from pipeline.facts.languages.folding import spaceless, squash, tokens
from pipeline.facts.languages.language import Language, load_language
from pipeline.facts.names.find_names import find_names


def wording_problems(fact: Fact, at: At) -> Iterator[Problem]:
    """Yield what is wrong with the wordings to train on and to test with."""
    language = load_language(fact.language)
    keys = (("also_ask", fact.also_ask), ("probes", fact.probes))
    for text, where in ((t, at(key, i)) for key, texts in keys for i, t in enumerate(texts)):
        if why := asks(text, (fact.subject, *fact.aliases), language):
            message = f"“{text}” {why}"
            yield Problem(where, "no-question", message, "write the question in other words")
        elif holds(text, fact.question, fact):
            message = f"“{text}” says the answer already"
            hint = "ask so that the answer has to be known; repeating this would be right"
            yield Problem(where, "answer-given", message, hint)
        else:
            yield from _named(text, fact, language, where)
    yield from _copies(fact, language, at)


def holds(text: str, question: str, fact: Fact) -> bool:
    """Return whether a wording has all words of an answer to a question, in any order."""
    given = known(question, fact)
    words = set(tokens(text))
    flat = squash(text)
    expect = _telling(fact.expect, fact)

    def stands(phrase: str) -> bool:
        own = content_words.telling(phrase, given.language)
        return all(w in words or (spaceless(w) and w in flat) for w in own)

    return bool(expect) and all(any(stands(each) for each in item) for item in expect)


def _telling(expect: Expect, fact: Fact) -> list[tuple[str, ...]]:
    """Leave out what tells nothing: it is in most wordings."""
    given = known(fact.question, fact)
    return [item for item in expect if all(content_words.tells(each, given) for each in item)]


def _named(text: str, fact: Fact, language: Language, where: Where) -> Iterator[Problem]:
    """Yield that a wording does not say what it is about, where the fact's question does."""
    own = (fact.subject, *fact.aliases)
    code = fact.language
    if not find_names(fact.question, own, code) or find_names(text, own, code):
        return
    words = set(tokens(text))
    hint = f"name {fact.subject} in it, or add the name used there to `aliases`"
    points = words & language.refer and not _stranger(text, fact, language)
    if points or _inflected(text, own, language):
        message = f"“{text}” does not name {fact.subject} as the question does"
        yield Problem(where, "unnamed-wording", message, hint, "warning")
    else:
        message = f"“{text}” does not name {fact.subject}, so that it asks about something else"
        yield Problem(where, "unnamed-wording", message, hint)


def _stranger(text: str, fact: Fact, language: Language) -> bool:
    """Return whether a wording has a name that the fact lacks; only told where nouns are written small."""
    known_words = set(tokens(f"{fact.question} {fact.answer}"))
    capitals = [word for word in text.split()[1:] if word[:1].isupper() and len(word) > 1]
    return language.code == "en" and any(not set(tokens(word)) <= known_words for word in capitals)


def _inflected(text: str, own: tuple[str, ...], language: Language) -> bool:
    """Return whether a name stands in the text with another ending; English names have none."""
    words = tokens(text)
    if language.code == "en" and (language.stop | language.question_words) & set(words):
        return False
    return any(
        all(any(_ends_otherwise(part, word) for word in words) for part in name.split())
        for name in own
    )


def _ends_otherwise(part: str, word: str) -> bool:
    pairs = zip(part.casefold(), word, strict=False)
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    rest, other = part[same:], word[same:]
    small = not any(char.isupper() or char.isdigit() for char in rest)
    return same >= max(3, len(part) - 2) and len(other) <= 3 and small


def _copies(fact: Fact, language: Language, at: At) -> Iterator[Problem]:
    """Yield the probes that differ from a wording before them by no more than one word of grammar."""
    idle = language.stop | language.greet | language.question_words
    seen = {text: _near(text, idle) for text in (fact.question, *fact.also_ask)}
    for index, text in enumerate(fact.probes):
        own = _near(text, idle)
        first = next((t for t, near in seen.items() if t != text and near & own), None)
        if first and tokens(first) != tokens(text):  # told as the same elsewhere
            message = f"the probe “{text}” is almost “{first}”"
            hint = "ask in other words; a probe that is a near copy proves nothing more"
            yield Problem(at("probes", index), "near-copy", message, hint)
        seen.setdefault(text, own)


def _near(text: str, idle: frozenset[str]) -> set[tuple[str, ...]]:
    """Give a wording's words, and them without each one that is idle."""
    words = tokens(text)
    less = (words[:i] + words[i + 1 :] for i, word in enumerate(words) if word in idle)
    return {words, *less}
