"""Checks the settings of a repository on GitHub, other than its rules, against docs/runner.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # GitHub's JSON, and workflows

from pipeline.ci import owners
from pipeline.ci.finding import Finding, judged, not_visible
from pipeline.ci.github_rest import Look

MAIN = "main"
"""The branch that the workflows, the runner's hook and the environments name."""
WORKFLOWS = Path(".github/workflows")
FILTERED = (
    ("gate.yml", "pull_request"),
    ("gate.yml", "merge_group"),
    ("check.yml", "pull_request"),
)
ENVIRONMENTS = ("hub", "production")
READ = "Administration: read"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as OWNER/NAME, its owner (an organisation or not), its visibility, its default branch."""

    name: str
    organisation: bool
    public: bool
    branch: str


def branches(repository: Repository) -> Iterator[Finding]:
    """Check that the default branch is `main`, and that this checkout's workflows run for it alone."""
    yield judged(
        "default branch", f"the workflows and the runner know {MAIN} alone",
        f"gh repo edit {repository.name} --default-branch {MAIN}",
        "" if repository.branch == MAIN else f"it is {repository.branch}", f"it is {MAIN}",
    )  # fmt: skip
    for file, event in FILTERED:
        told = _on(WORKFLOWS / file).get(event)
        only = isinstance(told, dict) and told.get("branches") == [MAIN]
        yield judged(
            f"branches of {file} on {event}", "a commit that is green for another branch is green for all",
            f"in {WORKFLOWS / file}: `{event}: {{branches: [{MAIN}]}}`",
            "" if only else "it runs for any branch", f"{MAIN} alone",
        )  # fmt: skip


def _on(path: Path) -> Mapping[str, Any]:
    """Read a workflow's triggers; their key `on` is a boolean to YAML 1.1."""
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return dict(data.get("on", data.get(True)))
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError):
        return {}


def queue(look: Look, repository: Repository, *, there: bool | None) -> Finding:
    """Check that the variable MERGE_QUEUE is set exactly where there is a merge queue."""
    name, why = (
        "MERGE_QUEUE",
        "with it set and no queue, a pull request's own check counts as the gate",
    )
    value = _variable(look, repository, "MERGE_QUEUE")
    if value is None or there is None:
        return not_visible(name, why, "Variables: read")
    said = value == "true"
    way = f"gh variable set MERGE_QUEUE --body true --repo {repository.name}"
    if said:
        way = f"gh variable delete MERGE_QUEUE --repo {repository.name}"
    wrong = f"it is {value or 'not set'}, and there is {'a' if there else 'no'} merge queue"
    return judged(name, why, way, wrong if said != there else "", f"it is {value or 'not set'}")


def _variable(look: Look, repository: Repository, name: str) -> str | None:
    """Give a variable's value, "" where it is not set, None where that cannot be seen."""
    places = [f"repos/{repository.name}/actions/variables?per_page=30"]
    if repository.organisation:
        places.append(f"repos/{repository.name}/actions/organization-variables?per_page=30")
    for place in places:
        answer = look(place)
        if answer.status != 200 or answer.data["total_count"] > len(answer.data["variables"]):
            return None
        for variable in answer.data["variables"]:
            if variable["name"].upper() == name:
                return str(variable["value"])
    return ""


def environments(look: Look, repository: Repository) -> Iterator[Finding]:
    """Check that each environment can be used from the default branch alone."""
    listed = look(f"repos/{repository.name}/environments?per_page=100")
    for name in ENVIRONMENTS:
        title, why = f"environment {name}", "a workflow on any branch could publish or deploy"
        if listed.status != 200:
            yield not_visible(title, why, "Actions: read")
            continue
        found = next((e for e in listed.data["environments"] if e["name"] == name), None)
        path = f"repos/{repository.name}/environments/{name}"
        mend = (
            f"gh api --method PUT {path} -F 'deployment_branch_policy[protected_branches]=false' "
            f"-F 'deployment_branch_policy[custom_branch_policies]=true' && "
            f"gh api {path}/deployment-branch-policies -f name={MAIN}"
        )
        custom = found and (found.get("deployment_branch_policy") or {}).get(
            "custom_branch_policies"
        )
        if not found or not custom:
            wrong = "any branch may use it" if found else "there is none"
            yield judged(title, why, mend, wrong, "")
            continue
        answer = look(f"{path}/deployment-branch-policies?per_page=100")
        if answer.status != 200:
            yield not_visible(title, why, "Actions: read")
            continue
        allowed = [f"{p.get('type', 'branch')} {p['name']}" for p in answer.data["branch_policies"]]
        wrong = (
            "" if allowed == [f"branch {MAIN}"] else f"allowed: {', '.join(allowed) or 'nothing'}"
        )
        yield judged(title, why, mend, wrong, f"{MAIN} alone")


