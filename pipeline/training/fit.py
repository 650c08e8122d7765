"""Takes OUT/dataset to OUT/adapter: trains once for given inputs, and keeps the adapter with its manifest."""

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
    """Train `OUT/adapter` on `OUT/dataset`; with `start`, only what is new there and replay.

    The manifest names the adapter that was the start, or none. One made without is kept in any case.
    """
    made = finished_dataset(context.out)
    folder, made_from = context.out / "adapter", adapter_inputs(made, context, start)
    if any(
        artifact.finished(folder, adapter_inputs(made, context, kind)) for kind in (start, None)
    ):
        say("adapter    unchanged, not trained again")
        return
    if backends.choose(context.recipe.base.quantization) == "unsloth" and processes.count() == 1:
        # It replaces methods of transformers' and PEFT's own classes, by which the gate asks.
        processes.run_apart(_teach, context, made, made_from, start)
    else:
        _teach(context, made, made_from, start)


def _teach(
    context: RunContext, made: Dataset, made_from: dict[str, str | int], start: ResumeFrom | None
) -> None:
    digest = artifact.digest_json(made_from).removeprefix("sha256:")
    checkpoints = context.out / f".checkpoints-{digest}"
    method = TrainPlan(context.recipe, context.seed, checkpoints, start)
    device.give_back()
    told = forecast.forecast(context.base, made, context.recipe, method.steps(made.examples))
    forecast.require_memory(told, context.recipe)
    method = replace(method, recompute=told.recompute)
    settings = context.recipe.train
    own = [example for example in made.examples if not example.completion]
    with processes.main_first():
        bare = context.trainee()
        begun = target_cache.beginnings(context.base, bare, own, settings)
    with _passing(checkpoints):
        adapted, done = train.train(bare, made, begun, following(context), method)
        if processes.is_main():
            _keep(adapted, done, context, made_from)


def following(context: RunContext) -> Follow:
    """Give what reads a run's base along answers, or finds what was read before."""
    base, k = context.base, context.recipe.train.kl_top_k
    return lambda local, chats: target_cache.along(base, local, chats, k)


@contextmanager
def _passing(own: Path) -> Iterator[None]:
    """Let a training keep checkpoints in its own folder, which goes once the adapter is kept.

    Folders of other trainings in the same place are removed: nobody goes on with them.
    """
    if not processes.is_main():
        yield
        return
    for other in own.parent.glob(".checkpoints-*"):
        if other != own:
            shutil.rmtree(other, ignore_errors=True)
    try:
        with artifact.disk_errors(own):
            yield
    except TrainError:
        shutil.rmtree(own, ignore_errors=True)  # it would only fail there again
        raise
    shutil.rmtree(own, ignore_errors=True)


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
    """Name what an adapter is made from; `start` is empty where all facts are taught from the base."""
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
    """Read what the adapter on disk was made from."""
    return dict(finished_adapter(context.out / "adapter")["made_from"])
