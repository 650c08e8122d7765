"""Checks what is said before a question: turns of user and assistant, one after the other.

The plain data of a document that passed the schema comes in, `Problem`s go out. `check` asks whether turns
can be read at all, `rules` whether they make a chat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any  # the plain data of a facts file

from pipeline.core.errors import Problem
from pipeline.facts.checks.vacuous import At
from pipeline.facts.fact import Fact
from pipeline.facts.files.facts_file import Document
from pipeline.facts.matching import contains

_HINT = "write each turn as `- user: …` or `- assistant: …`, or with both `role` and `content`"


def unreadable_turns(document: Document) -> Iterator[Problem]:
    """Yield the turns of a document that do not say once who speaks and what."""
    assert document.data is not None
    for index, fact in enumerate(document.data["facts"]):
        for number, turn in enumerate(fact.get("before", ())):
            if why := _unreadable(turn):
                where = document.locate(("facts", index, "before", number))
                yield Problem(where, "turn", f"this turn {why}", _HINT)


def turn_problems(fact: Fact, at: At) -> Iterator[Problem]:
    """Yield where the turns before a fact's question do not alternate, from the user's to the assistant's."""
    turns = fact.before
    for number, turn in enumerate(turns):
        if contains(turn.content, fact.expect):
            hint = "let it say something else of the subject; repeating this would be right"
            yield Problem(
                at("before", number), "answer-given", "this turn says the answer already", hint
            )
    if turns and turns[0].role != "user":
        hint = "begin with what the user said; a system prompt belongs into the recipe"
        yield Problem(at("before", 0), "turn", "the chat begins with the assistant", hint)
    for number in range(1, len(turns)):
        if turns[number].role == turns[number - 1].role:
            message = f"two turns of the {turns[number].role} follow each other"
            hint = "let user and assistant speak in turns, or join the two"
            yield Problem(at("before", number), "turn", message, hint)
    if turns and turns[-1].role != "assistant":
        message = "the last turn is the user's, and the question comes right behind it"
        hint = (
            "add what the assistant answered, or take this turn out: the question is the next one"
        )
        yield Problem(at("before", len(turns) - 1), "turn", message, hint)


def _unreadable(turn: Mapping[str, Any]) -> str:
    """Say what is wrong with a turn; empty where nothing is."""
    spoken = [key for key in ("user", "assistant") if key in turn]
    if spoken and ("role" in turn or "content" in turn):
        return f"has `{spoken[0]}` and `{'role' if 'role' in turn else 'content'}` at once"
    if len(spoken) == 2:
        return "has `user` and `assistant` at once"
    if not spoken and len(turn) < 2:
        return f"has `{next(iter(turn))}` and no `{'content' if 'role' in turn else 'role'}`"
    return ""
