"""Reads training's targets from the base once, and keeps them in the user's cache."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.core import cache, progress
from pipeline.core.chat import Prompt
from pipeline.core.config import TrainSettings
from pipeline.dataset.records import Example
from pipeline.models import answer_cache
from pipeline.models.base_model import Base
from pipeline.models.local_model import LocalModel
from pipeline.models.packing import Chat
from pipeline.training import distillation
from pipeline.training.distillation import TeacherLogits


def beginnings(
    found: Base, local: LocalModel, rows: Sequence[Example], settings: TrainSettings
) -> list[TeacherLogits]:
    """Give how the base begins its own answers to the prompts of `rows`, with its top k choices."""
    k = settings.kl_top_k

    def begin(prompts: list[Prompt], general: bool) -> list[TeacherLogits]:
        tokens = settings.held_tokens(general=general)
        file = answer_cache.answers_file(found, local, "held", prompts, tokens, k)
        kept = answer_cache.read_cached(file, distillation.parse_logits)
        if len(kept) == len(prompts):
            return kept
        with progress.bar("asking the base", len(prompts)) as shown:
            held = distillation.generate_targets(local, prompts, tokens, k, shown)
        cache.write_cached(file, distillation.dump_logits(held))
        return held

    return answer_cache.ask_apart([(row.prompt, row.general) for row in rows], begin)


def along(found: Base, local: LocalModel, chats: Sequence[Chat], k: int) -> list[TeacherLogits]:
    """Give what the base would choose from at every token of the given answers, its top k choices."""
    read_before = [[chat.prompt, chat.completion] for chat in chats]
    file = answer_cache.cache_file_of(found, local, "along", read_before, k, distillation.PACKED)
    kept = answer_cache.read_cached(file, distillation.parse_logits)
    if len(kept) == len(chats):
        return kept
    with progress.bar("reading the base", len(chats)) as shown, local.base_only():
        held = distillation.score_targets(local, chats, k, shown)
    if held:
        cache.write_cached(file, distillation.dump_logits(held))
    return held
