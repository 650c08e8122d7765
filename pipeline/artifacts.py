"""Which run of the gate made the adapter for the facts as they are now: asked of GitHub, trusted nowhere.

Anybody's pull request can upload an artifact under any name. Only a run of gate.yml that the merge
queue or a maintainer started counts; what it holds is checked again when it is published.
"""

from __future__ import annotations

import re
from typing import Any  # GitHub's JSON

from pipeline.errors import PipelineError
from pipeline.github import Ask

WORKFLOW = ".github/workflows/gate.yml"
BRANCHES = {
    "merge_group": re.compile("gh-readonly-queue/main/.+"),
    "workflow_dispatch": re.compile("main"),
}


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
