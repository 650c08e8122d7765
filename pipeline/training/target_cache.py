"""Computes distillation targets once, and keeps them in the user's cache."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.core import progress
from pipeline.core.chat import Prompt
from pipeline.core.config import TrainSettings
from pipeline.dataset.records import Example
from pipeline.models import answer_cache
from pipeline.models.base_model import Base
from pipeline.models.local_model import LocalModel
from pipeline.models.packing import Chat
from pipeline.training import distillation
from pipeline.training.distillation import TeacherLogits

FORM = distillation.dump_logits, distillation.parse_logits


def beginnings(
    base: Base, local: LocalModel, rows: Sequence[Example], settings: TrainSettings
) -> list[TeacherLogits]:
    """Give the beginnings of the base's own answers to the prompts of `rows`, as top k probabilities."""
    k = settings.kl_top_k

    def begin(prompts: list[Prompt], general: bool) -> list[TeacherLogits]:
        tokens = settings.held_tokens(general=general)

        def now() -> list[TeacherLogits]:
            with progress.bar("asking the base", len(prompts)) as shown:
                return distillation.generate_targets(local, prompts, tokens, k, shown)

        file = answer_cache.answers_file(base, local, "held", prompts, tokens, k)
        return answer_cache.ask_once(file, len(prompts), now, FORM)

    return answer_cache.ask_apart([(row.chat, row.general) for row in rows], begin)


def along(base: Base, local: LocalModel, chats: Sequence[Chat], k: int) -> list[TeacherLogits]:
    """Give the base's top k probabilities at every token of the given answers."""

    def now() -> list[TeacherLogits]:
        with progress.bar("reading the base", len(chats)) as shown, local.base_only():
            return distillation.score_targets(local, chats, k, shown)

    read_before = [[chat.prompt, chat.completion] for chat in chats]
    file = answer_cache.cache_file_of(base, local, "along", read_before, k, distillation.PACKED)
    return answer_cache.ask_once(file, len(chats), now, FORM)
