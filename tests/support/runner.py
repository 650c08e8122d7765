"""Processes that stand for GitHub's runner: listener → worker → hook and steps, each a real process.

    python runner.py listener FOLDER        starts the worker, as the service does, and waits for it
    python runner.py worker FOLDER          runs the hook, then each step whose condition holds

FOLDER holds `job.json` with the hook's path, `contexts` (GITHUB_*), the job's `env`, the part of it that
reaches the hook (`leaked`; empty in the real runner) and the account that the hook runs `as`. It gets
`ran/NAME` for each step that ran, `log` with the hook's output, and `result`.

As in the runner (2.336: JobExtension, StepsRunner, JobDispatcher): the hook is the first step, and its
failure does not end the job; containers are set up on `success()`, an action's pre and post run on
`always()`, the posts last and the latest first; listener, worker and hook share one process group; the
job of a worker that died has failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SUCCEEDED, FAILED = 100, 102
"""Exit codes of a worker that lived to tell its job's result."""


@dataclass
class Step:
    """A step: its condition, whether it is an action with pre and post, and the steps inside a composite."""

    name: str
    condition: str = "success()"
    staged: bool = False
    inner: tuple[str, ...] = ()


STEPS = (
    Step("plain"),
    Step("always", "always()"),
    Step("failure", "failure()"),
    Step("not-cancelled", "!cancelled()"),
    Step("action", staged=True),
    Step("action-always", "always()", staged=True),
    Step("composite", "always()", inner=("in-composite-1", "in-composite-2")),
    Step("container", "always()"),
)
"""One job with every kind of step."""


class Worker:
    """Runs the steps of one job, as StepsRunner does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.job = json.loads((folder / "job.json").read_text())
        self.failed = False
        self.posts: list[str] = []

    def run(self) -> int:
        """Run hook and steps; give the worker's exit code."""
        self.hook()
        self.step("container-setup", "success()")
        for step in STEPS:
            if step.staged:
                self.stage(step, f"pre-{step.name}", "always()")
        for step in STEPS:
            if self.stage(step, step.name, step.condition):
                for inner in step.inner:  # their `success()` is about the composite alone
                    self.step(inner, "always()")
        for post in reversed(self.posts):
            self.step(post, "always()")
        return FAILED if self.failed else SUCCEEDED

    def hook(self) -> None:
        """Run the hook on the host; its output goes to the job's log."""
        with (self.folder / "log").open("a") as log:
            code = subprocess.call(
                ["/bin/bash", "-e", self.job["hook"]],
                env={**os.environ, **self.job["contexts"], **self.job["leaked"]},
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **self.job["as"],
            )  # fmt: skip
        self.failed |= code != 0

    def stage(self, step: Step, name: str, condition: str) -> bool:
        """Run a stage of a step; give whether it ran. An action's post is due once one of them ran."""
        ran = self.step(name, condition)
        if ran and step.staged and f"post-{step.name}" not in self.posts:
            self.posts.append(f"post-{step.name}")
        return ran

    def step(self, name: str, condition: str) -> bool:
        """Run a step if its condition holds now; give whether it ran."""
        holds = {
            "always()": True, "!cancelled()": True,
            "failure()": self.failed, "success()": not self.failed,
        }[condition]  # fmt: skip
        if holds:
            subprocess.run(
                ["/bin/bash", "--noprofile", "--norc", "-e", "-c", f": > ran/{name}"],
                env={**os.environ, **self.job["contexts"], **self.job["env"]},
                cwd=self.folder, check=True,
            )  # fmt: skip
        return holds


def listen(folder: Path) -> int:
    """Start the worker, wait for it, and write the job's result, as GitHub would get it."""
    code = subprocess.call([sys.executable, __file__, "worker", str(folder)])
    result = {SUCCEEDED: "succeeded", FAILED: "failed"}.get(code, "failed: the worker died")
    (folder / "result").write_text(result)
    return 0


if __name__ == "__main__":
    place = Path(sys.argv[2])
    sys.exit(listen(place) if sys.argv[1] == "listener" else Worker(place).run())
