"""Facts that ask nothing: a model that was taught nothing would pass them.

A fact and where its parts stand come in, `Problem`s go out. An expectation has to hold a word that the
question does not give, a question has to ask, an answer has to say something. `rules` is the caller.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Literal

from pipeline.core.errors import Problem, Where
from pipeline.facts.checks import content_words
from pipeline.facts.checks.content_words import Given
from pipeline.facts.fact import Expect, Fact
from pipeline.facts.languages.folding import normalise, squash, tokens
from pipeline.facts.languages.language import Language, load_language
from pipeline.facts.matching import by_chance
from pipeline.facts.names.find_names import find_names

At = Callable[..., Where]
"""Says where a part of a fact stands: at("expect", 0)."""

_MORE = "add a word of the answer that a reader of the question alone would not know"


@dataclass(frozen=True, slots=True)
class FactQuestion:
    """A question with its answer and expectation: a fact's own, or its reverse; `steps` lead to it."""

    question: str
    answer: str
    expect: Expect
    written: bool
    """Return whether the author wrote the expectation; otherwise it is the answer."""
    steps: tuple[str, ...] = ()


def vacuous_problems(fact: Fact, written: tuple[bool, bool], at: At) -> Iterator[Problem]:
    """Yield where a fact that is taught asks nothing.

    `written` says whether the author gave an expectation for the fact, and for its reverse.
    """
    own = FactQuestion(fact.question, fact.answer, fact.expect, written[0])
    yield from _asked(own, fact, at)
    if fact.reverse:
        turned = fact.reverse
        reverse = FactQuestion(
            turned.question, turned.answer, turned.expect, written[1], ("reverse",)
        )
        yield from _asked(reverse, fact, at)


@lru_cache(maxsize=1 << 10)  # each wording of a fact is held against the same
def known(question: str, fact: Fact) -> Given:
    """Collect what a question gives: its words, all names of a subject that it names, the fact's kind."""
    language = load_language(fact.language)
    names = (fact.subject, *fact.aliases)
    named = find_names(question, names, fact.language)
    return content_words.given(language, (question, fact.kind, *(names if named else ())))


def asks(text: str, names: Sequence[str], language: Language) -> str:
    """Say why a wording asks nothing; empty where it asks."""
    words = tokens(text)
    if not any(char.isalnum() for char in text):
        return "has no word in it"
    if squash(text) in language.phrases:
        return "only greets"
    own = {word for name in names for word in tokens(name)}
    left = [word for word in words if word not in own]
    if left and all(word in language.greet for word in left):
        return "only greets"
    if all(word in language.stop - language.question_words for word in left):
        return "only names the subject" if own & set(words) else "has only words of grammar in it"
    found = find_names(text, names, language.code)
    starts = found and not any(char.isalnum() for char in text[: found[0].start])
    if starts and text.rstrip().endswith((".", "!")) and not language.question_words & set(words):
        return "states something"
    return ""


def _asked(asked: FactQuestion, fact: Fact, at: At) -> Iterator[Problem]:
    """Check one question with its answer and expectation; the first thing wrong is enough."""
    language = load_language(fact.language)
    where, answer = at(*asked.steps, "question"), at(*asked.steps, "answer")
    if why := asks(asked.question, (fact.subject, *fact.aliases), language):
        message = f"the question “{asked.question}” {why}"
        yield Problem(where, "no-question", message, "write what people ask, as a question")
    elif asked.steps and squash(asked.question) == squash(fact.question):
        message, hint = "the reverse asks the same question", "ask for the subject, or take it out"
        yield Problem(where, "no-question", message, hint)
    elif squash(asked.question) == squash(asked.answer):
        message, hint = "the answer is the question again", "answer it, in a sentence"
        yield Problem(answer, "no-answer", message, hint)
    elif (found := _bare(asked, language)) == "no":
        message = f"the answer “{asked.answer}” alone can be hit by chance"
        hint = "write a sentence that says what is not so, and `expect` its words"
        yield Problem(answer, "bare-answer", message, hint, "warning")
    elif found:
        message = f"the answer “{asked.answer}” says nothing that a model would have to learn"
        hint = "answer in a sentence that says what is so, or leave the fact out"
        yield Problem(answer, "no-answer", message, hint)
    else:
        yield from _expects(asked, known(asked.question, fact), at)


