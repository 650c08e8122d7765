"""Trains OUT/adapter on OUT/dataset, once for given inputs, and writes it with its manifest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from pipeline.core import artifact, code_digest
from pipeline.core.console import say
from pipeline.core.errors import TrainError
from pipeline.dataset.records import Dataset, finished_dataset
from pipeline.models import adapter, backends, device, identity, machine, processes
from pipeline.models.adapter import finished_adapter
from pipeline.models.context import RunContext
from pipeline.models.local_model import LocalModel
from pipeline.training import forecast, target_cache, train
from pipeline.training.targets import Follow
from pipeline.training.train import ResumeFrom, TrainPlan, TrainStats


def fit(context: RunContext, start: ResumeFrom | None = None) -> None:
    """Train `OUT/adapter` on `OUT/dataset`; with `start`, resume that adapter, for its new facts and replay.

    An adapter that was trained from the base on the same inputs is kept in any case.
    """
    made = finished_dataset(context.out)
    folder, made_from = context.out / "adapter", adapter_inputs(made, context, start)
    if any(
        artifact.finished(folder, adapter_inputs(made, context, kind)) for kind in (start, None)
    ):
        say("adapter    unchanged, not trained again")
        return
    if backends.choose(context.recipe.base.quantization) == "unsloth" and processes.count() == 1:
        # Unsloth patches classes of transformers and PEFT that the gate uses.
        processes.run_apart(_teach, context, made, made_from, start)
    else:
        _teach(context, made, made_from, start)


def _teach(
    context: RunContext, made: Dataset, made_from: dict[str, str | int], start: ResumeFrom | None
) -> None:
    digest = artifact.digest_json(made_from).removeprefix("sha256:")
    checkpoints = context.out / f".checkpoints-{digest}"
    plan = TrainPlan(context.recipe, context.seed, checkpoints, start)
    device.give_back()
    estimate = forecast.forecast(context.base, made, context.recipe, plan.steps(made.examples))
    forecast.require_memory(estimate, context.recipe)
    plan = replace(plan, recompute=estimate.recompute)
    settings = context.recipe.train
    unanswered = [example for example in made.examples if not example.completion]
    with processes.main_first():
        bare = context.trainee()
        begun = target_cache.beginnings(context.base, bare, unanswered, settings)
    with _checkpointing(checkpoints):
        adapted, done = train.train(bare, made, begun, following(context), plan)
        if processes.is_main():
            _keep(adapted, done, context, made_from)


def following(context: RunContext) -> Follow:
    """Give a function that scores answers by the run's base, or reads the scores from the cache."""
    base, k = context.base, context.recipe.train.kl_top_k
    return lambda local, chats: target_cache.along(base, local, chats, k)


@contextmanager
def _checkpointing(checkpoints: Path) -> Iterator[None]:
    """Keep the checkpoints of a training in its own folder, which is removed once the adapter is written.

    Folders of other trainings in the same place are removed: nobody resumes them.
    """
    if not processes.is_main():
        yield
        return
    for other in checkpoints.parent.glob(".checkpoints-*"):
        if other != checkpoints:
            shutil.rmtree(other, ignore_errors=True)
    try:
        with artifact.disk_errors(checkpoints):
            yield
    except TrainError:
        shutil.rmtree(checkpoints, ignore_errors=True)  # resumed, it would only fail again
        raise
    shutil.rmtree(checkpoints, ignore_errors=True)


def _keep(
    adapted: LocalModel, done: TrainStats, context: RunContext, made_from: dict[str, str | int]
) -> None:
    folder = context.out / "adapter"
    with artifact.stage(
        folder,
        made_from,
        train=asdict(done),
        base=context.base.name,
        rank=context.recipe.train.rank,
        code=code_digest.digest(),
        machine=machine.describe(),
    ) as scratch:
        adapter.save_adapter(adapted, scratch)
        identity.write_identity(scratch, identity.identity_of(context.recipe.base, context.base))
    again = f", {done.resumed} of them before it was killed" if done.resumed else ""
    say(f"adapter    {done.steps} steps{again}, {done.seconds:.0f} s, loss {done.loss:.3f}")


def adapter_inputs(
    made: Dataset, context: RunContext, start: ResumeFrom | None
) -> dict[str, str | int]:
    """Give the inputs of an adapter; `start` is empty where it is trained from the base."""
    return {
        "examples": made.examples_digest,
        "base": context.base.digest,
        "identity": artifact.digest_json(
            asdict(identity.identity_of(context.recipe.base, context.base))
        ),
        "quantization": context.recipe.base.quantization,
        "train": artifact.digest_json(asdict(context.recipe.train)),
        "seed": context.seed,
        "start": start.digest if start else "",
    }


def kept_inputs(context: RunContext) -> dict[str, str | int]:
    """Read the inputs of the adapter on disk."""
    return dict(finished_adapter(context.out / "adapter")["made_from"])
