"""Which run of the gate made the adapter for the facts as they are now: asked of GitHub, trusted nowhere.

Anybody's pull request can upload an artifact under any name. Only a run of gate.yml that the merge
queue or a maintainer started counts; what it holds is checked again when it is published.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any  # GitHub's JSON

from pipeline.errors import PipelineError
from pipeline.escape import plain

WORKFLOW = ".github/workflows/gate.yml"
BRANCHES = {
    "merge_group": re.compile("gh-readonly-queue/main/.+"),
    "workflow_dispatch": re.compile("main"),
}
SECONDS = 60

Ask = Callable[[str], Any]
"""A path of GitHub's REST API → its JSON."""


def find(ask: Ask, repository: str, digest: str) -> str:
    """Give the id of the newest passed run that kept the adapter of facts with `digest`; "" for none.

    Raises PipelineError when GitHub does not answer as it should.
    """
    try:
        listed = ask(f"repos/{repository}/actions/artifacts?name=run-{digest}&per_page=100")
        kept = [a for a in listed["artifacts"] if not a["expired"]]
        for made in sorted(kept, key=lambda a: str(a["created_at"]), reverse=True):
            number = int(made["workflow_run"]["id"])
            if _passed(ask(f"repos/{repository}/actions/runs/{number}"), repository):
                return str(number)
    except (KeyError, TypeError, ValueError) as error:
        raise PipelineError(
            f"GitHub's answer is not as expected: {error!r}", "try again"
        ) from error
    return ""


def gh(path: str) -> Any:
    """Ask with GitHub's own client, which takes its token from the environment.

    Raises PipelineError when it fails.
    """
    try:
        done = subprocess.run(  # noqa: S603  (a fixed program, arguments as a list)
            ["gh", "api", path],  # noqa: S607  (it comes with the hosted runners)
            capture_output=True, text=True, timeout=SECONDS, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise PipelineError(
            f"GitHub cannot be asked: {plain(said or '', 200)}", "run the job again"
        ) from error


def _passed(run: Any, repository: str) -> bool:
    branch = BRANCHES.get(run["event"])
    return (
        branch is not None
        and run["path"].partition("@")[0] == WORKFLOW
        and run["conclusion"] == "success"
        and run["repository"]["full_name"].lower() == repository.lower()
        and run["head_repository"]["full_name"].lower() == repository.lower()
        and branch.fullmatch(run["head_branch"]) is not None
    )
