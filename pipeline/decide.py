"""The one required check: what the jobs before it said → whether the change may be merged.

GitHub counts a skipped job as a success, also one skipped because the job before it failed. So
every result is asked for by name, and whatever is not expected fails.
"""

from __future__ import annotations

from dataclasses import dataclass

REQUIRED = "recall-gate"
WAITING = "waiting for a maintainer to start the gate"
EVENTS = ("pull_request", "merge_group", "workflow_dispatch")


@dataclass(frozen=True, slots=True)
class Results:
    """What a run was started by, how its jobs ended, and whether the plan asks for training.

    `plan` and `train` are results of jobs as GitHub words them; `training` is "true" or "false".
    """

    event: str
    plan: str
    training: str
    train: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the required check passes, and the sentence that says why."""

    passed: bool
    why: str


def check_name(event: str, training: bool, queue: bool) -> str:
    """Name the check of a run: a pull request that only a maintainer's gate can judge has none yet.

    With a merge queue, the pull request's own check only opens the way into the queue, which trains.
    """
    return WAITING if event == "pull_request" and training and not queue else REQUIRED


def decide(results: Results) -> Decision:
    """Decide on the results of a run."""
    if wrong := _unusable(results):
        return Decision(False, wrong)
    needed = results.training == "true"
    now = needed and results.event != "pull_request"
    wanted = "success" if now else "skipped"
    if results.train != wanted:
        why = f"training ended with {results.train!r}, and must end with {wanted!r}: see its report"
        return Decision(False, why)
    if now:
        return Decision(True, "the model knows the facts and lost nothing else")
    later = "the gate trains it before it is merged" if needed else "no training is needed"
    return Decision(True, f"in order, and {later}")


def _unusable(results: Results) -> str:
    """Say why nothing can be concluded from the results; empty when something can."""
    if results.event not in EVENTS:
        return f"the gate is not made for the event {results.event!r}"
    if results.plan != "success":
        return f"the plan ended with {results.plan!r}: see its job for what is wrong"
    if results.training not in ("true", "false"):
        return "the plan does not say whether training is needed"
    return ""
