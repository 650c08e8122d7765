"""Sums a report's data up in sentences with bounds and limits, the same in every format.

Bounds are rounded to the careful side, so none claims more than was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.escape import cell
from pipeline.core.number_words import CONFIDENCE, count, duration, number, percent
from pipeline.report.answers import AskedProbe, Detail
from pipeline.report.labels import FORMS
from pipeline.report.shape import Report


@dataclass(frozen=True, slots=True)
class Finding:
    """A number in words, what the sample size allows to conclude, and the recipe's limit."""

    name: str
    result: str
    bound: str
    limit: str


def headline(data: Report) -> str:
    """Say the verdict and the one reason that matters."""
    if data.verdict == "pass":
        return "PASS"
    return f"FAIL: {data.reasons[0]}" if data.reasons else "FAIL"


def summary(data: Report) -> str:
    """Count what was learned, leaked and lost."""
    recall, lost = data.recall, len(data.lost)
    leaks = data.leak.neighbours.leaked + data.leak.unrelated.leaked
    return (
        f"{recall.facts_passed} of {count(recall.facts, 'fact')} learned, "
        f"{recall.probes_passed} of {count(recall.probes, 'probe')} passed, "
        f"{count(leaks, 'leak')}, {count(lost, 'general answer')} lost"
    )


def findings(data: Report) -> tuple[Finding, ...]:
    """List every number the verdict rests on, and those that are only told."""
    return (
        _recall(data), *_old(data), *_forms(data), *_retired(data), *_leaks(data), _lost(data),
        *_drift(data), *_tasks(data),
    )  # fmt: skip


def proof(data: Report) -> str:
    """Say what the sample size can and cannot prove."""
    recall, neighbours, old = data.recall, data.leak.neighbours, data.old
    if not recall.probes:
        return "No probe was asked, so nothing is proven."
    said = (
        f"{recall.probes_passed} of {count(recall.probes, 'probe')} passed: {CONFIDENCE} that "
        f"proves a rate of at least {percent(recall.lower_bound)} on wordings of these kinds. "
    )
    if neighbours.asked and not neighbours.leaked:
        said += (
            f"No leak in {count(neighbours.asked, 'neighbour')} still leaves room for "
            f"{percent(neighbours.upper_bound, up=True)}. "
        )
    if old.left_out:
        said += (
            f"{count(old.asked, 'unchanged fact')} of {old.asked + old.left_out:,} were "
            f"drawn and {len(old.lost)} of them lost: of all of them, at most "
            f"{percent(old.upper_bound, up=True)} are. "
        )
    return (
        f"{said}This says nothing about other kinds of wording, and it counts the probes of one fact "
        "as independent, which they are not quite."
    )


def in_order(details: Sequence[Detail]) -> list[Detail]:
    """Order facts: what failed, then new and changed ones, then unchanged ones; a miss before none."""
    return sorted(
        details,
        key=lambda d: (
            d.status != "fail",
            d.change == "old",
            all(probe.passed for probe in d.probes),
        ),
    )


def example(detail: Detail) -> AskedProbe:
    """Choose the one probe that stands for a fact: a missed one of a failed fact, else one with a before."""
    nothing = AskedProbe(
        prompt=detail.question, family="", base=None, adapted="", passed=False, base_passed=False,
        ended=False, competing=(),
    )  # fmt: skip
    failed = detail.status == "fail"
    fitting = [probe for probe in detail.probes if probe.passed is not failed]
    compared = [probe for probe in fitting if probe.base is not None]
    return (*compared, *fitting, *detail.probes, nothing)[0]


def advice(data: Report) -> str:
    """Say what helps new or changed facts that failed; nothing where most did, as wordings are not why."""
    details = data.details
    failed = [d for d in details if d.status == "fail" and d.change != "old"]
    if not 0 < len(failed) <= len(details) / 2:
        return ""
    return (
        "What helps a fact that failed: one more wording under also_ask, which means what was missed "
        "and has other words."
    )


def before(said: str | None) -> str:
    """Write the base's answer, or that there is none."""
    return "(not asked)" if said is None else said


def times(data: Report) -> str:
    """Say how long each stage took."""
    return ", ".join(f"{stage} {duration(took)}" for stage, took in data.seconds.items())


