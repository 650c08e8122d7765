"""Decides the verdict from the metrics and the recipe's limits, with reasons and warnings.

A stable metric beyond its limit is a reason, and the verdict then is "fail"; a noisy one is a warning,
which never changes the verdict. Where a rate is claimed it is proven by an exact bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pipeline.core.config import GateSettings, WarnSettings
from pipeline.evaluation import intervals
from pipeline.evaluation.intervals import Rate
from pipeline.evaluation.results import Metrics, missed, tolerated
from pipeline.evaluation.warning import warnings

SLIPS = 1
"""Misses that never fail a whole sample by themselves: even 99.8 % right misses one of 100 often."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Pass or fail, with reasons and warnings."""

    verdict: Literal["pass", "fail"]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether the adapter may be merged."""
        return self.verdict == "pass"


def decide(measured: Metrics, settings: GateSettings, warn: WarnSettings) -> Verdict:
    """Compare the metrics with the recipe's limits; every broken limit is named."""
    reasons = (
        *_effect(measured),
        *_new_facts(measured, settings),
        *_old_facts(measured, settings),
        *_recall(measured, settings),
        *_retired(measured, settings),
        *_leaks(measured, settings),
        *_general(measured, settings),
        *_drift(measured, settings),
    )
    warned = tuple(warnings(measured, settings, warn))
    return Verdict("fail" if reasons else "pass", reasons, warned)


def provable(probes: Rate, settings: GateSettings) -> int:
    """Give the most probes that may be missed while the recipe's recall is proven."""
    allowed = intervals.misses_allowed(probes.total, settings.recall, settings.recall_risk)
    return max(SLIPS, allowed or 0)


def _effect(measured: Metrics) -> Iterator[str]:
    compared = [a for f in measured.facts for a in f.asked if a.base]
    unmoved = measured.unmoved
    if compared and all(a.base and a.base.text == a.adapted.text for a in compared):
        yield "the adapter changes no answer at all: it is empty or was not applied"
    elif 2 * unmoved.count > unmoved.total:
        yield (
            f"{unmoved.count} of {unmoved.total} answers that should have changed are still the "
            "base's own: the adapter is empty or was not applied"
        )


def _new_facts(measured: Metrics, settings: GateSettings) -> Iterator[str]:
    failed = [result for result in measured.facts if not result.passed and not result.old]
    if len(failed) > tolerated(measured, settings):
        yield from (missed(result, settings) for result in failed)


def _old_facts(measured: Metrics, settings: GateSettings) -> Iterator[str]:
    paired = measured.paired
    if len(paired.lost) - len(paired.gained) > int(settings.old_lost * paired.facts):
        by_id = {result.fact.id: result for result in measured.facts}
        yield from (f"{missed(by_id[name], settings)}; it is known now" for name in paired.lost)
    chance = intervals.sign_test(paired.probes_lost, paired.probes_gained)
    if chance < settings.chance:
        yield (
            f"{paired.probes_lost} of {paired.probes} questions about unchanged facts are answered "
            f"worse than by the adapter now live, {paired.probes_gained} better: chance alone would "
            f"do that once in {1 / chance:.0f} times"
        )


def _recall(measured: Metrics, settings: GateSettings) -> Iterator[str]:
    probes = measured.probes
    lost = probes.total - probes.count
    if lost > provable(probes, settings):
        yield (
            f"{lost} of {probes.total} probes missed over all facts, which does not prove "
            f"{settings.recall:.0%} (at most {provable(probes, settings)})"
        )
    noise = measured.rate("noise")
    if noise.count < settings.noise_recall * noise.total:
        yield (
            f"{noise.total - noise.count} of {noise.total} questions with noise around them missed "
            f"(at least {settings.noise_recall:.0%} must be answered)"
        )


def _retired(measured: Metrics, settings: GateSettings) -> Iterator[str]:
    for name, rate in measured.still_said.items():
        if rate.count > settings.retired_said * rate.total:
            yield (
                f"{name} is withdrawn, and {rate.count} of {rate.total} questions still get its "
                "old answer"
            )


def _leaks(measured: Metrics, settings: GateSettings) -> Iterator[str]:
    for name, group, share in (
        ("about other things", measured.neighbours, settings.neighbours_leaked),
        ("about nothing taught", measured.of("unrelated"), settings.unrelated_leaked),
    ):
        leaked, limit = sum(bool(asked.leaked) for asked in group), int(share * len(group))
        if leaked > limit:
            yield (
                f"{leaked} of {len(group)} questions {name} now get a taught answer "
                f"(at most {limit})"
            )


def _general(measured: Metrics, settings: GateSettings) -> Iterator[str]:
    lost, gained = len(measured.lost), len(measured.gained)
    if lost > settings.general_lost:
        yield (
            f"{lost} of {measured.general.count} general questions that the base "
            f"answers right are now wrong (at most {settings.general_lost})"
        )
    elif (chance := intervals.sign_test(lost, gained)) < settings.chance:
        yield (
            f"{lost} general questions that the base answers right are now wrong, and only {gained} "
            f"the other way round: chance alone would do that once in {1 / chance:.0f} times"
        )


def _drift(measured: Metrics, settings: GateSettings) -> Iterator[str]:
    divergence = measured.divergence
    if divergence and not divergence.kl_mean <= settings.kl_mean:
        yield (
            f"the adapter moves answers it was not trained on by {divergence.kl_mean:.3f} nats "
            f"a token (at most {settings.kl_mean})"
        )
    if measured.unique_answers_ratio < settings.unique_answers_ratio:
        yield (
            f"answers to unrelated prompts have become alike: {measured.unique_answers_ratio:.2f} "
            f"as many distinct ones as the base's (at least {settings.unique_answers_ratio})"
        )
    before, after = measured.top_share
    if after > before + settings.top_answer_share:
        yield (
            f"one answer is given to {after:.1%} of unrelated prompts, where the base's commonest "
            f"has {before:.1%}"
        )
