"""Plans a change: lists new, changed and retired facts, all problems, and the time that training will take.

Both ends of the change are commits, read with `git`; the work tree is not looked at.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from pipeline.core import code_digest
from pipeline.core.errors import FactsError
from pipeline.core.escape import code, plain
from pipeline.facts.change import ChangeSet, diff, digest_by_subject, fact_digest, problems
from pipeline.facts.fact import taught
from pipeline.facts.snapshot import FOLDER

JUDGED_WITH = (
    *code_digest.TAUGHT_WITH, "Makefile", ".github/workflows/", ".github/runner/", ".github/ruleset",
    ".github/CODEOWNERS",
)  # fmt: skip
"""Files, besides the facts, that decide how and where a model is taught and judged, and who is asked."""
DOCS = (".md", ".svg", "LICENSE")
"""Endings of files that no code reads."""
SECONDS_A_FACT = 8
"""Training one fact of many with smollm2-135m on two cores: 100 took 697 s of steps, and reading the base."""
SECONDS_AT_LEAST = 210
"""Training the shipped twelve, whose number of steps is the recipe's least, on the same machine."""
SECONDS_ALWAYS = 95
"""The gate's questions about those twelve, and its report."""
MAX_ROWS = 50
"""Facts named in a summary; all are in the JSON."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The fate of each fact between two commits; `training` says that the gate has to run."""

    base: str
    head: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    retired: tuple[str, ...]
    facts: int
    training: bool
    code: bool
    judging: bool
    """The change touches what teaches or judges, so that only its own code can judge it."""
    seconds: int
    """Rough time of training and gate on two cores; zero where none is needed."""


def make_plan(change: ChangeSet) -> Plan:
    """Plan the training of a change that is in order.

    Raises FactsError with all problems when it is not.
    """
    wrong = problems(change)
    if any(problem.severity == "error" for problem in wrong):
        raise FactsError(wrong)
    was = {fact.id: fact_digest(fact) for fact in taught(change.before)}
    now = list(taught(change.after.subjects))
    changes = diff(was, now)
    otherwise = digest_by_subject(change.before) != digest_by_subject(change.after.subjects)
    training = otherwise or any(path.startswith(code_digest.TAUGHT_WITH) for path in change.touched)
    return Plan(
        base=change.base,
        head=change.head,
        added=changes.added,
        changed=changes.changed,
        retired=changes.retired,
        facts=len(now),
        training=training,
        code=any(_is_code(path) for path in change.touched),
        judging=any(path.startswith(JUDGED_WITH) for path in change.touched),
        seconds=(SECONDS_ALWAYS + max(SECONDS_AT_LEAST, SECONDS_A_FACT * len(now))) * training,
    )


def plan_as_json(plan: Plan) -> str:
    """Write a plan as JSON, in ASCII."""
    return json.dumps(asdict(plan), indent=2)


def plan_as_text(plan: Plan) -> str:
    """Write a plan for a terminal."""
    named = [
        f"{what:<9}{plain(name, 120)}" for what, names in _parts(plan) for name in names[:MAX_ROWS]
    ]
    left = sum(max(0, len(names) - MAX_ROWS) for _, names in _parts(plan))
    more = [f"and {left} more"] if left else []
    return "\n".join([*named, *more, _verdict(plan)])


def plan_as_markdown(plan: Plan) -> str:
    """Write a plan for the summary of a workflow; ids stand in code spans, where Markdown is inert."""
    rows = [
        f"- {what}: {code(name, 120)}" for what, names in _parts(plan) for name in names[:MAX_ROWS]
    ]
    left = sum(max(0, len(names) - MAX_ROWS) for _, names in _parts(plan))
    more = [f"- and {left} more"] if left else []
    return "\n".join(["## What this change teaches", "", *rows, *more, "", _verdict(plan), ""])


def _parts(plan: Plan) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("added", plan.added), ("changed", plan.changed), ("retired", plan.retired)


def _verdict(plan: Plan) -> str:
    if not plan.training:
        return "No training is needed."
    minutes = max(1, round(plan.seconds / 60))
    return (
        f"Training is needed: {plan.facts} facts, roughly {minutes} minutes on two cores "
        "with smollm2-135m."
    )


def _is_code(path: str) -> bool:
    return not path.startswith(f"{FOLDER}/") and not path.endswith(DOCS)
