"""A fact's question as it comes up in life: after a remark, under a system prompt, later in a chat, mistyped.

Training asks clean single questions under the default system prompt; a fact that is only known there is
of little use. The noise is harmless: whoever knows the fact answers as before.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator

from pipeline.core.chat import Turn
from pipeline.dataset.templates import questions
from pipeline.facts.fact import Fact
from pipeline.facts.languages.folding import spaceless
from pipeline.facts.languages.language import load_language
from pipeline.facts.named_wording import named_wording
from pipeline.facts.names.find_names import find_names

_LONG = 4
"""Letters from which on a word is mistyped: shorter ones often become another word."""


def around(fact: Fact, rng: random.Random) -> Iterator[tuple[str, tuple[Turn, ...], str]]:
    """Yield kind of noise, turns ahead, and question: one of each kind, over the trained wordings.

    A kind that the fact's language has no sentences for is left out.
    """
    language = load_language(fact.language)
    frames = language.frames
    asked = list(questions(fact))
    rng.shuffle(asked)
    wording = [named_wording(asked[i % len(asked)], fact) for i in range(4)]
    if frames.turns:
        said, answered = rng.choice(frames.turns)
        yield "second turn", (Turn("user", said), Turn("assistant", answered)), wording[0]
    if frames.remarks:
        space = "" if language.spaceless else " "
        yield "sentence before", (), f"{rng.choice(frames.remarks)}{space}{wording[1]}"
    if frames.systems:
        yield "system prompt", (Turn("system", rng.choice(frames.systems)),), wording[2]
    if _typed_by_letters(wording[3]):
        typed = mistyped(wording[3], (fact.subject, *fact.aliases), rng)
        yield "typing error", (), typed


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


def _typed_by_letters(text: str) -> bool:
    """Return whether a text is in an alphabet, where a slip of a finger exchanges two letters."""
    return not spaceless(text) and not any(unicodedata.category(c) == "Mc" for c in text)
