"""Finds, on GitHub, the gate run that trained the adapter for the current facts, recipe and code.

Anybody's pull request can upload an artifact under any name. Only a run of gate.yml that the merge
queue or a maintainer started counts; its files must agree, and are checked again at publishing.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any  # GitHub's JSON, and that of a run

from pipeline.ci.github import Ask
from pipeline.core import artifact
from pipeline.core.code_digest import MadeFrom
from pipeline.core.errors import PipelineError

WORKFLOW = ".github/workflows/gate.yml"
BRANCHES = {
    "merge_group": re.compile("gh-readonly-queue/main/.+"),
    "workflow_dispatch": re.compile("main"),
}


def require_made_from(out: Path, wanted: MadeFrom) -> None:
    """Check that manifest, report and adapter of a run's folder name exactly the wanted inputs.

    Raises PipelineError when one differs, or when there is no finished run.
    """
    summary = artifact.read_manifest(out) or {}
    try:
        text = (out / "report.json").read_bytes()
        report = json.loads(text)
        said = MadeFrom(report["facts"]["digest"], report["recipe_digest"], report["code"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PipelineError(
            f"{out}: holds no finished run that says what it was made from", _AGAIN
        ) from error
    if summary.get("report") != artifact.digest_bytes(text):
        raise PipelineError(f"{out / 'report.json'}: was changed since the gate wrote it", _AGAIN)
    for what, value in asdict(wanted).items():
        if not value == getattr(said, what) == summary.get(what):
            raise PipelineError(f"{out}: was made from another {what} than this commit has", _AGAIN)
    if (artifact.read_manifest(out / "adapter") or {}).get("code") != wanted.code:
        raise PipelineError(f"{out / 'adapter'}: was taught by another code", _AGAIN)


_AGAIN = "start the workflow again: without an artifact of the gate it trains"


def find_run(ask: Ask, repository: str, digest: str) -> str:
    """Give the id of the newest passed run that kept the adapter for `digest`; "" for none.

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
