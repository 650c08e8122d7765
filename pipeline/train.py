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

from pipeline import answer, backends, base, progress, teacher
from pipeline.answer import LocalModel
from pipeline.config import Recipe, TrainSettings
from pipeline.dataset import Dataset
from pipeline.loss import Target
from pipeline.packing import Chat
from pipeline.schedule import Kin, schedule
from pipeline.teacher import Held
from pipeline.trainer import Work, run

GROWING = 0.5
"""Share of the learning rate at which a finished adapter goes on: all of it unsettles what it knows."""


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
    """A finished adapter to go on from, its digest, and the facts that it was not taught with their kin."""

    folder: Path
    fresh: Kin
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

    settings, start = method.recipe.train, method.start
    if start:
        settings = replace(settings, learning_rate=GROWING * settings.learning_rate)
    steps = schedule(dataset.examples, settings, method.seed, start.fresh if start else None)
    targets = _targets(local, dataset, begun, steps, settings)
    torch.manual_seed(method.seed)
    adapted = _begin(local, method.recipe, start)
    started = time.monotonic()
    recompute = bool(local.quantization) and not local.padded  # Unsloth does so by itself
    work = Work(targets, steps, settings, method.seed, method.checkpoints, recompute)
    ran = run(adapted, work)
    seconds = time.monotonic() - started
    seen = [targets[i].chat for step in steps for i in step]
    tokens = sum(len(chat.prompt) + len(chat.completion) for chat in seen)
    # Judged and shipped in the dtype that servers cast an adapter to: the base's.
    for weights in adapted.model.parameters():
        if weights.requires_grad:
            weights.data = weights.data.to(local.model.dtype)
    adapted.model.eval()
    return adapted, Trained(len(seen), tokens, ran.steps, seconds, ran.loss, ran.resumed)


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


def _targets(
    local: LocalModel,
    dataset: Dataset,
    begun: Sequence[Held],
    steps: list[list[int]],
    settings: TrainSettings,
) -> list[Target]:
    """Tokenise every example, and read the base along those held paths that a step will use."""
    own = iter(begun)
    targets = []
    for example in dataset.examples:
        if example.completion:
            chat = answer.chat(local.tokenizer, example.prompt, example.completion)
            targets.append(Target(chat, None))
        else:
            held = next(own)
            prompt = answer.prompt_tokens(local.tokenizer, example.prompt)
            targets.append(Target(Chat(prompt, held.path), held))
    waiting = sorted(
        {i for step in steps for i in step if dataset.examples[i].held and not targets[i].held}
    )
    with progress.bar("reading the base", len(waiting)) as shown:
        chats = [targets[i].chat for i in waiting]
        read = teacher.follow(local, chats, settings.kl_top_k, shown)
    for i, held in zip(waiting, read, strict=True):
        targets[i] = Target(targets[i].chat, held)
    return targets