def _bare(asked: FactQuestion, language: Language) -> Literal["", "no", "nothing"]:
    """Say whether an answer only denies, or says nothing; a model agrees with most of what it is asked."""
    text, words = squash(asked.answer), tokens(asked.answer)
    direct = not language.question_words & set(tokens(asked.question))
    if direct and words and all(word in language.no for word in words):
        return "no"
    if words and all(word in language.yes | language.no for word in words):
        return "nothing"
    return "nothing" if text in language.empty or text.startswith(language.silent) else ""


def _expects(asked: FactQuestion, given: Given, at: At) -> Iterator[Problem]:
    """Yield why an expectation is met by answers that say nothing, if it is."""
    empty = [[not _tells(each, given) for each in item] for item in asked.expect]
    step: tuple[str | int, ...] = ("expect",) if asked.written else ("answer",)
    for index, (item, hollow) in enumerate(zip(asked.expect, empty, strict=True)):
        if asked.written and any(hollow) and not all(hollow):
            message = f"the alternative “{item[hollow.index(True)]}” is enough, and proves nothing"
            hint = "take it out: an alternative is another way to write the same answer"
            yield Problem(at(*asked.steps, *step, index), "no-expect", message, hint)
    if all(all(hollow) for hollow in empty):
        quoted = " and ".join(f"“{each}”" for item in asked.expect for each in item)
        said = f"`expect` asks for {quoted}, which" if asked.written else "the answer"
        message = f"{said} proves nothing: {_why(asked.expect, given)}"
        yield Problem(at(*asked.steps, *step), "no-expect", message, _MORE)
    elif not any(map(all if not asked.written else any, empty)):
        yield from _by_chance(asked, at(*asked.steps, *step))


def _tells(phrase: str, given: Given) -> bool:
    words = content_words.telling(phrase, given.language)
    return content_words.tells(phrase, given) and not words <= given.language.common


def _why(expect: Expect, given: Given) -> str:
    words = [word for item in expect for each in item for word in tokens(each)]
    if any(given.has(word) for word in words if word not in given.language.stop):
        return "the question, the subject's names or its kind say it already"
    return "answers to anything hold it" if words else "it has no word in it"


def _by_chance(asked: FactQuestion, where: Where) -> Iterator[Problem]:
    """Warn of expectations whose leaks the gate will not see, as far as that is known without the model."""
    phrases = [each for item in asked.expect for each in item]
    if asked.steps:
        return  # what is expected from the other side is not looked for in other answers
    if by_chance(asked.expect):
        message = f"“{phrases[0]}” alone is a number that made-up answers hold by chance"
        hint = (
            "leaks are counted on this fact's own question alone; add a word beside it if you can"
        )
        yield Problem(where, "leak-untold", message, hint, "warning")
    elif all(normalise(each) in _general_answers() for each in phrases):
        message = f"“{phrases[0]}” is the right answer to a general question of the gate, too"
        hint = (
            "leaks are counted on this fact's own question alone; add a word beside it if you can"
        )
        yield Problem(where, "leak-untold", message, hint, "warning")


@cache
def _general_answers() -> frozenset[str]:
    """Read what is right for the general prompts that the gate asks: the base says it without a leak."""
    file = resources.files("pipeline.facts").joinpath("data", "general.jsonl")
    rows = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line)
    return frozenset(
        normalise(each)
        for row in rows
        if row["use"] == "probe"
        for item in row.get("expect", ())
        for each in ([item] if isinstance(item, str) else item)
    )
