"""Checks which workflows GitHub lets onto the GPU runner; the runner's hook checks each job again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any  # GitHub's JSON

from pipeline.ci.finding import Finding, judged, not_visible
from pipeline.ci.github_rest import Answer, Look
from pipeline.ci.settings_checks import MAIN, Repository

LABEL = "gpu-trainer"
GROUP = "runner group"
WHY = "a runner that other repositories or other workflows reach runs what nobody here reviewed"
HOOK = "the runner's own hook is the only wall"
PLAN = "enterprise"
"""The plan of organisations whose runner groups can be limited to workflows."""
NEEDS = "Self-hosted runners: read, of the organisation"
CLICK = "docs/runner.md has the command; or the organisation's Settings → Actions → Runner groups"


def check_runner_group(look: Look, repository: Repository, *, queue: bool) -> Iterator[Finding]:
    """Check the groups of an organisation that hold our runner; a person's repository has none.

    Selected workflows are pinned to a branch, but each run of a merge queue has a new one: with a `queue` a
    group cannot be limited to workflows.
    """
    if not repository.organisation:
        yield judged(GROUP, WHY, "", "", f"a person's repository has none: {HOOK}")
        return
    owner, _, short = repository.name.partition("/")
    base = f"orgs/{owner}/actions/runner-groups"
    groups = look(f"{base}?per_page=100&visible_to_repository={short}")
    if groups.status != 200:
        yield not_visible(GROUP, WHY, NEEDS)
        return
    plan = "" if queue else _plan(look, owner)
    told = False
    for group in groups.data["runner_groups"]:
        runners = look(f"{base}/{group['id']}/runners?per_page=100")
        if runners.status != 200:
            told = True
            yield not_visible(f"{GROUP} {group['id']}", WHY, NEEDS)
        elif any(_is_ours(runner) for runner in runners.data["runners"]):
            told = True
            reached = look(f"{base}/{group['id']}/repositories?per_page=100")
            yield _group(repository, group, reached, _Wanted(queue, plan))
    if not told:
        found = (
            f"no group holds a runner {LABEL}: it is off, or this repository's alone, and {HOOK}"
        )
        yield judged(GROUP, WHY, CLICK, found if plan == PLAN else "", found)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The presence of a queue, and an organisation's plan; "" where that is unknown or does not matter."""

    queue: bool
    plan: str


def _plan(look: Look, owner: str) -> str:
    answer = look(f"orgs/{owner}")
    plan = answer.data.get("plan") if answer.status == 200 else None
    return str((plan or {}).get("name", ""))


def _is_ours(runner: Mapping[str, Any]) -> bool:
    return any(label["name"] == LABEL for label in runner["labels"])


def _group(
    repository: Repository, group: Mapping[str, Any], reached: Answer, wanted: _Wanted
) -> Finding:
    """Judge a group that holds our runner; `reached` lists the repositories it is for."""
    name, selected = f"{GROUP} {group['id']}", group["visibility"] == "selected"
    limited = group.get("restricted_to_workflows") is True
    if selected and reached.status != 200:
        return not_visible(name, WHY, NEEDS)
    names = (
        {each["full_name"].lower() for each in reached.data["repositories"]} if selected else set()
    )
    wrong = [] if names == {repository.name.lower()} else ["other repositories reach it"]
    if limited and wanted.queue:
        wrong.append(
            "the merge queue's training would wait for ever: the queue's branches are not selected"
        )
    elif limited and not _ours_alone(repository, group.get("selected_workflows") or ()):
        wrong.append(f"it takes workflows other than those of {MAIN} here")
    elif not limited and wanted.plan == PLAN:
        wrong.append("it takes any workflow")
    if not wrong and not limited and not wanted.queue and not wanted.plan:
        return not_visible(
            name, WHY, "Administration: read, of the organisation, whose plan decides"
        )
    found = f"this repository's alone, and {f'workflows of {MAIN} alone' if limited else HOOK}"
    return judged(name, WHY, CLICK, "; ".join(wrong), found)


def _ours_alone(repository: Repository, selected: Collection[str]) -> bool:
    """Return whether at least one workflow is selected, and only ours at our branch."""
    name = re.escape(repository.name)
    ours = re.compile(rf"{name}/\.github/workflows/[\w-]+\.yml@(refs/heads/)?{MAIN}", re.IGNORECASE)
    return bool(selected) and all(ours.fullmatch(str(each)) for each in selected)
