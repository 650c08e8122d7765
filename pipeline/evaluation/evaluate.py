"""Evaluates an adapter, on disk or behind a server: asks, measures, and decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any  # a tokenizer

from pipeline.core import progress
from pipeline.core.errors import PipelineError
from pipeline.core.escape import plain
from pipeline.dataset.records import Dataset, Probe, finished_dataset
from pipeline.evaluation import harness, likelihood, margin, metrics, sampling
from pipeline.evaluation.answer_limits import Limits, sample_limits
from pipeline.evaluation.likelihood import DRIFT_PROMPTS, BaseDivergence
from pipeline.evaluation.margin import margin_candidates
from pipeline.evaluation.metrics import ModelAnswers
from pipeline.evaluation.results import JudgedAdapter, LiveReport, Metrics, Run
from pipeline.evaluation.sampling import Sample
from pipeline.evaluation.verdict import Verdict, decide
from pipeline.facts.change import diff
from pipeline.models import (
    adapter,
    answer_cache,
    base_model,
    client,
    compatibility,
    device,
    generate,
    identity,
)  # fmt: skip
from pipeline.models.adapter import TrainStats, finished_adapter
from pipeline.models.client import Server
from pipeline.models.context import RunContext
from pipeline.models.generate import Answer
from pipeline.models.local_model import LocalModel


@dataclass(frozen=True, slots=True)
class ServedModels:
    """An engine that serves: the `serve.toml` that was named for it ("" for the usual one), and a way to it.

    `both` gives, for a while, the base and the adapter in a folder (absolute) as the engine has them.
    """

    file: str
    both: Callable[[Path], AbstractContextManager[tuple[Server, Server]]]


@dataclass(frozen=True, slots=True)
class Target:
    """The adapter to judge: the one in `folder` (None: OUT/adapter), or the one that `server` serves.

    With `engine` a folder is target by its answers there, instead of in this process. `live` is the
    report of the adapter that is live now; `tasks` name tasks of the lm-evaluation-harness, which
    need a folder. `sample_key` is as in `sampling.draw`.
    """

    folder: Path | None = None
    server: Server | None = None
    engine: ServedModels | None = None
    live: LiveReport = field(default_factory=LiveReport)
    tasks: tuple[str, ...] = ()
    sample_key: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run, its metrics, and the verdict."""

    run: Run
    measured: Metrics
    verdict: Verdict


def evaluate(
    context: RunContext, target: Target, seconds: dict[str, float] | None = None
) -> Evaluation:
    """Ask an adapter the probes of `OUT/dataset`, measure its answers, and decide.

    `seconds` are what the stages before took. Raises PipelineError when the adapter is missing,
    unfinished, damaged, or was made from other examples or another base, and when the server fails.
    """
    started = time.monotonic()
    made = finished_dataset(context.out)
    limits = context.recipe.gate
    changed = diff(target.live.digests, made.facts)
    drawn = sampling.draw(made, changed.old, limits, target.sample_key)
    if target.server:
        known, trained = JudgedAdapter(), TrainStats()
        said = ask_server(context, target.server, made, drawn)
    else:
        folder = target.folder or context.out / "adapter"
        known, trained = known_adapter(folder, made, context)
        said = ask_folder(context, folder, made, drawn, target)
    measured = metrics.measure_answers(made, drawn, said, limits, target.live)
    verdict = decide(measured, limits, context.recipe.warn)
    took = {"build": 0.0, "train": 0.0, **(seconds or {}), "gate": time.monotonic() - started}
    run = Run(
        recipe=context.recipe,
        seed=context.seed,
        base=context.base,
        adapter=known,
        trained=trained,
        seconds=took,
        made=made,
        change=changed,
        reproduce=_reproduce(context, target),
        sample_key=target.sample_key,
    )
    return Evaluation(run, measured, verdict)


def ask_server(context: RunContext, served: Server, made: Dataset, drawn: Sample) -> ModelAnswers:
    """Ask a live server; the base's answers come from the base on this machine."""
    if served.model not in (listed := client.served_models(served)):
        raise PipelineError(
            f"{served.url}: has no model {served.model!r}",
            f"it has {plain(', '.join(listed[:5]), 200) or 'none'}",
        )
    local = context.local()
    limits = _limits(context, local.tokenizer, made, drawn)
    said = _ask_at(served, drawn.probes, limits.all)
    return ModelAnswers(_base(context, local, drawn, limits), said)


def ask_folder(
    context: RunContext, folder: Path, made: Dataset, drawn: Sample, target: Target | None = None
) -> ModelAnswers:
    """Ask the base and an adapter that is in order, on an engine or in this process."""
    target = target or Target()
    if target.engine:
        compatibility.require_compatible(folder, context.base, context.recipe.base.names)
        device.give_back()  # an engine that is started measures what is free
        limits = _limits(context, base_model.load_tokenizer(context.base), made, drawn)
        with target.engine.both(folder.resolve()) as (untaught, taught):
            base = drawn.beside(_ask_at(untaught, drawn.of_base, limits.of_base))
            answers = _ask_at(taught, drawn.probes, limits.all)
        # As it was trained, on both sides of the distance: an engine that stays leaves no more room.
        adapted = adapter.load_adapter(context.quantised(), folder)
        said = _measured(context, adapted, made, drawn, ModelAnswers(base, answers))
    else:
        bare = context.local()
        compatibility.require_compatible(folder, context.base, context.recipe.base.names)
        base = _base(context, bare, drawn, _limits(context, bare.tokenizer, made, drawn))
        adapted = adapter.load_adapter(bare, folder)
        said = ask_local(context, adapted, made, drawn, base)
    return replace(said, tasks=harness.compare(adapted, target.tasks)) if target.tasks else said


