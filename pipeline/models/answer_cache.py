"""Asks the base model once, and keeps its answers in the user's cache.

General prompts are cached apart from the others: they stay the same when the facts change. A file is
for exactly one list of prompts: batching can decide a near tie between two tokens, and the same run
must see the same answers whatever ran before it.
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
"""Raised when batching changes, which can decide a near tie."""


def answers(
    base: Base,
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
        path = answers_file(base, local, "answers", prompts, *same)
        return ask_once(path, len(prompts), now, (_dump, _parse))

    return ask_apart(rows, ask)


def ask_once(
    path: Path,
    count: int,
    ask: Callable[[], list[T]],
    form: tuple[Callable[[Sequence[T]], bytes], Callable[[bytes], list[T]]],
) -> list[T]:
    """Read `count` items from a cache file, or ask for them and write it.

    `form` writes items as bytes and parses them; a file that is damaged or of another version is replaced.
    """
    dump, parse = form
    cached = _read(path, parse)
    if len(cached) == count:
        return cached
    items = ask()
    cache.write_cached(path, dump(items))
    return items


def ask_apart(
    rows: Sequence[tuple[Prompt, bool]], ask: Callable[[list[Prompt], bool], list[T]]
) -> list[T]:
    """Ask general prompts apart from the others; `rows` are prompts, each with whether it is general.

    `ask` takes prompts of one kind, and whether they are general.
    """
    items: dict[Prompt, T] = {}
    for wanted in (False, True):
        prompts = [prompt for prompt, general in rows if general is wanted]
        if prompts:
            items.update(zip(prompts, ask(prompts, wanted), strict=True))
    return [items[prompt] for prompt, _ in rows]


def answers_file(
    base: Base, local: LocalModel, kind: str, prompts: list[Prompt], *settings: int
) -> Path:
    """Name the cache file for the base's answers to exactly this list of prompts with these settings."""
    asked = [prompt if isinstance(prompt, str) else messages(prompt) for prompt in prompts]
    return cache_file_of(base, local, kind, asked, *settings, generate.BATCH)


def cache_file_of(
    base: Base, local: LocalModel, kind: str, asked: Sequence[object], *settings: int
) -> Path:
    """Name the cache file for a request (JSON data), by a digest of request, base and settings."""
    key = artifact.digest_json(
        [FORMAT, kind, base.digest, local.quantization, local.backend, asked, settings]
    )
    return cache.cache_folder() / "said" / f"{key.removeprefix('sha256:')}.{kind}"


def _dump(answers: Sequence[Answer]) -> bytes:
    return json.dumps([asdict(answer) for answer in answers], ensure_ascii=False).encode()


def _parse(data: bytes) -> list[Answer]:
    return [Answer(**row) for row in json.loads(data)]


def _read(path: Path, parse: Callable[[bytes], list[T]]) -> list[T]:
    """Read a cache file; empty when it is missing or damaged."""
    data = cache.read_cached(path)
    try:
        return [] if data is None else parse(data)
    except (ValueError, TypeError):  # whole, but of another version
        return []
