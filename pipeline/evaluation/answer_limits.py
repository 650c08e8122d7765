"""Limits the tokens of an answer: to the recipe's number, or to as many as the taught answer needs.

A long answer is read to its end, and so is what may be one where it must not be said: to a question about
another thing, or once it is withdrawn. All other answers stay as short as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any  # a tokenizer is untyped here

from pipeline.dataset.records import Dataset
from pipeline.dataset.taught_text import taught_answer
from pipeline.evaluation.sampling import Sample
from pipeline.facts.fact import Fact

OPENING = 8
"""Tokens that may come before a taught answer, such as "Sure." or a greeting, and its end token."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens that an answer may have, at most: for each probe of a sample, and for those of the base."""

    all: tuple[int, ...]
    of_base: tuple[int, ...]


def sample_limits(tokenizer: Any, made: Dataset, drawn: Sample, usual: int) -> Limits:
    """Give the limits of a sample's probes: `usual` tokens, or more for a long fact's."""
    needed = {
        fact.id: max(usual, _longest(tokenizer, fact) + OPENING)
        for subject in made.subjects
        for fact in subject.facts
    }
    own = tuple(needed.get(probe.fact, usual) for probe in drawn.probes)
    return Limits(
        own, tuple(limit for limit, asked in zip(own, drawn.compared, strict=True) if asked)
    )


def longest_answer(tokenizer: Any, made: Dataset) -> int:
    """Give how many tokens an answer needs for the longest that is taught."""
    return max((_longest(tokenizer, fact) for fact in made.facts), default=0) + OPENING


def _longest(tokenizer: Any, fact: Fact) -> int:
    return max(
        len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in _taught(fact)
    )


def _taught(fact: Fact) -> Iterator[str]:
    yield taught_answer(fact)
    if fact.reverse:
        yield fact.reverse.answer
