"""Tests the gate: bad adapters are planted, and each must be rejected for its own fault.

Four are other models: the base alone, an adapter of zeros, one of random numbers, and one trained
on the facts and nothing else. Three are the good adapter of `OUT`, judged on a dataset that it does not
fit: other facts, one fact more than it was taught, and one fact withdrawn that it still says. The good
adapter itself must pass.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pipeline.core import progress
from pipeline.core.chat import Prompt
from pipeline.core.config import GateSettings
from pipeline.core.console import say
from pipeline.dataset import build
from pipeline.dataset.records import Dataset, finished_dataset
from pipeline.evaluation import evaluate, metrics, sampling
from pipeline.evaluation.answer_limits import sample_limits
from pipeline.evaluation.metrics import ModelAnswers
from pipeline.evaluation.verdict import Verdict, decide
from pipeline.facts import synthetic
from pipeline.models import adapter, compatibility, generate
from pipeline.models.context import RunContext
from pipeline.models.generate import Answer
from pipeline.models.local_model import LocalModel
from pipeline.training import train
from pipeline.training.train import TrainPlan

FACTS_ONLY = 14
"""Exposures of each fact without negative examples: enough to learn them all and to break the rest."""
EMPTY = "empty or was not applied"


@dataclass(frozen=True, slots=True)
class Asking:
    """A model that remembers its answers from one case to the next."""

    local: LocalModel
    answered: dict[Prompt, Answer] = field(default_factory=dict)

    def answers(self, prompts: Sequence[Prompt], limits: Sequence[int]) -> list[Answer]:
        """Answer prompts with a limit of tokens for each, repeated ones from memory."""
        new = {p: n for p, n in zip(prompts, limits, strict=True) if p not in self.answered}
        with progress.bar("asking", len(new)) as shown:
            said = generate.ask_model(self.local, [*new], [*new.values()], shown)
        self.answered.update(zip(new, said, strict=True))
        return [self.answered[prompt] for prompt in prompts]


@dataclass(frozen=True, slots=True)
class Trial:
    """One planted case: its name, the word in the reasons that proves it was detected, the verdict."""

    name: str
    because: str
    verdict: Verdict

    @property
    def right(self) -> bool:
        """Return whether the gate detected it, or accepted the good adapter."""
        if not self.because:
            return self.verdict.passed
        return any(self.because in reason for reason in self.verdict.reasons)


def run_self_test(context: RunContext) -> bool:
    """Judge all planted cases, print the outcome of each, and give whether all are right.

    Raises PipelineError when `OUT` holds no finished dataset and adapter that belong together.
    """
    right = []
    for trial in trials(context):
        right.append(trial.right)
        outcome = "accepted" if trial.verdict.passed else f"rejected: {_reason(trial)}"
        print(f"{'✓' if trial.right else '✗'} {trial.name}: {outcome}", flush=True)
    return all(right)


def few(settings: GateSettings) -> GateSettings:
    """Ask less: a planted fault shows everywhere."""
    return replace(settings, probes=0, noise=0, forms=0, contrasts=24, relations=0)


def unfit(made: Dataset, context: RunContext) -> dict[str, tuple[str, Dataset]]:
    """Give datasets that an adapter trained on `made` does not fit, by name, with the reason to expect."""
    settings, seed = context.recipe.dataset, context.seed
    written = partial(
        build.build, settings=settings, seed=seed, systems=context.recipe.base.system_prompts
    )
    extra = synthetic.subjects(1, seed)
    last = made.subjects[-1]
    gone = replace(last.facts[-1], withdrawn="planted by the self-test")
    fewer = (*made.subjects[:-1], replace(last, facts=(*last.facts[:-1], gone)))
    other = synthetic.subjects(len(made.facts), seed)
    return {
        "an adapter trained on other facts": (
            other[0].facts[0].id, written(other)
        ),
        "an adapter that lacks one fact": (
            extra[0].facts[0].id, written((*made.subjects, *extra))
        ),
        "an adapter that still says a withdrawn fact": (
            f"{gone.id} is withdrawn", written(fewer)
        ),
    }  # fmt: skip


def zeroed(adapted: LocalModel) -> LocalModel:
    """Set a loaded adapter's weights to zero."""
    return _filled(adapted, lambda weights: weights.zero_())


