"""Trains an adapter that knows the facts and otherwise matches the base.

The loss is cross-entropy on each fact's answer and end
token, and on everything else the forward KL divergence from the base model to the adapted one,
KL(base ‖ adapted), over the base's own answer (kept as its top-k probabilities and one bucket for
the rest). Both are means per token, added with the recipe's weight.
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
from pipeline.models.adapter import TrainStats
from pipeline.models.local_model import LocalModel
from pipeline.training.batching import ROUNDS, ReplayRound, adding, begins, schedule
from pipeline.training.distillation import TeacherLogits
from pipeline.training.targets import Follow, Targets
from pipeline.training.trainer import TrainerInput, run_training

GROWING = 0.3
"""Share of the learning rate at which a finished adapter goes on: all of it unsettles what it knows."""
WORDINGS = 4
"""Wordings of each fact in which it is looked up between two rounds of adding others."""


@dataclass(frozen=True, slots=True)
class ResumeFrom:
    """A finished adapter to go on from, its digest, and the ids of the facts that it was not taught."""

    folder: Path
    fresh: frozenset[str]
    digest: str


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """How to train: with which recipe and seed, and from a finished adapter or a new one.

    `checkpoints` is a folder that only this very training uses: it goes on from what lies there.
    """

    recipe: Recipe
    seed: int
    checkpoints: Path
    start: ResumeFrom | None = None
    recompute: bool = False
    """Keep what a layer takes in and compute the rest once more going back: less memory, more time."""

    def steps(self, examples: Sequence[Example]) -> list[list[int]]:
        """Choose what stands in each step; where facts are added, as long as nothing is forgotten."""
        settings = self.recipe.train
        if not self.start:
            return schedule(examples, settings, self.seed)
        return adding(examples, settings, self.seed, ReplayRound(0, self.start.fresh, {}))


def train(
    local: LocalModel,
    dataset: Dataset,
    begun: Sequence[TeacherLogits],
    follow: Follow,
    method: TrainPlan,
) -> tuple[LocalModel, TrainStats]:
    """Put a LoRA adapter on the model and train it.

    `begun` are the beginnings of the base's own answers to the examples without a completion, in
    their order; `score_targets` reads the base along the answers that others give.
    The same inputs and seed on the same machine give the same weights.
    Raises TrainError when the loss stops being a number.
    """
    import torch

    goal = Targets(local.tokenizer, dataset.examples, begun, follow)
    steps = method.steps(dataset.examples)
    goal.read(local, steps[: begins(1, len(steps)) + 1] if method.start else steps)
    torch.manual_seed(method.seed)
    adapted = _begin(local, method)
    started = time.monotonic()
    done = run_training(adapted, _work(adapted, goal, dataset.examples, steps, method))
    seconds = time.monotonic() - started
    # Judged and shipped in the dtype that servers cast an adapter to: the base's.
    for weights in adapted.model.parameters():
        if weights.requires_grad:
            weights.data = weights.data.to(local.model.dtype)
    adapted.model.eval()
    seen = [goal.all[i].chat for step in steps for i in step]
    tokens = sum(len(chat.prompt) + len(chat.completion) for chat in seen)
    return adapted, replace(done, examples=len(seen), tokens=tokens, seconds=seconds)


def _begin(local: LocalModel, method: TrainPlan) -> LocalModel:
    """Put an adapter to be trained on the model, in fp32: a new one, or a finished one again."""
    from peft import PeftModel

    settings, recompute = method.recipe.train, method.recompute
    if method.start:
        model = PeftModel.from_pretrained(local.model, method.start.folder, is_trainable=True)
        if recompute:
            backends.recomputing(model)
    else:
        model = backends.adapt(
            local.model, local.backend, settings.rank, settings.alpha, recompute=recompute
        )
    for config in model.peft_config.values():
        config.base_model_name_or_path = (
            method.recipe.base.name
        )  # PEFT put this machine's path there
    return replace(local, model=model, adapted=True)


def _work(
    adapted: LocalModel,
    goal: Targets,
    examples: Sequence[Example],
    steps: list[list[int]],
    method: TrainPlan,
) -> TrainerInput:
    settings, between = method.recipe.train, None
    if method.start:
        settings = replace(settings, learning_rate=GROWING * settings.learning_rate)
        between = _replaying(adapted, goal, examples, steps, method)
    return TrainerInput(goal.all, steps, settings, method.seed, method.checkpoints, between)


def _replaying(
    adapted: LocalModel,
    goal: Targets,
    examples: Sequence[Example],
    steps: list[list[int]],
    method: TrainPlan,
) -> Callable[[int], None]:
    """Make what looks, where a round begins, what the adapter knows, and exchanges the steps from there on.

    What was seen is kept beside the checkpoints, so that a training that is gone on with goes the same way.
    """
    assert method.start, "only where facts are added"
    fresh, settings = method.start.fresh, method.recipe.train
    waiting = list(range(1, ROUNDS))

    def look(done: int) -> None:
        begun = [number for number in waiting if begins(number, len(steps)) <= done]
        if not begun:
            return
        number = begun[-1]
        del waiting[: len(begun)]
        kept = method.checkpoints / f"known-{number}.json"
        if kept.exists():
            known = json.loads(kept.read_text(encoding="utf-8"))
        else:
            losses = goal.losses(adapted, WORDINGS)
            known = {fact: nats for fact, nats in losses.items() if fact not in fresh}
            artifact.write_text(kept, json.dumps(known))
        first = begins(number, len(steps))
        _, *rest = adding(examples, settings, method.seed, ReplayRound(number, fresh, known))
        steps[first + 1 :] = rest  # the first of them is at hand already
        goal.read(adapted, steps[first : begins(number + 1, len(steps)) + 1])

    return look
