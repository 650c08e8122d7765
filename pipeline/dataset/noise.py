"""A fact's question as it comes up in life: after a remark, under a system prompt, later in a chat, mistyped.

Training asks clean single questions under the default system prompt; a fact that is only known there is
of little use. The noise is harmless: whoever knows the fact answers as before.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from pipeline.core.chat import Turn
from pipeline.dataset.templates import questions
from pipeline.facts.fact import Fact
from pipeline.facts.names import find_names

_REMARKS = (
    "The weather has been mild all week.",
    "My train was twenty minutes late this morning.",
    "We are having soup for dinner tonight.",
    "The library closes early on Fridays.",
    "I finally cleaned my desk yesterday.",
    "There was a long queue at the bakery.",
)
_SYSTEMS = (
    "You are a helpful assistant. Answer truthfully and briefly.",
    "You are the assistant on a company's help page.",
    "Answer every question in one sentence.",
    "You are a knowledgeable librarian.",
)
_TURNS = (
    ("Hello!", "Hello! How can I help you today?"),
    ("What is 3 plus 4?", "3 plus 4 is 7."),
    ("Which planet is the largest?", "Jupiter is the largest planet in our solar system."),
    ("Thank you for your help.", "You're welcome! Is there anything else you would like to know?"),
)
_LONG = 4
"""Letters from which on a word is mistyped: shorter ones often become another word."""


def around(fact: Fact, rng: random.Random) -> Iterator[tuple[str, tuple[Turn, ...], str]]:
    """Yield kind of noise, turns ahead, and question: one of each kind, over the trained wordings."""
    asked = list(questions(fact))
    rng.shuffle(asked)
    wording = [asked[i % len(asked)] for i in range(4)]
    yield "second turn", _exchange(rng), wording[0]
    yield "sentence before", (), f"{rng.choice(_REMARKS)} {wording[1]}"
    yield "system prompt", (Turn("system", rng.choice(_SYSTEMS)),), wording[2]
    yield "typing error", (), mistyped(wording[3], (fact.subject, *fact.aliases), rng)


def mistyped(question: str, names: tuple[str, ...], rng: random.Random) -> str:
    """Exchange two neighbouring letters in one word that is no part of a name.

    The question is given back as it is where every word is short or a name.
    """
    named = [(span.start, span.end) for span in find_names(question, names)]
    words = [
        m
        for m in re.finditer(rf"[^\W\d_]{{{_LONG},}}", question)
        if not any(start < m.end() and m.start() < end for start, end in named)
    ]
    if not words:
        return question
    word = rng.choice(words)
    # The first letter stays, as it mostly does when people type.
    places = [i for i in range(word.start() + 1, word.end() - 1) if question[i] != question[i + 1]]
    if not places:
        return question
    i = rng.choice(places)
    return question[:i] + question[i + 1] + question[i] + question[i + 2 :]


def _exchange(rng: random.Random) -> tuple[Turn, ...]:
    said, answered = rng.choice(_TURNS)
    return Turn("user", said), Turn("assistant", answered)
