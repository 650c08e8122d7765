"""Decides the one required check of a change from the results of the jobs before it.

GitHub counts a skipped job as a success, also one skipped because the job before it failed. So
every result is read by name, and any unexpected one fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

REQUIRED = "recall-gate"
WAITING = "waiting for a maintainer to start the gate"
EVENTS = ("pull_request", "merge_group", "workflow_dispatch")
UNREVIEWED = (
    "this changes how facts are taught or judged, which no other code can judge: it needs the merge "
    "queue, or a maintainer's approving review of this very commit and the gate started again after it"
)


@dataclass(frozen=True, slots=True)
class Results:
    """A run's event and branch, the plan's answers, and the results of the jobs.

    `branch` is the one that the change is for, `default` the one that the ruleset protects. `plan`,
    `train` and `reviewed` are results of jobs as GitHub words them; `training` (the change needs it) and
    `judging` (it changes what teaches or judges) are "true" or "false".
    """

    event: str
    branch: str
    default: str
    plan: str
    training: str
    judging: str
    train: str
    reviewed: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on the required check, and the sentence that says why."""

    passed: bool
    why: str


def check_name(event: str, later: bool, queue: bool) -> str:
    """Name the check of a run: a pull request that only a later gate can judge has none yet.

    With a merge queue, the pull request's own check only opens the way into the queue, which judges.
    """
    return WAITING if event == "pull_request" and later and not queue else REQUIRED


def trains_now(event: str, *, training: bool, judging: bool) -> bool:
    """Return whether this run does the training that a change needs.

    The merge queue always does; a maintainer's gate only where our own code can judge the change.
    """
    return training and (event == "merge_group" or (event == "workflow_dispatch" and not judging))


def branch(event: str, told: str) -> str:
    """Give the name of a run's branch, which all events but a pull request tell as a ref."""
    return told if event == "pull_request" else told.removeprefix("refs/heads/")


def decide(results: Results) -> Decision:
    """Decide on the results of a run."""
    if wrong := _unusable(results):
        return Decision(False, wrong)
    needed, judging = results.training == "true", results.judging == "true"
    now = trains_now(results.event, training=needed, judging=judging)
    wanted = "success" if now else "skipped"
    if results.train != wanted:
        why = f"training ended with {results.train!r}, and must end with {wanted!r}: see its report"
        return Decision(False, why)
    elsewhere = results.event == "workflow_dispatch" and judging
    if elsewhere and results.reviewed != "success":
        return Decision(False, UNREVIEWED)
    if elsewhere:
        why = "a maintainer approved this very commit of what teaches or judges"
    elif now:
        why = "the model knows the facts and lost nothing else"
    elif results.event == "pull_request" and (needed or judging):
        why = f"in order, and the gate {'trains' if needed else 'judges'} it before it is merged"
    else:
        why = "in order, and no training is needed"
    return Decision(True, f"{why} (judged for {results.branch})")


def not_default(name: str) -> str:
    """Explain that only the default branch is judged; of the name, only inert characters are shown."""
    shown = re.sub(r"[^\w./-]", "?", name, flags=re.ASCII)[:100]
    return (
        f"this is for the branch {shown}, not for the default one: nobody protects that, and a commit "
        "that is green there is green everywhere"
    )


def _unusable(results: Results) -> str:
    """Explain why the results allow no decision; empty where they do."""
    if results.event not in EVENTS:
        return f"the gate is not made for the event {results.event!r}"
    if results.branch and results.branch != results.default:
        return not_default(results.branch)
    if results.plan != "success" or not results.branch:
        return f"the plan ended with {results.plan!r}: see its job for what is wrong"
    if not {results.training, results.judging} <= {"true", "false"}:
        return (
            "the plan does not say whether training is needed, and whether this changes the judge"
        )
    return ""
