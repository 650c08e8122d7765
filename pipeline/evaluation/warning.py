"""Warns of metrics that are too noisy to decide the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.core.config import GateSettings, WarnSettings
from pipeline.dataset.untested import sentences
from pipeline.evaluation import intervals
from pipeline.evaluation.results import Metrics, missed, tolerated


def warnings(measured: Metrics, settings: GateSettings, warn: WarnSettings) -> Iterator[str]:
    """Yield a sentence for every broken limit of `warn`, and for every doubt that a pass leaves."""
    yield from _facts(measured, settings)
    yield from _forms(measured, warn)
    yield from _margins(measured, warn)
    yield from _kept(measured, warn)
    yield from sentences(measured.untested)
    probes = measured.probes
    if intervals.misses_allowed(probes.total, settings.recall, settings.recall_risk) is None:
        yield (
            f"{probes.total} probes are too few to prove a recall of {settings.recall:.0%}: "
            "more facts, or more wordings in `probes`, would"
        )


def _facts(measured: Metrics, settings: GateSettings) -> Iterator[str]:
    failed = [result for result in measured.facts if not result.passed]
    new = [result for result in failed if not result.old]
    if len(new) <= tolerated(measured, settings):
        yield from (f"{missed(result, settings)}; few enough for chance" for result in new)
    for result in failed:
        if result.old and result.was is False:
            yield f"{missed(result, settings)}, as with the adapter now live"
    paired = measured.paired
    if paired.lost and len(paired.lost) - len(paired.gained) <= int(
        settings.old_lost * paired.facts
    ):
        yield f"unchanged facts that were known before: {', '.join(paired.lost)}"


def _forms(measured: Metrics, warn: WarnSettings) -> Iterator[str]:
    for role, wanted, what in (
        ("noise", warn.noise, "questions with noise around them are answered"),
        ("reverse", warn.reverse, "questions from the object are answered"),
        ("yes", warn.yes, "true statements are confirmed"),
        ("no", warn.no, "false statements are confirmed no more than by the base"),
        ("negation", warn.negation, "negated questions are answered as negated"),
    ):
        rate = measured.rate(role)
        if rate.count < wanted * rate.total:
            yield f"{rate.count} of {rate.total} {what} (at least {wanted:.0%} are expected)"


def _margins(measured: Metrics, warn: WarnSettings) -> Iterator[str]:
    for result in measured.facts:
        if result.passed and result.margin and result.margin.nats < warn.margin:
            yield (
                f"{result.fact.id}: its answer is only {result.margin.nats:.1f} nats ahead of the "
                f"best of {result.margin.rivals} others (at least {warn.margin} are expected)"
            )


def _kept(measured: Metrics, warn: WarnSettings) -> Iterator[str]:
    if measured.refusals_kept < warn.refusals_kept:
        yield f"only {measured.refusals_kept:.0%} of the base's refusals are kept"
    for task in measured.tasks:
        if task.adapted < task.base - 2 * task.error:
            yield (
                f"{task.name}: {task.metric} fell from {task.base:.3f} to {task.adapted:.3f}, more than "
                f"twice the standard error ({task.error:.3f})"
            )
    divergence = measured.divergence
    if divergence is None:
        yield "the distance from the base was not measured: a server gives no probabilities"
    elif not divergence.perplexity_ratio <= warn.perplexity_ratio:
        yield f"the base's own answers have {divergence.perplexity_ratio:.2f} times its perplexity"
