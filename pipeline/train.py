"""dataset/ → adapter/: a LoRA that says the facts, and otherwise what the base says.

The loss is cross-entropy on each fact's answer and end
token, and on everything else the forward KL divergence from the base model to the adapted one,
KL(base ‖ adapted), over the base's own answer (kept as its top-k probabilities and one bucket for
the rest). Both are means per token, added with the recipe's weight.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import backends, base
from pipeline.answer import LocalModel
from pipeline.config import Recipe
from pipeline.dataset import Dataset
from pipeline.examples import Example
from pipeline.schedule import ROUNDS, Round, adding, schedule
from pipeline.targets import Targets
from pipeline.teacher import Held
from pipeline.trainer import Ran, Work, run

GROWING = 0.3
"""Share of the learning rate at which a finished adapter goes on: all of it unsettles what it knows."""
WORDINGS = 4
"""Wordings of each fact in which it is looked up between two rounds of adding others."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training did: sizes, seconds, and the mean loss over all steps."""

    examples: int
    tokens: int
    steps: int
    seconds: float
    """Of this process alone."""
    loss: float
    resumed: int = 0
    """Steps that an earlier process did, which was killed."""


@dataclass(frozen=True, slots=True)
class Start:
    """A finished adapter to go on from, its digest, and the ids of the facts that it was not taught."""

    folder: Path
    fresh: frozenset[str]
    digest: str


@dataclass(frozen=True, slots=True)
class Method:
    """How to train: with which recipe and seed, and from a finished adapter or a new one.

    `checkpoints` is a folder that only this very training uses: it goes on from what lies there.
    """

    recipe: Recipe
    seed: int
    checkpoints: Path
    start: Start | None = None

    def first(self, examples: Sequence[Example]) -> list[list[int]]:
        """Choose the steps to begin with: all of them, or those of the first round of adding facts."""
        settings = self.recipe.train
        if not self.start:
            return schedule(examples, settings, self.seed)
        return adding(examples, settings, self.seed, Round(0, self.start.fresh, {}))


def train(
    local: LocalModel, dataset: Dataset, begun: Sequence[Held], method: Method
) -> tuple[LocalModel, Trained]:
    """Put a LoRA adapter on the model and train it.

    `begun` are the beginnings of the base's own answers to the examples without a completion, in
    their order.
    The same inputs and seed on the same machine give the same weights.
    Raises TrainError when the loss stops being a number.
    """
    import torch

    goal = Targets(local.tokenizer, dataset.examples, begun, method.recipe.train.kl_top_k)
    steps = method.first(dataset.examples)
    goal.read(local, steps)
    torch.manual_seed(method.seed)
    adapted = _begin(local, method.recipe, method.start)
    started = time.monotonic()
    ran = [_run(adapted, goal, steps, method, method.checkpoints)]
    if method.start:
        for number in range(1, ROUNDS):
            more = _next(adapted, goal, dataset.examples, method, number)
            ran.append(_run(adapted, goal, more, method, method.checkpoints / f"round-{number}"))
            steps += more
    seconds = time.monotonic() - started
    # Judged and shipped in the dtype that servers cast an adapter to: the base's.
    for weights in adapted.model.parameters():
        if weights.requires_grad:
            weights.data = weights.data.to(local.model.dtype)
    adapted.model.eval()
    seen = [goal.all[i].chat for step in steps for i in step]
    done = Trained(
        examples=len(seen),
        tokens=sum(len(chat.prompt) + len(chat.completion) for chat in seen),
        steps=len(steps),
        seconds=seconds,
        loss=sum(each.loss * each.steps for each in ran) / len(steps),
        resumed=sum(each.resumed for each in ran),
    )
    return adapted, done


def _next(
    adapted: LocalModel, goal: Targets, examples: Sequence[Example], method: Method, number: int
) -> list[list[int]]:
    """Look what an adapter knows by now, and choose the steps of the next round of adding facts."""
    assert method.start, "only a finished adapter is added to"
    known = goal.losses(adapted, WORDINGS)
    old = {fact: nats for fact, nats in known.items() if fact not in method.start.fresh}
    own = Round(number, method.start.fresh, old)
    steps = adding(examples, method.recipe.train, method.seed, own)
    goal.read(adapted, steps)
    return steps


def save(adapted: LocalModel, folder: Path) -> None:
    """Write a stock PEFT folder: `adapter_config.json` and `adapter_model.safetensors`."""
    with base.saving():
        adapted.model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's blank card; ours is made at publishing


def load(local: LocalModel, folder: Path) -> LocalModel:
    """Put a saved adapter on the base model."""
    from peft import PeftModel

    model = PeftModel.from_pretrained(local.model, folder, autocast_adapter_dtype=False).eval()
    return replace(local, model=model, adapted=True)


def _begin(local: LocalModel, recipe: Recipe, start: Start | None) -> LocalModel:
    """Put an adapter to be trained on the model, in fp32: a new one, or a finished one again."""
    from peft import PeftModel

    if start:
        model = PeftModel.from_pretrained(local.model, start.folder, is_trainable=True)
    else:
        backend = backends.choose(local.quantization)
        model = backends.adapt(local.model, backend, recipe.train.rank, recipe.train.alpha)
        for config in model.peft_config.values():
            config.base_model_name_or_path = recipe.base.name  # PEFT put this machine's path there
    return replace(local, model=model, adapted=True)


def _run(
    adapted: LocalModel,
    goal: Targets,
    steps: Sequence[Sequence[int]],
    method: Method,
    checkpoints: Path,
) -> Ran:
    settings = method.recipe.train
    if method.start:
        settings = replace(settings, learning_rate=GROWING * settings.learning_rate)
    recompute = bool(adapted.quantization) and not adapted.padded  # Unsloth does so by itself
    return run(adapted, Work(goal.all, steps, settings, method.seed, checkpoints, recompute))
