"""Which workflows GitHub lets onto the GPU runner, before the runner's own hook is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any  # GitHub's JSON

from pipeline.finding import Finding, judged, unseen
from pipeline.githubrest import Look
from pipeline.repochecks import MAIN, Repository

LABEL = "gpu-trainer"
GROUP = "runner group"
WHY = "a runner that other repositories or other workflows reach runs what nobody here reviewed"
HOOK = "the runner's own hook is the only wall"
PLANS = ("enterprise", "business_plus")
"""Plans of organisations whose runner groups can be limited to workflows."""
CLICK = "the organisation's Settings → Actions → Runner groups"


def check(look: Look, repository: Repository) -> Iterator[Finding]:
    """Look at the groups of an organisation that hold our runner; a person's repository has none."""
    if not repository.organisation:
        yield judged(GROUP, WHY, "", "", f"a person's repository has none: {HOOK}")
        return
    owner, _, short = repository.name.partition("/")
    groups = look(f"orgs/{owner}/actions/runner-groups?per_page=100&visible_to_repository={short}")
    if groups.status != 200:
        yield unseen(GROUP, WHY, "Self-hosted runners: read, of the organisation")
        return
    plan = _plan(look, owner)
    told = False
    for group in groups.data["runner_groups"]:
        path = f"orgs/{owner}/actions/runner-groups/{group['id']}"
        runners = look(f"{path}/runners?per_page=100")
        if runners.status != 200:
            told = True
            yield unseen(
                f"{GROUP} {group['id']}", WHY, "Self-hosted runners: read, of the organisation"
            )
        elif any(_is_ours(runner) for runner in runners.data["runners"]):
            told = True
            yield _group(look, repository, group, plan)
    if not told:
        yield _none(plan)


def _plan(look: Look, owner: str) -> str:
    """Give the plan of an organisation; empty where it cannot be seen."""
    answer = look(f"orgs/{owner}")
    plan = answer.data.get("plan") if answer.status == 200 else None
    return str((plan or {}).get("name", ""))


def _is_ours(runner: Mapping[str, Any]) -> bool:
    return any(label["name"] == LABEL for label in runner["labels"])


def _none(plan: str) -> Finding:
    """Judge a runner that is in no group of the organisation: registered for the repository alone."""
    found = f"no group holds a runner {LABEL}: it is off, or this repository's alone, and {HOOK}"
    if plan in PLANS:
        return judged(
            GROUP, WHY, f"{CLICK}: one with selected workflows, docs/runner.md", found, ""
        )
    return judged(GROUP, WHY, "", "", found)


def _group(look: Look, repository: Repository, group: Mapping[str, Any], plan: str) -> Finding:
    """Judge a group that holds our runner."""
    wrong = []
    if group["visibility"] != "selected":
        wrong.append("other repositories reach it")
    else:
        path = f"orgs/{repository.name.partition('/')[0]}/actions/runner-groups/{group['id']}"
        chosen = look(f"{path}/repositories?per_page=100")
        if chosen.status != 200:
            return unseen(
                f"{GROUP} {group['id']}", WHY, "Self-hosted runners: read, of the organisation"
            )
        names = {each["full_name"].lower() for each in chosen.data["repositories"]}
        if names != {repository.name.lower()}:
            wrong.append("other repositories reach it")
    limited = group.get("restricted_to_workflows") is True
    allowed = [str(each) for each in group.get("selected_workflows") or ()]
    ours = re.compile(
        rf"{re.escape(repository.name)}/\.github/workflows/[\w-]+\.yml@(?:refs/heads/)?{MAIN}",
        re.IGNORECASE,
    )
    if limited and not (allowed and all(ours.fullmatch(each) for each in allowed)):
        wrong.append(f"it takes workflows other than those of {MAIN} here")
    elif not limited and plan in PLANS:
        wrong.append("it takes any workflow")
    name = f"{GROUP} {group['id']}"
    if not wrong and not limited and not plan:
        return unseen(
            name, WHY, "Administration: read, of the organisation: its plan decides what it can set"
        )
    found = (
        "selected workflows of this repository alone"
        if limited
        else f"this repository's alone, and {HOOK}"
    )
    return judged(
        name, WHY, f"{CLICK}: docs/runner.md says what to choose", "; ".join(wrong), found
    )
