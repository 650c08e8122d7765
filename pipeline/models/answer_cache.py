"""What the base model says, asked once and kept in the user's cache.

Prompts about nothing taught are kept apart from the others: they stay the same when the facts
change. Everything is kept for exactly one list of prompts: how prompts share batches can decide a
near tie between two words, and the same run must see the same answers whatever ran before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from pipeline.core import artifact, cache, progress
from pipeline.core.chat import Prompt, messages
from pipeline.core.config import TrainSettings
from pipeline.dataset.build import Example, Probe
from pipeline.models import base_model, generate
from pipeline.models.base_model import Base
from pipeline.models.generate import Answer, LocalModel
from pipeline.models.packing import Chat
from pipeline.training import distillation
from pipeline.training.distillation import Held

T = TypeVar("T")

FORMAT = 2
"""Raised when prompts are put into batches in another way, which can decide a near tie."""


def answers(
    found: Base, local: LocalModel, rows: Sequence[Probe], max_new_tokens: int
) -> list[Answer]:
    """Give the base's own answers to the prompts of `rows`."""

    def ask(prompts: list[Prompt], _general: bool) -> list[Answer]:
        file = _file(found, local, "answers", prompts, max_new_tokens)
        kept = _read(file, lambda data: [Answer(**row) for row in json.loads(data)])
        if len(kept) == len(prompts):
            return kept
        with progress.bar("asking the base", len(prompts)) as shown:
            said = generate.ask(local, prompts, max_new_tokens, shown)
        text = json.dumps([asdict(each) for each in said], ensure_ascii=False)
        cache.write(file, text.encode())
        return said

    return _apart([(row.chat, row.role == "unrelated") for row in rows], ask)


def beginnings(
    found: Base, local: LocalModel, rows: Sequence[Example], settings: TrainSettings
) -> list[Held]:
    """Give how the base begins its own answers to the prompts of `rows`, with its top k choices."""
    k = settings.kl_top_k

    def begin(prompts: list[Prompt], general: bool) -> list[Held]:
        tokens = settings.held_tokens(general=general)
        file = _file(found, local, "held", prompts, tokens, k)
        kept = _read(file, distillation.parse)
        if len(kept) == len(prompts):
            return kept
        with progress.bar("asking the base", len(prompts)) as shown:
            held = distillation.begin(local, prompts, tokens, k, shown)
        cache.write(file, distillation.dump(held))
        return held

    return _apart([(row.prompt, row.general) for row in rows], begin)


def along(found: Base, local: LocalModel, chats: Sequence[Chat], k: int) -> list[Held]:
    """Give what the base would choose from at every token of the given answers, its top k choices."""
    read_before = [[chat.prompt, chat.completion] for chat in chats]
    file = _named(found, local, "along", read_before, k, distillation.PACKED)
    kept = _read(file, distillation.parse)
    if len(kept) == len(chats):
        return kept
    with progress.bar("reading the base", len(chats)) as shown, local.base_only():
        held = distillation.follow(local, chats, k, shown)
    if held:
        cache.write(file, distillation.dump(held))
    return held


def _apart(
    rows: Sequence[tuple[Prompt, bool]], ask: Callable[[list[Prompt], bool], list[T]]
) -> list[T]:
    """Ask the prompts about nothing taught by themselves; `rows` say of each whether it is one.

    `ask` takes prompts, and whether they are.
    """
    said: dict[Prompt, T] = {}
    for wanted in (False, True):
        prompts = [prompt for prompt, general in rows if general is wanted]
        if prompts:
            said.update(zip(prompts, ask(prompts, wanted), strict=True))
    return [said[prompt] for prompt, _ in rows]


def _file(found: Base, local: LocalModel, kind: str, prompts: list[Prompt], *settings: int) -> Path:
    asked = [prompt if isinstance(prompt, str) else messages(prompt) for prompt in prompts]
    return _named(found, local, kind, asked, *settings, generate.BATCH)


def _named(
    found: Base, local: LocalModel, kind: str, asked: Sequence[object], *settings: int
) -> Path:
    key = artifact.digest_json(
        [FORMAT, kind, found.digest, local.quantization, local.backend, asked, settings]
    )
    return base_model.cache_folder() / "said" / f"{key.removeprefix('sha256:')}.{kind}"


def _read(file: Path, parse: Callable[[bytes], list[T]]) -> list[T]:
    """Read a kept file; nothing when there is none, or it is damaged."""
    data = cache.read(file)
    try:
        return [] if data is None else parse(data)
    except (ValueError, TypeError):  # whole, but of another version
        return []