def actions(look: Look, repository: Repository) -> Iterator[Finding]:
    """Check the permissions of workflows, and whose runs need approval."""
    base, general = f"repos/{repository.name}/actions/permissions", "Settings → Actions → General"
    title, why = (
        "workflows' token",
        "a workflow that asks for nothing could write to the repository",
    )
    answer = look(f"{base}/workflow")
    if answer.status != 200:
        yield not_visible(title, why, READ)
    else:
        rights = answer.data["default_workflow_permissions"]
        mend = f"gh api --method PUT {base}/workflow -f default_workflow_permissions=read"
        mend += " -F can_approve_pull_request_reviews=true"
        wrong = "" if rights == "read" else f"it may {rights}"
        yield judged(title, why, mend, wrong, "it may read")
        may = answer.data["can_approve_pull_request_reviews"]
        yield judged(
            "issue form", "the issue form opens pull requests with the workflow's own token", mend,
            "" if may else "GitHub Actions may not create pull requests", "it may open pull requests",
        )  # fmt: skip
    title, why = "runs of outsiders", "who once had a typo merged could run workflows unasked"
    if not repository.public:
        yield judged(title, why, "", "", "nobody outside can see the repository")
        return
    answer = look(f"{base}/fork-pr-contributor-approval")
    if answer.status != 200:
        yield not_visible(title, why, READ)
        return
    policy, needed = answer.data["approval_policy"], "all_external_contributors"
    mend = f"gh api --method PUT {base}/fork-pr-contributor-approval -f approval_policy={needed}"
    mend += f", or {general}: Require approval for all external contributors"
    yield judged(
        title,
        why,
        mend,
        "" if policy == needed else f"approval is asked of {policy}",
        "each is approved",
    )


def allowed_actions(look: Look, repository: Repository) -> Finding:
    """Check that workflows use GitHub's own actions alone: a runner fetches actions before its hook runs."""
    name, why = (
        "actions",
        "an action of anybody's is on the runner before the runner's hook is asked",
    )
    base = f"repos/{repository.name}/actions/permissions"
    mend = f"gh api --method PUT {base} -F enabled=true -f allowed_actions=selected && "
    mend += f"gh api --method PUT {base}/selected-actions "
    mend += "-F github_owned_allowed=true -F verified_allowed=false"
    answer = look(base)
    if answer.status != 200:
        return not_visible(name, why, READ)
    which = answer.data.get("allowed_actions")
    if which != "selected":
        return judged(
            name, why, mend, "" if which == "local_only" else f"allowed: {which}", "its own alone"
        )
    answer = look(f"{base}/selected-actions")
    if answer.status != 200:
        return not_visible(name, why, READ)
    others = [str(each) for each in answer.data["patterns_allowed"]]
    others += ["those of verified creators"] if answer.data["verified_allowed"] else []
    wrong = f"allowed besides: {', '.join(others)}" if others else ""
    return judged(name, why, mend, wrong, "GitHub's own alone")


def approvers(look: Look, repository: Repository) -> Iterator[Finding]:
    """Check CODEOWNERS here, and for errors that GitHub sees in it."""
    why = "without an owner anybody who may write approves a change of the gate itself"
    wrong = owners.missing(owners.code_owners())
    said = f"line {wrong[0]}: {wrong[1]}" if wrong else ""
    yield judged(
        "owners", why, f"in {owners.FILE}: {owners.MEND}", said, "all that decides has one"
    )
    answer = look(f"repos/{repository.name}/codeowners/errors?ref={MAIN}")
    if answer.status != 200:
        yield not_visible("owners on GitHub", why, "Contents: read")
        return
    errors = [f"line {e['line']}: {e['kind']}" for e in answer.data["errors"]]
    mend = f"name in {owners.FILE} accounts and teams that exist and may write"
    yield judged("owners on GitHub", why, mend, "; ".join(errors), "GitHub knows them all")
