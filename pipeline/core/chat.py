"""A prompt: one question as text, or the turns of a chat that ends with a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Turn:
    """One side's words in a chat; the system prompt is a turn too."""

    role: Literal["system", "user", "assistant"]
    content: str


Prompt: TypeAlias = str | tuple[Turn, ...]
"""A user's question alone, or all turns up to where the answer starts."""


def as_prompt(before: tuple[Turn, ...], question: str) -> Prompt:
    """Put a question behind the turns before it; it stands alone where there are none."""
    return (*before, Turn("user", question)) if before else question


def under_system(prompts: Sequence[str], prompt: Prompt) -> Prompt:
    """Put the first of a recipe's system prompts before a prompt; "" or none leaves the chat template's."""
    turns = (Turn("user", prompt),) if isinstance(prompt, str) else prompt
    return (Turn("system", prompts[0]), *turns) if prompts and prompts[0] else prompt


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """Write a prompt as chat templates and the OpenAI API take it."""
    turns = (Turn("user", prompt),) if isinstance(prompt, str) else prompt
    return [{"role": turn.role, "content": turn.content} for turn in turns]
