"""The loss of a step: cross entropy on facts, KL divergence to the base on all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any  # torch tensors; torch is untyped here

from pipeline.models.packing import Batch, Chat
from pipeline.training.distillation import TeacherLogits


@dataclass(frozen=True, slots=True)
class Target:
    """A chat ready to train on; `held` is the base's distribution along its answer, or None for a fact."""

    chat: Chat
    held: TeacherLogits | None


LONG = 64
"""Tokens as which a longer answer counts in a step: else a short one beside it would hardly count."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The numbers of fact tokens and of held tokens in a whole step."""

    facts: int
    held: int


def tokens(targets: Sequence[Target]) -> Tokens:
    """Count the completion tokens of a step's examples."""
    lengths = [(len(each.chat.completion), each.held is not None) for each in targets]
    facts = sum(min(n, LONG) for n, held in lengths if not held)
    return Tokens(facts, sum(n for n, held in lengths if held))


def loss(
    logits: Any, batch: Batch, targets: Sequence[Target], kl_weight: float, step: Tokens
) -> Any:
    """Mean cross-entropy of fact tokens plus `kl_weight` times the mean KL of held tokens (nats).

    `targets` may be a part of the step: the means are over the tokens of all of it, so that the
    losses of its parts add up to that of the step.
    """
    import torch

    kept = [target.held for target in targets if target.held]
    are_held = torch.tensor([target.held is not None for target in targets], device=logits.device)
    held = are_held[batch.owner]
    total = logits.new_zeros(())
    if not held.all():
        nats = _said(logits[~held], batch.labels[~held], batch.owner[~held], targets)
        total = nats / step.facts
    if held.any():
        ids = torch.cat([each.ids for each in kept]).to(logits.device)
        logprobs = torch.cat([each.logprobs for each in kept]).to(logits.device)
        total = total + kl_weight * kl(logprobs, ids, logits[held]).sum() / step.held
    return total


def _said(logits: Any, labels: Any, owner: Any, targets: Sequence[Target]) -> Any:
    """Sum the cross entropy of fact tokens (N, vocabulary), each of a long answer as a part of `LONG`."""
    import torch

    lengths = [len(target.chat.completion) for target in targets]
    if max(lengths) <= LONG:
        return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    shares = torch.tensor([min(1.0, LONG / max(1, n)) for n in lengths], device=logits.device)
    each = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    return (each * shares[owner]).sum()


def kl(logprobs: Any, ids: Any, logits: Any) -> Any:
    """KL(base ‖ adapted) per token in nats, over k tokens and one bucket that holds the rest.

    `logprobs` and `ids` are (N, k): the base's log-probabilities and token ids; `logits` (N, vocabulary).
    """
    import torch

    adapted = torch.log_softmax(logits, dim=-1).gather(-1, ids)
    rest_base, rest_adapted = (
        torch.log1p(-p.exp().sum(-1).clamp(max=1 - 1e-6)) for p in (logprobs, adapted)
    )
    shared = (logprobs.exp() * (logprobs - adapted)).sum(-1)
    return shared + rest_base.exp() * (rest_base - rest_adapted)
