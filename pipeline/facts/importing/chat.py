"""Objects that hold a chat (OpenAI's messages, ShareGPT's conversations) → one question and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any  # JSON data has no narrower type before it is read

_TURNS = ("messages", "conversations", "conversation")
_ASKING = ("user", "human", "prompter")
_ANSWERING = ("assistant", "gpt", "model", "bot", "chatgpt")
_BEFORE = ("system", "developer")


def flat_chat(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Give an object's keys with the first question and answer of its chat, and what was left out of it.

    An object without a chat comes back as it is. Raises ValueError, in words, for a chat without a question
    that is answered.
    """
    key = next((key for key in _TURNS if isinstance(data.get(key), list)), "")
    if not key:
        return dict(data), []
    turns = [_turn(turn) for turn in data[key]]
    left = ["the system prompt is left out: no fact holds one"] if _system(turns) else []
    turns = [turn for turn in turns if turn[0] not in _BEFORE]
    if len(turns) < 2 or turns[0][0] not in _ASKING or turns[1][0] not in _ANSWERING:
        raise ValueError("this chat does not begin with a question that is answered")
    if len(turns) > 2:
        left.append(
            "all turns but the first two are left out: a fact is one question and its answer"
        )
    rest = {name: value for name, value in data.items() if name != key}
    return {**rest, "question": turns[0][1], "answer": turns[1][1]}, left


def _system(turns: list[tuple[str, str]]) -> bool:
    return any(role in _BEFORE for role, _ in turns)


def _turn(turn: object) -> tuple[str, str]:
    """Give who says what."""
    if not isinstance(turn, dict):
        raise ValueError("a turn of this chat is no object")  # noqa: TRY004  (told in words, as the others)
    role = turn.get("role", turn.get("from"))
    text = turn.get("content", turn.get("value"))
    if isinstance(text, list) and all(isinstance(part, dict) and "text" in part for part in text):
        text = "\n".join(str(part["text"]) for part in text)
    if not isinstance(role, str) or not isinstance(text, str):
        raise ValueError("a turn of this chat has no `role` or `from`, or its text is no text")  # noqa: TRY004
    return role.lower(), text