def ask_local(
    context: RunContext,
    adapted: LocalModel,
    made: Dataset,
    drawn: Sample,
    base: Sequence[Answer | None],
) -> ModelAnswers:
    """Ask a loaded model, and measure its distance to the base and the margins of the facts."""
    prompts = [probe.chat for probe in drawn.probes]
    limits = _limits(context, adapted.tokenizer, made, drawn).all
    with progress.bar("asking the adapter", len(prompts)) as shown:
        said = generate.ask_model(adapted, prompts, limits, shown, _guesses(made, drawn, base))
    return _measured(context, adapted, made, drawn, ModelAnswers(base, said))


def _guesses(made: Dataset, drawn: Sample, base: Sequence[Answer | None]) -> list[str]:
    """Guess what a good adapter answers: what it was taught, and else what the base says."""
    taught: dict[str, str] = {}
    for example in made.examples:
        if example.role == "fact":
            taught.setdefault(example.fact, example.completion)
    return [
        taught[probe.fact] if probe.role in {"fact", "noise"} else was.text if was else ""
        for probe, was in zip(drawn.probes, base, strict=True)
    ]


def _measured(
    context: RunContext, adapted: LocalModel, made: Dataset, drawn: Sample, said: ModelAnswers
) -> ModelAnswers:
    """Put beside what was said what a loaded model alone can tell: its distance to the base, and margins."""
    rivals = margin_candidates(made, drawn, said.base)
    margins = margin.margins(adapted, drawn.facts, rivals, context.recipe.base.system_prompts)
    return replace(said, divergence=distance(adapted, drawn, said.base), margins=margins)


def distance(adapted: LocalModel, drawn: Sample, base: Sequence[Answer | None]) -> BaseDivergence:
    """Measure how far a loaded model is from the base on prompts about nothing taught."""
    general = [
        (probe.chat, was)
        for probe, was in zip(drawn.probes, base, strict=True)
        if probe.role == "unrelated" and was
    ]
    spread = general[:: max(1, len(general) // DRIFT_PROMPTS)]
    return likelihood.base_divergence(
        adapted, [chat for chat, _ in spread], [was for _, was in spread]
    )


def known_adapter(
    folder: Path, made: Dataset, context: RunContext
) -> tuple[JudgedAdapter, TrainStats]:
    """Describe an adapter and its training; refuse one made from something else."""
    done = finished_adapter(folder)
    for what, digest in (("examples", made.examples_digest), ("base", context.base.digest)):
        if done.made_from.get(what) != digest:
            raise PipelineError(
                f"{folder}: was trained on {'other' if what == 'examples' else 'another'} {what}",
                f"train it again with `facts train --out {folder.parent}`",
            )
    if (folder / identity.BASE).exists():
        ours = identity.identity_of(context.recipe.base, context.base)
        if parts := identity.differences(identity.read_identity(folder), ours):
            raise PipelineError(
                f"{folder}: was trained on a base with another {parts[0]}",
                "judge it with the recipe that it was trained with, or train it again",
            )
    size = (folder / identity.WEIGHTS).stat().st_size if (folder / identity.WEIGHTS).exists() else 0
    return JudgedAdapter(done.digest, done.rank, size), done.train


def _base(
    context: RunContext, bare: LocalModel, drawn: Sample, limits: Limits
) -> list[Answer | None]:
    """Ask the base what the sample compares."""
    rows = [(probe.chat, probe.general) for probe in drawn.of_base]
    return drawn.beside(answer_cache.answers(context.base, bare, rows, limits.of_base))


def _limits(context: RunContext, tokenizer: Any, made: Dataset, drawn: Sample) -> Limits:
    return sample_limits(tokenizer, made, drawn, context.recipe.gate.max_new_tokens)


def _ask_at(served: Server, probes: Sequence[Probe], limits: Sequence[int]) -> list[Answer]:
    with progress.bar(f"asking {served.model}", len(probes)) as shown:
        return client.ask_server(served, [probe.chat for probe in probes], limits, shown)


def _reproduce(context: RunContext, target: Target) -> str:
    usual = f"--recipe {context.recipe.name} --seed {context.seed}"
    usual += f" --sample-key {target.sample_key}" if target.sample_key else ""
    if target.server:
        return f"facts gate {usual} --server {target.server.url} --model {target.server.model}"
    if target.engine:
        return f"facts learn {usual} --engine {target.engine.file}".rstrip()
    return f"facts learn {usual}"
