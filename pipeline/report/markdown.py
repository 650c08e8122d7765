"""A report's data → a comment on a pull request, in Markdown that none of the quoted text can act in."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.core.escape import cell, code, words
from pipeline.report import summary as found
from pipeline.report.answers import Detail
from pipeline.report.shape import Report
from pipeline.report.summary import MARKS, ROLES

# Characters for each part that grows; all together stay below 60 000 (GitHub refuses above 65 536).
REASONS = 3_500
FACTS = 26_000
OLD = 4_000
LEAKS = 7_500
LOST = 6_000
MISSED = 4_500
WARNINGS = 3_500


def report_as_markdown(data: Report) -> str:
    """Write a comment for a pull request, always under 60 000 characters."""
    first, _, reason = found.headline(data).partition(": ")
    others = data.reasons[1:]
    reasons = (f"- {words(each, 300)}" for each in others)
    return "\n".join(
        [
            f"## {first}: {words(reason, 300) if reason else found.summary(data)}",
            "",
            *_fit(reasons, len(others), REASONS, "reason"),
            *(["", f"{found.summary(data)}.", ""] if reason else []),
            *_facts(data),
            *_old(data),
            *_leaks(data),
            *_lost(data),
            *_missed(data),
            *_warnings(data),
            "### Numbers",
            "",
            "| | measured | sample size allows | limit |",
            "|---|---|---|---|",
            *(f"| {n.name} | {_result(n)} | {n.bound} | {n.limit} |" for n in found.findings(data)),
            "",
            found.proof(data),
            "",
            _made(data),
            "",
            f"Reproduce: {code(data.reproduce, 500)}",
            "",
        ]
    )


def _result(finding: found.Finding) -> str:
    """Write a number; the name of a task is the text of somebody else."""
    return cell(finding.result, 200) if finding.name == "task" else finding.result


def _facts(data: Report) -> list[str]:
    """Show new and changed facts, before and after; without a live adapter that is all of them."""
    shown = [detail for detail in found.in_order(data.details) if detail.change != "old"]
    if not shown:
        return ["### New and changed facts", "", "There are none.", ""]
    title = "### New and changed facts" if len(shown) < len(data.details) else "### Facts"
    advice = found.advice(data)
    helped = [advice, ""] if advice else []
    return [title, "", *_HEAD, *_fit(map(_fact, shown), len(shown), FACTS, "fact"), "", *helped]


def _old(data: Report) -> list[str]:
    """Show the unchanged facts that failed."""
    old = [detail for detail in data.details if detail.change == "old"]
    failed = [detail for detail in old if detail.status == "fail"]
    if not failed:
        return (
            [f"All {found.count(len(old), 'unchanged fact')} asked are known.", ""] if old else []
        )
    return ["### Unchanged facts lost", "", *_HEAD,
            *_fit(map(_fact, failed), len(failed), OLD, "unchanged fact"), ""]  # fmt: skip


_HEAD = ["| | fact | probes | one of them | before | after |", "|---|---|---|---|---|---|"]


def _fact(detail: Detail) -> str:
    probe = found.example(detail)
    expected = "" if probe.passed else f"; expected {cell(found.wanted(detail.expect), 150)}"
    return (
        f"| {MARKS[detail.status]} | {cell(detail.id, 80)} "
        f"| {detail.hits}/{len(detail.probes)} | {cell(probe.prompt, 150)} "
        f"| {cell(found.before(probe.base), 200)} | {cell(probe.adapted, 200)}{expected} |"
    )


def _missed(data: Report) -> list[str]:
    """Show withdrawn facts that are still said, and other forms of questions that were missed."""
    rows = (
        f"| {cell(miss.id, 80)} | {found.MISSED.get(miss.role, '')} "
        f"| {cell(miss.prompt, 150)} | {cell(miss.adapted, 150)} |"
        for miss in sorted(data.missed, key=lambda miss: miss.role != "retired")
    )
    head = ["| fact | form | asked | answer |", "|---|---|---|---|"]
    if not data.missed:
        return []
    fitted = _fit(rows, len(data.missed), MISSED, "missed form")
    return ["### Missed in other forms", "", *head, *fitted, ""]


def _warnings(data: Report) -> list[str]:
    rows = (f"- {words(each, 300)}" for each in data.warnings)
    fitted = _fit(rows, len(data.warnings), WARNINGS, "warning")
    return ["### Worth a look", "", *fitted, ""] if data.warnings else []


def _leaks(data: Report) -> list[str]:
    rows = (
        f"| {cell(leak.prompt, 150)} | {ROLES.get(leak.role, '')} "
        f"| {cell(found.before(leak.base), 200)} | {cell(leak.adapted, 200)} "
        f"| {cell(', '.join(leak.texts), 100)} |"
        for leak in data.leaks
    )
    head = ["| asked | about | before | after | what leaked |", "|---|---|---|---|---|"]
    if not data.leaks:
        return ["### Leaks", "", "Nothing leaked.", ""]
    return ["### Leaks", "", *head, *_fit(rows, len(data.leaks), LEAKS, "leak"), ""]


def _lost(data: Report) -> list[str]:
    rows = (
        f"| {cell(lost.prompt, 150)} | {cell(found.wanted(lost.expect), 100)} "
        f"| {cell(found.before(lost.base), 200)} | {cell(lost.adapted, 200)} |"
        for lost in data.lost
    )
    head = ["| asked | right | before | after |", "|---|---|---|---|"]
    if not data.lost:
        return ["### Lost answers", "", "No answer was lost.", ""]
    return ["### Lost answers", "", *head, *_fit(rows, len(data.lost), LOST, "lost answer"), ""]


def _made(data: Report) -> str:
    train, adapter = data.train, data.adapter
    return (
        f"Base {code(data.base.name, 100)}, recipe {code(data.recipe, 100)}, "
        f"seed {data.seed}; adapter {code(adapter.digest, 80)}, rank {adapter.rank}, "
        f"{found.count(adapter.bytes, 'byte')}. {found.count(train.steps, 'step')} on "
        f"{found.count(train.tokens, 'token')}. Time: {found.times(data)}. "
        f"Sample key {code(data.sample_key, 100)}; code {code(data.code, 80)}."
    )


def _fit(rows: Iterable[str], total: int, budget: int, noun: str) -> list[str]:
    """Keep the first rows that fit, and say how many of the total do not; later ones are not made."""
    kept: list[str] = []
    for row in rows:
        budget -= len(row) + 1
        if budget < 0:
            left = found.count(total - len(kept), noun)
            return [*kept, "", f"{left} more in the full report."]
        kept.append(row)
    return kept