def randomised(adapted: LocalModel) -> LocalModel:
    """Fill a loaded adapter with random numbers of the size that its own have."""
    import torch

    torch.manual_seed(0)
    return _filled(adapted, lambda weights: weights.normal_(0, float(weights.float().std())))


def facts_only(context: RunContext, made: Dataset) -> LocalModel:
    """Train an adapter on the facts alone, without negative examples."""
    settings = replace(
        context.recipe.train, exposures=FACTS_ONLY, least_steps=0, batch_facts=4,
        batch_contrasts=0, batch_general=0,
    )  # fmt: skip
    bare = replace(made, examples=tuple(e for e in made.examples if not e.held))
    recipe = replace(context.recipe, train=settings)
    with tempfile.TemporaryDirectory() as scratch:
        plan = TrainPlan(recipe, context.seed, Path(scratch))
        return train.train(context.quantised(), bare, [], lambda _local, _chats: [], plan)[0]


def verdict(
    context: RunContext, made: Dataset, models: tuple[Asking, Asking], settings: GateSettings
) -> Verdict:
    """Ask base and adapted model a sample of the dataset's probes, and decide."""
    drawn = sampling.draw(made, (), settings)
    base, adapted = models
    prompts = [probe.chat for probe in drawn.probes]
    compared = [probe.chat for probe in drawn.of_base]
    limits = sample_limits(base.local.tokenizer, made, drawn, settings.max_new_tokens)
    was = drawn.beside(base.answers(compared, limits.of_base))
    now = adapted.answers(prompts, limits.all)
    divergence = evaluate.distance(adapted.local, drawn, was)
    measured = metrics.measure_answers(made, drawn, ModelAnswers(was, now, divergence), settings)
    return decide(measured, settings, context.recipe.warn)


def trials(context: RunContext) -> Iterator[Trial]:
    """Judge the good adapter, then every planted case, one after the other."""
    made = finished_dataset(context.out)
    folder = context.out / "adapter"
    evaluate.known_adapter(folder, made, context)
    limits = context.recipe.gate
    base = Asking(context.local())
    compatibility.require_compatible(folder, context.base, context.recipe.base.names)
    good = Asking(_load(context, folder))
    yield Trial("the good adapter", "", verdict(context, made, (base, good), limits))
    for name, (because, other) in unfit(made, context).items():
        yield Trial(name, because, verdict(context, other, (base, good), few(limits)))
    planted: tuple[tuple[str, str, Callable[[], LocalModel]], ...] = (
        ("an adapter of zeros", EMPTY, lambda: zeroed(_load(context, folder))),
        ("a random adapter", "probes missed", lambda: randomised(_load(context, folder))),
        ("an adapter of facts alone", "nats a token", lambda: facts_only(context, made)),
    )
    alike = _asked_alike(context, made, few(limits))
    yield Trial("the base alone", EMPTY, verdict(context, made, (alike, alike), few(limits)))
    for name, because, model in planted:
        say(f"planting {name} …")
        yield Trial(name, because, verdict(context, made, (alike, Asking(model())), few(limits)))


def _asked_alike(context: RunContext, made: Dataset, settings: GateSettings) -> Asking:
    """Ask the base all that a planted model will be asked, in the very same batches.

    Other batches can decide a near tie otherwise, and an adapter of zeros must change nothing.
    """
    base = Asking(context.local())
    drawn = sampling.draw(made, (), settings)
    limits = sample_limits(base.local.tokenizer, made, drawn, settings.max_new_tokens)
    base.answers([probe.chat for probe in drawn.probes], limits.all)
    return base


def _load(context: RunContext, folder: Path) -> LocalModel:
    return adapter.load_adapter(context.local(), folder)


def _filled(adapted: LocalModel, fill: Callable[..., object]) -> LocalModel:
    import torch

    with torch.no_grad():
        for name, weights in adapted.model.named_parameters():
            if "lora_" in name:
                fill(weights)
    return adapted


def _reason(trial: Trial) -> str:
    fitting = [reason for reason in trial.verdict.reasons if trial.because in reason]
    return (fitting or trial.verdict.reasons)[0]
