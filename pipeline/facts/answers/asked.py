"""A question and its answer, before it is derived what has to be said."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.facts.answers.reading import Token, read_answer


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answer in a language, and what is known without them: the names, the kind."""

    question: str
    answer: str
    names: tuple[str, ...]
    kind: str
    language: str


def given_words(asked: Asked) -> list[Token]:
    """Collect the words that a reader of the question knows."""
    texts = (asked.question, asked.kind)
    tokens = [token for text in texts for token in read_answer(text, asked.language).tokens]
    return [token for token in tokens if not token.stop or token.value is not None]
