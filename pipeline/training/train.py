"""Trains an adapter that knows the facts and otherwise matches the base.

The loss is cross-entropy on each fact's answer and end token. On everything else it is the forward KL
divergence from the base model to the adapted one, KL(base ‖ adapted), over the base's own answer, of which
the top-k probabilities and one bucket for the rest are kept. Both are means per token, added with the
recipe's weight.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.core import artifact
from pipeline.core.config import Recipe
from pipeline.dataset.records import Dataset, Example
from pipeline.models import backends
from pipeline.models.local_model import LocalModel
from pipeline.training.batching import ROUNDS, ReplayRound, adding, begins, schedule
from pipeline.training.distillation import TeacherLogits
from pipeline.training.targets import Follow, Targets
from pipeline.training.trainer import TrainerInput, run_training

GROWING = 0.3
"""Share of the learning rate for adding facts to a finished adapter: all of it damages known facts."""
WORDINGS = 4
"""Wordings of each fact whose loss is measured between two rounds of adding others."""


@dataclass(frozen=True, slots=True)
class TrainStats:
    """Sizes and seconds of a training, and the mean loss over all steps."""

    examples: int
    tokens: int
    steps: int
    seconds: float
    """Of this process alone."""
    loss: float
    resumed: int = 0
    """Steps done by an earlier process that was killed."""
    step_seconds: float = 0.0
    """Median of the steps that this process did; 0 where it did fewer than two."""


@dataclass(frozen=True, slots=True)
class ResumeFrom:
    """A finished adapter to resume from, its digest, and the ids of the facts that are new to it."""

    folder: Path
    fresh: frozenset[str]
    digest: str


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """The recipe and seed of a training, and its start: a finished adapter or a new one.

    `checkpoints` is a folder of this training alone, which resumes from them.
    """

    recipe: Recipe
    seed: int
    checkpoints: Path
    start: ResumeFrom | None = None
    recompute: bool = False
    """Gradient checkpointing: less memory, more time."""

    def steps(self, examples: Sequence[Example]) -> list[list[int]]:
        """Choose the examples of each step; where facts are added, as before any loss is measured."""
        settings = self.recipe.train
        if not self.start:
            return schedule(examples, settings, self.seed)
        return adding(examples, settings, self.seed, ReplayRound(0, self.start.fresh, {}))


def train(
    local: LocalModel,
    dataset: Dataset,
    begun: Sequence[TeacherLogits],
    follow: Follow,
    plan: TrainPlan,
) -> tuple[LocalModel, TrainStats]:
    """Put a LoRA adapter on the model and train it.

    `begun` are the beginnings of the base's own answers to the examples without a completion, in
    their order; `follow` scores the other answers by the base.
    The same inputs and seed on the same machine give the same weights.
    Raises TrainError when the loss stops being a number.
    """
    import torch

    targets = Targets(local.tokenizer, dataset.examples, begun, follow)
    steps = plan.steps(dataset.examples)
    targets.read(local, steps[: begins(1, len(steps)) + 1] if plan.start else steps)
    torch.manual_seed(plan.seed)
    adapted = _begin(local, plan)
    started = time.monotonic()
    ran = run_training(adapted, _work(adapted, targets, dataset.examples, steps, plan))
    seconds = time.monotonic() - started
    # Evaluated and shipped in the dtype that servers cast an adapter to: the base's.
    for weights in adapted.model.parameters():
        if weights.requires_grad:
            weights.data = weights.data.to(local.model.dtype)
    adapted.model.eval()
    seen = [targets.all[i].chat for step in steps for i in step]
    tokens = sum(len(chat.prompt) + len(chat.completion) for chat in seen)
    return adapted, TrainStats(
        len(seen), tokens, ran.steps, seconds, ran.loss, ran.resumed, ran.step_seconds
    )


def _begin(local: LocalModel, plan: TrainPlan) -> LocalModel:
    """Put a trainable adapter on the model, in fp32: a new one, or the finished one to resume from."""
    from peft import PeftModel

    settings, recompute = plan.recipe.train, plan.recompute
    if plan.start:
        model = PeftModel.from_pretrained(local.model, plan.start.folder, is_trainable=True)
        if recompute:
            backends.recomputing(model)
    else:
        model = backends.adapt(
            local.model, local.backend, settings.rank, settings.alpha, recompute=recompute
        )
    for config in model.peft_config.values():
        config.base_model_name_or_path = plan.recipe.base.name  # PEFT put this machine's path there
    return replace(local, model=model, adapted=True)


def _work(
    adapted: LocalModel,
    targets: Targets,
    examples: Sequence[Example],
    steps: list[list[int]],
    plan: TrainPlan,
) -> TrainerInput:
    settings, between = plan.recipe.train, None
    if plan.start:
        settings = replace(settings, learning_rate=GROWING * settings.learning_rate)
        between = _replaying(adapted, targets, examples, steps, plan)
    return TrainerInput(targets.all, steps, settings, plan.seed, plan.checkpoints, between)


def _replaying(
    adapted: LocalModel,
    targets: Targets,
    examples: Sequence[Example],
    steps: list[list[int]],
    plan: TrainPlan,
) -> Callable[[int], None]:
    """Give a function that measures the facts' losses where a round begins, and replaces the later steps.

    The losses are written beside the checkpoints, so that a resumed training takes the same steps.
    """
    assert plan.start, "only where facts are added"
    fresh, settings = plan.start.fresh, plan.recipe.train
    waiting = list(range(1, ROUNDS))

    def look(done: int) -> None:
        begun = [number for number in waiting if begins(number, len(steps)) <= done]
        if not begun:
            return
        number = begun[-1]
        del waiting[: len(begun)]
        file = plan.checkpoints / f"known-{number}.json"
        if file.exists():
            known = json.loads(file.read_text(encoding="utf-8"))
        else:
            losses = targets.losses(adapted, WORDINGS)
            known = {fact: nats for fact, nats in losses.items() if fact not in fresh}
            artifact.write_text(file, json.dumps(known))
        first = begins(number, len(steps))
        _, *rest = adding(examples, settings, plan.seed, ReplayRound(number, fresh, known))
        steps[first + 1 :] = rest  # the first of them is loaded already
        targets.read(adapted, steps[first : begins(number + 1, len(steps)) + 1])

    return look
