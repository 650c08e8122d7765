"""Asks the base model once, and keeps its answers in the user's cache.

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
from pipeline.models import generate
from pipeline.models.base_model import Base
from pipeline.models.generate import Answer
from pipeline.models.local_model import LocalModel

T = TypeVar("T")

FORMAT = 2
"""Raised when prompts are put into batches in another way, which can decide a near tie."""


def answers(
    found: Base,
    local: LocalModel,
    rows: Sequence[tuple[Prompt, bool]],
    max_new_tokens: int | Sequence[int],
) -> list[Answer]:
    """Give the base's own answers to prompts; `rows` say of each whether it is about nothing taught.

    `max_new_tokens` are those of all answers, or of each.
    """
    limits = generate.each_limit(max_new_tokens, len(rows))
    limit_of = {prompt: limit for (prompt, _), limit in zip(rows, limits, strict=True)}

    def ask(prompts: list[Prompt], _general: bool) -> list[Answer]:
        own = [limit_of[prompt] for prompt in prompts]

        def now() -> list[Answer]:
            with progress.bar("asking the base", len(prompts)) as shown:
                return generate.ask_model(local, prompts, own, shown)

        same = own[:1] if len(set(own)) == 1 else own
        path = answers_file(found, local, "answers", prompts, *same)
        return ask_once(path, len(prompts), now, (_dump, _parse))

    return ask_apart(rows, ask)


def ask_once(
    path: Path,
    count: int,
    ask: Callable[[], list[T]],
    form: tuple[Callable[[Sequence[T]], bytes], Callable[[bytes], list[T]]],
) -> list[T]:
    """Give the `count` items that a file keeps, or ask for them and keep them there.

    `form` writes items as bytes and reads them; a file that is damaged or of another version is made anew.
    """
    dump, parse = form
    kept = _read(path, parse)
    if len(kept) == count:
        return kept
    said = ask()
    cache.write_cached(path, dump(said))
    return said


def ask_apart(
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


def answers_file(
    found: Base, local: LocalModel, kind: str, prompts: list[Prompt], *settings: int
) -> Path:
    """Name the file for what the base answers to just this list of prompts, with just these settings."""
    asked = [prompt if isinstance(prompt, str) else messages(prompt) for prompt in prompts]
    return cache_file_of(found, local, kind, asked, *settings, generate.BATCH)


def cache_file_of(
    found: Base, local: LocalModel, kind: str, asked: Sequence[object], *settings: int
) -> Path:
    """Name the file for what the base is asked (JSON data), by a digest of that, base and settings."""
    key = artifact.digest_json(
        [FORMAT, kind, found.digest, local.quantization, local.backend, asked, settings]
    )
    return cache.cache_folder() / "said" / f"{key.removeprefix('sha256:')}.{kind}"


def _dump(answers: Sequence[Answer]) -> bytes:
    return json.dumps([asdict(answer) for answer in answers], ensure_ascii=False).encode()


def _parse(data: bytes) -> list[Answer]:
    return [Answer(**row) for row in json.loads(data)]


def _read(path: Path, parse: Callable[[bytes], list[T]]) -> list[T]:
    """Read a kept file; nothing when there is none, or it is damaged."""
    data = cache.read_cached(path)
    try:
        return [] if data is None else parse(data)
    except (ValueError, TypeError):  # whole, but of another version
        return []