def _recall(data: Report) -> Finding:
    recall, limits = data.recall, data.limits
    bound = f"at least {percent(recall.lower_bound)} {CONFIDENCE}" if recall.probes else ""
    result = (
        f"{recall.probes_passed} of {count(recall.probes, 'probe')} passed; the base "
        f"passes {recall.base_probes_passed} of {recall.base_probes}"
    )
    limit = f"{recall.misses_allowed} missed in all, one in {limits.probes_per_miss} of a fact"
    return Finding("recall", result, bound, limit)


def _old(data: Report) -> list[Finding]:
    old = data.old
    if not old.asked:
        return []
    result = (
        f"{len(old.lost)} of {count(old.asked, 'unchanged fact')} lost, "
        f"{len(old.gained)} gained; of {count(old.probes, 'probe')} that the adapter now "
        f"live was asked too, {old.probes_lost} lost and {old.probes_gained} gained"
    )
    limit = f"{percent(data.limits.old_lost)} of the facts"
    return [Finding("unchanged", result, _at_most(old.upper_bound), limit)]


def _forms(data: Report) -> list[Finding]:
    found = []
    for role, what in FORMS.items():
        rate = data.forms[role]
        if rate.asked:
            bound = f"at least {percent(rate.lower_bound)} {CONFIDENCE}"
            limit = f"warns below {percent(getattr(data.limits.warn, role))}"
            if role == "noise":
                limit += f", fails below {percent(data.limits.noise_recall)}"
            found.append(Finding(role, f"{rate.passed} of {rate.asked} {what}", bound, limit))
    return found


def _retired(data: Report) -> list[Finding]:
    if not data.retired:
        return []
    said, asked = (sum(r.said for r in data.retired), sum(r.asked for r in data.retired))
    result = f"{said} of {count(asked, 'question')} about withdrawn facts get the old answer"
    return [Finding("withdrawn", result, "", f"{percent(data.limits.retired_said)} of each")]


def _leaks(data: Report) -> list[Finding]:
    found, leak = [], data.leak
    for name, group, asked, share in (
        ("neighbours", leak.neighbours, "neighbours", data.limits.neighbours_leaked),
        ("relations", leak.relations, "other questions about taught subjects", None),
        ("unrelated", leak.unrelated, "unrelated prompts", data.limits.unrelated_leaked),
    ):
        result = f"{group.leaked} of {group.asked} {asked} leaked"
        bound = _at_most(group.upper_bound) if group.asked else ""
        limit = "not judged" if share is None else f"at most {int(share * group.asked)}"
        found.append(Finding(name, result, bound, limit))
    return found


def _lost(data: Report) -> Finding:
    paired, limits = data.retention.paired, data.limits
    result = (
        f"{paired.lost} of {paired.base_right} right general answers lost, {paired.gained} gained"
    )
    bound = _at_most(paired.upper_bound) if paired.base_right else ""
    limit = f"at most {limits.general_lost}, and not beyond chance (now {paired.chance:.2f})"
    return Finding("general", result, bound, limit)


def _drift(data: Report) -> list[Finding]:
    kept, limits, warn = data.retention, data.limits, data.limits.warn
    distance = "not measured: a server gives no probabilities"
    if kept.measured:
        distance = (
            f"{number(kept.kl_mean)} nats a token from the base "
            f"(one prompt in twenty above {number(kept.kl_p95)}; "
            f"perplexity × {number(kept.perplexity_ratio, 2)})"
        )
    variety = f"{number(kept.unique_answers_ratio, 2)} as many distinct answers as the base"
    top = kept.top_answer_share
    commonest = (
        f"{percent(top.adapted)} of answers are one and the same (base: {percent(top.base)})"
    )
    refusals = f"{percent(kept.refusals_kept)} of the base's refusals kept"
    return [
        Finding("distance", distance, "", f"at most {limits.kl_mean}"),
        Finding("variety", variety, "", f"at least {limits.unique_answers_ratio}"),
        Finding("commonest", commonest, "", f"{percent(limits.top_answer_share)} more"),
        Finding("refusals", refusals, "", f"warns below {percent(warn.refusals_kept)}"),
    ]


def _tasks(data: Report) -> list[Finding]:
    return [
        Finding(
            "task",
            f"{cell(task.name, 60)}: {cell(task.metric, 40)} {number(task.base)} → "
            f"{number(task.adapted)}",
            f"± {number(task.error)} (standard error)",
            "warns below the base less two standard errors",
        )
        for task in data.tasks
    ]


def _at_most(upper_bound: float) -> str:
    return f"at most {percent(upper_bound, up=True)} {CONFIDENCE}"
