"""Measurements and verdict → `report.json`'s data, and that data → text, Markdown and HTML.

`as_data` fixes the contract (DESIGN, section 4); the other functions take only what it gives, so a
`report.json` can be shown again at any time. Nothing is read but the HTML template.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any  # the plain data of a report

from pipeline import escape
from pipeline import findings as found
from pipeline.bounds import Rate
from pipeline.comment import as_markdown
from pipeline.config import GateSettings
from pipeline.escape import plain
from pipeline.findings import MARKS, ROLES
from pipeline.gate import Asked, FactResult, Measurements, Verdict

__all__ = ["Run", "as_data", "as_html", "as_markdown", "as_text"]

TEMPLATE = Path(__file__).parent / "templates" / "report.html.j2"

TEXT_FACTS = 40
TEXT_REASONS = 20
HTML_FACTS = 1000


@dataclass(frozen=True, slots=True)
class Run:
    """What a report says besides measurements and verdict.

    `base` is name and digest; `adapter` has digest, rank, bytes and `train` (examples, tokens,
    steps, seconds); `seconds` has build, train and gate.
    """

    recipe: str
    seed: int
    base: tuple[str, str]
    facts_digest: str
    adapter: dict[str, Any]
    seconds: dict[str, float]
    limits: GateSettings | None = None
    retired: tuple[str, ...] = ()
    reproduce: str = ""


def as_data(run: Run, measured: Measurements, verdict: Verdict) -> dict[str, Any]:
    """Give what `report.json` holds; a measurement that is no finite number becomes null."""
    name, digest = run.base
    leaked = [
        a for a in (*measured.neighbours, *measured.relations, *measured.unrelated) if a.leaked
    ]
    trained = {key: run.adapter["train"][key] for key in ("examples", "tokens", "steps", "seconds")}
    rate = trained["tokens"] / trained["seconds"] if trained["seconds"] > 0 else 0.0
    return {
        "schema": 1,
        "verdict": verdict.verdict,
        "reasons": list(verdict.reasons),
        "recipe": run.recipe,
        "seed": run.seed,
        "reproduce": run.reproduce or f"facts learn --recipe {run.recipe} --seed {run.seed}",
        "limits": run.limits and asdict(run.limits),
        "base": {"name": name, "digest": digest},
        "facts": {
            "digest": run.facts_digest,
            "count": len(measured.facts),
            "added": [],
            "changed": [],
            "retired": list(run.retired),
        },
        "adapter": {key: run.adapter[key] for key in ("digest", "rank", "bytes")},
        "recall": _recall(measured),
        "leak": {
            "neighbours": _leak(measured.neighbours),
            "relations": _leak(measured.relations),
            "unrelated": _leak(measured.unrelated),
        },
        "retention": _retention(measured),
        "details": [_detail(result) for result in measured.facts],
        "leaks": [
            {"prompt": a.probe.prompt, "role": a.probe.role, **_said(a), "texts": list(a.leaked)}
            for a in leaked
        ],
        "lost": [
            {"prompt": a.probe.prompt, "expect": _lists(a), **_said(a)} for a in measured.lost
        ],
        "train": {**trained, "tokens_per_second": rate},
        "seconds": {stage: float(run.seconds[stage]) for stage in ("build", "train", "gate")},
    }


def as_text(data: dict[str, Any]) -> str:
    """Write what a terminal shows: the verdict, why, a line per fact, the numbers, the times."""
    reasons = data["reasons"][1:]
    also = [f"      {plain(reason, 300)}" for reason in reasons[:TEXT_REASONS]]
    if len(reasons) > TEXT_REASONS:
        also.append(f"      and {len(reasons) - TEXT_REASONS} more reasons")
    shown = found.worst_first(data["details"])[:TEXT_FACTS]
    width = max((len(plain(detail["id"], 40)) for detail in shown), default=0)
    facts = [_text_fact(detail, width) for detail in shown]
    if left := len(data["details"]) - len(shown):
        facts.append(f"  {found.count(left, 'fact')} more in the full report")
    numbers = [
        f"{number.name:<11}{number.result}" + (f" ({number.bound})" if number.bound else "")
        for number in found.findings(data)
    ]
    took = f"{'time':<11}{found.times(data)}"
    return "\n".join([plain(found.headline(data), 300), *also, "", *facts, "", *numbers, took])


def as_html(data: dict[str, Any]) -> str:
    """Write one self-contained page; it loads nothing and needs no script."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"lines": escape.lines, "plain": plain, "score": found.score}
    environment.globals |= {"f": found, "marks": MARKS, "roles": ROLES}
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return page.render(d=data, facts=found.worst_first(data["details"])[:HTML_FACTS])


def _recall(measured: Measurements) -> dict[str, Any]:
    return {
        "facts_passed": sum(result.passed for result in measured.facts),
        "facts": len(measured.facts),
        "probes_passed": measured.probes.count,
        "probes": measured.probes.total,
        "lower_bound": measured.probes.lower_bound,
        "base_probes_passed": sum(a.base_passed for f in measured.facts for a in f.asked),
    }


def _leak(group: Sequence[Asked]) -> dict[str, Any]:
    rate = Rate(sum(bool(asked.leaked) for asked in group), len(group))
    return {"leaked": rate.count, "asked": rate.total, "upper_bound": rate.upper_bound}


def _retention(measured: Measurements) -> dict[str, Any]:
    drift, general = measured.drift, measured.general
    lost = Rate(len(measured.lost), general.count)
    return {
        "kl_mean": _finite(drift.kl_mean),
        "kl_p95": _finite(drift.kl_p95),
        "perplexity_ratio": _finite(drift.perplexity_ratio),
        "paired": {
            "asked": general.total,
            "base_right": general.count,
            "lost": lost.count,
            "gained": len(measured.gained),
            "upper_bound": lost.upper_bound,
        },
        "unique_answers_ratio": _finite(measured.unique_answers_ratio),
        "refusals_kept": _finite(measured.refusals_kept),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _detail(result: FactResult) -> dict[str, Any]:
    known = result.known_already and result.passed
    return {
        "id": result.fact.id,
        "status": "known" if known else "pass" if result.passed else "fail",
        "question": result.fact.question,
        "expect": [list(alternatives) for alternatives in result.fact.expect],
        "probes": [
            {
                "prompt": a.probe.prompt,
                "family": a.probe.family,
                **_said(a),
                "passed": a.passed,
                "base_passed": a.base_passed,
                "ended": a.adapted.ended,
            }
            for a in result.asked
        ],
    }


def _said(asked: Asked) -> dict[str, str]:
    return {"base": asked.base.text, "adapted": asked.adapted.text}


def _lists(asked: Asked) -> list[list[str]]:
    return [list(alternatives) for alternatives in asked.probe.expect]


def _text_fact(detail: dict[str, Any], width: int) -> str:
    probe = found.example(detail)
    mark = MARKS[detail["status"]][0]
    counted = f"{found.score(detail)}/{len(detail['probes'])}"
    missed = "" if probe["passed"] else "missed: "
    line = f"{mark} {plain(detail['id'], 40):<{width}}  {counted:>5}  {missed}"
    line += f'"{plain(probe["prompt"], 100)}" → "{plain(probe["adapted"], 110)}"'
    if detail["status"] == "fail":
        line += f"; expected {plain(found.wanted(detail['expect']), 100)}"
    return line + (" (the base knows it too)" if detail["status"] == "known" else "")
