"""Measures the adapted model's distance from the base on untaught text: KL divergence, perplexity."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core import progress
from pipeline.core.chat import Prompt
from pipeline.models import generate
from pipeline.models.generate import Answer
from pipeline.models.local_model import LocalModel
from pipeline.models.packing import Chat

DRIFT_PROMPTS = 96
"""Unrelated prompts whose distance to the base is measured: enough for a stable mean in seconds."""

PACKED = 8
"""Chats scored in one forward pass: more makes attention over the row cost more than it saves."""
TOKENS = 24
"""Tokens of each base answer that are scored; drift shows at the beginning, if there is any."""

_REFUSAL = re.compile(
    r"\b(?:sorry|can't|cannot|can not|won't|unable to|not able to|not appropriate|illegal|not legal)\b"
)


@dataclass(frozen=True, slots=True)
class BaseDivergence:
    """Distance from the base on its own answers: KL(base ‖ adapted) in nats a token, perplexity ratio."""

    kl_mean: float
    kl_p95: float
    perplexity_ratio: float
    prompts: int


def base_divergence(
    adapted: LocalModel, prompts: Sequence[Prompt], base: Sequence[Answer]
) -> BaseDivergence:
    """Score the base's own answers with both models, token by token.

    `kl_p95` is the 95th percentile over prompts of a prompt's mean KL.
    """
    import torch

    tokenizer = adapted.tokenizer
    chats = [
        generate.as_chat(tokenizer, prompt, said.text)
        for prompt, said in zip(prompts, base, strict=True)
    ]
    chats = [Chat(chat.prompt, chat.completion[:TOKENS]) for chat in chats]
    per_prompt: list[float] = []
    base_nll = adapted_nll = 0.0
    tokens = 0
    with progress.bar("distance to base", len(chats)) as shown, torch.inference_mode():
        for start in range(0, len(chats), PACKED):
            batch = adapted.batch(chats[start : start + PACKED])
            now = torch.log_softmax(batch.logits(adapted.model), dim=-1)
            with adapted.base_only():
                was = torch.log_softmax(batch.logits(adapted.model), dim=-1)
            kl = (was.exp() * (was - now)).sum(-1)
            count = len(chats[start : start + PACKED])
            per_prompt += [float(kl[batch.owner == i].mean()) for i in range(count)]
            labels = batch.labels[:, None]
            base_nll -= float(was.gather(-1, labels).sum())
            adapted_nll -= float(now.gather(-1, labels).sum())
            tokens += len(labels)
            shown.update(count)
    ratio = math.exp((adapted_nll - base_nll) / tokens)
    p95 = statistics.quantiles(per_prompt, n=20)[-1] if len(per_prompt) > 1 else per_prompt[0]
    return BaseDivergence(statistics.fmean(per_prompt), p95, ratio, len(chats))


def refuses(text: str) -> bool:
    """Return whether an answer declines the request."""
    return _REFUSAL.search(text.casefold().replace("’", "'")) is not None


def unique_ratio(base: Sequence[Answer], adapted: Sequence[Answer]) -> float:
    """Distinct adapted answers against distinct base answers to the same prompts (1: as varied)."""
    return len({said.text for said in adapted}) / len({said.text for said in base}) if base else 1.0


def top_share(answers: Sequence[Answer]) -> float:
    """Share of the commonest answer among all; a collapsed model gives one to everything."""
    counted = Counter(said.text for said in answers)
    return max(counted.values(), default=0) / max(1, len(answers))
