"""Computes distillation targets: the base's next-token probabilities where its answer must not change.

Each token of such an answer keeps the base's k most likely tokens there and their log-probabilities;
the rest of the vocabulary is one bucket (`loss.kl`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any  # torch tensors; torch is untyped here

from pipeline.core.chat import Prompt
from pipeline.models import decoding, generate
from pipeline.models.local_model import LocalModel
from pipeline.models.packing import Chat

if TYPE_CHECKING:
    from pipeline.core.progress import Progress

PACKED = 16
"""Chats in one packed row when answers are scored (0.85 of the time of 8)."""


@dataclass(frozen=True, slots=True)
class TeacherLogits:
    """An answer of T tokens; the base's k most likely tokens and their log-probabilities, both (T, k)."""

    path: tuple[int, ...]
    ids: Any
    logprobs: Any


def generate_targets(
    local: LocalModel, prompts: Sequence[Prompt], tokens: int, k: int, progress: Progress
) -> list[TeacherLogits]:
    """Generate the first tokens of the base's own answer to each prompt, with its top k probabilities."""
    import torch

    asked = [generate.prompt_tokens(local.tokenizer, prompt) for prompt in prompts]
    chosen: list[list[tuple[int, Any, Any]]] = [[] for _ in prompts]
    for batch in generate.batches(asked):

        def note(rows: Sequence[int], logits: Any, batch: Sequence[int] = batch) -> None:
            paths = logits.argmax(-1).tolist()
            for row, path, logprobs, ids in zip(rows, paths, *_best(logits, k), strict=True):
                chosen[batch[row]].append((path, ids, logprobs))

        decoding.decode(local, [asked[i] for i in batch], tokens, note)
        progress.update(len(batch))
    parts = [tuple(zip(*each, strict=True)) for each in chosen]
    return [
        TeacherLogits(path, torch.stack(ids), torch.stack(logprobs))
        for path, ids, logprobs in parts
    ]


def score_targets(
    local: LocalModel, chats: Sequence[Chat], k: int, progress: Progress
) -> list[TeacherLogits]:
    """Compute the base's top k probabilities at every token of the given answers."""
    import torch

    held = []
    for row in generate.grouped(chats, PACKED, [len(chat.completion) for chat in chats]):
        batch = local.batch(row)
        with torch.inference_mode():
            logprobs, ids = _best(batch.logits(local.model), k)
        owner = batch.owner.cpu()
        for i, chat in enumerate(row):
            own = owner == i
            held.append(TeacherLogits(chat.completion, ids[own], logprobs[own]))
        progress.update(len(row))
    return held


def _best(logits: Any, k: int) -> tuple[Any, Any]:
    import torch

    logprobs, ids = torch.log_softmax(logits.float(), dim=-1).topk(k, dim=-1)
    return logprobs.cpu(), ids.cpu()  # the GPU's memory is for training


def dump_logits(held: Sequence[TeacherLogits]) -> bytes:
    """Write targets as a safetensors file."""
    import torch
    from safetensors.torch import save

    data: bytes = save(
        {
            "lengths": torch.tensor([len(each.path) for each in held]),
            "path": torch.tensor([token for each in held for token in each.path]),
            "ids": torch.cat([each.ids for each in held]).int(),
            "logprobs": torch.cat([each.logprobs for each in held]),
        }
    )
    return data


def parse_logits(data: bytes) -> list[TeacherLogits]:
    """Parse the output of `dump_logits`. Raises ValueError when it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        kept = load(data)
        lengths = kept["lengths"].tolist()
        parts = [kept[name].split(lengths) for name in ("path", "ids", "logprobs")]
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise ValueError(f"not a file of held answers: {error}") from error
    return [
        TeacherLogits(tuple(path.tolist()), ids.long(), logprobs)
        for path, ids, logprobs in zip(*parts, strict=True)
    ]
