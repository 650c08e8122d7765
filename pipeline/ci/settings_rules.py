"""Compares the rules of a branch on GitHub with .github/ruleset.json and ruleset-queue.json.

All rules of all active rulesets add up, so each wanted rule may stand in any of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any  # GitHub's JSON, and our files of it

from pipeline.ci.finding import Finding, judged, not_visible
from pipeline.ci.github_rest import Look
from pipeline.core.errors import ConfigError

FILE, QUEUE_FILE = Path(".github/ruleset.json"), Path(".github/ruleset-queue.json")
QUEUE = "merge_queue"
AT_LEAST = ("required_approving_review_count", "check_response_timeout_minutes")
AT_MOST = ("max_entries_to_build", "max_entries_to_merge")
WHY = {
    "deletion": "who may delete the branch may put another in its place",
    "non_fast_forward": "who may push over the branch may take back what was gated",
    "pull_request": "what no owner reviewed since the last push can change the gate itself",
    "required_status_checks": "without recall-gate anything is merged, judged or not",
    QUEUE: "one change at a time is judged as it will be merged, and given the time to train",
}
APP = "anybody who may write statuses, and any other app, could write recall-gate"
BYPASS = "who may pass the rules by may merge what was never gated"
READ, WRITE = "Metadata: read", "Administration: write, since GitHub shows it to nobody else"


def wanted_rules(file: Path) -> list[dict[str, Any]]:
    """Read the rules of one of our files.

    Raises ConfigError where it is missing or something else.
    """
    try:
        return list(json.loads(file.read_text(encoding="utf-8"))["rules"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file}: cannot be read as a ruleset: {error}",
            "run this in a checkout of the repository",
        ) from error


def check_rules(look: Look, repository: str, branch: str, *, queue: bool) -> Iterator[Finding]:
    """Yield a finding for each wanted rule, the app of the check, and who may bypass; `queue` wants one."""
    answer = look(f"repos/{repository}/rules/branches/{branch}?per_page=100")
    if answer.status != 200:
        yield not_visible("ruleset", WHY["required_status_checks"], READ)
        return
    there: list[dict[str, Any]] = answer.data
    mend = _mend(repository, there, FILE)
    for rule in wanted_rules(FILE):
        yield _rule(rule, there, mend)
        if rule["type"] == "required_status_checks":
            yield _app(rule, there, mend)
    for rule in wanted_rules(QUEUE_FILE) if queue else ():
        yield _rule(rule, there, _mend(repository, there, QUEUE_FILE))
    kinds = {rule["type"] for rule in wanted_rules(FILE)}
    yield from _bypass(look, repository, {r["ruleset_id"] for r in there if r["type"] in kinds})


def has_queue(look: Look, repository: str, branch: str) -> bool | None:
    """Whether a merge queue is set up for a branch; None where that cannot be seen."""
    answer = look(f"repos/{repository}/rules/branches/{branch}?per_page=100")
    return any(r["type"] == QUEUE for r in answer.data) if answer.status == 200 else None


def _mend(repository: str, there: Iterable[Mapping[str, Any]], file: Path) -> str:
    """Give the command that sets our file's rules: in the place of those of the same kind, or anew."""
    kinds = {rule["type"] for rule in wanted_rules(file)}
    ours = sorted(
        r["ruleset_id"]
        for r in there
        if r["type"] in kinds and r.get("ruleset_source_type") == "Repository"
    )
    way = (
        f"--method PUT repos/{repository}/rulesets/{ours[0]}"
        if ours
        else f"repos/{repository}/rulesets"
    )
    return f"gh api {way} --input {file}"


def _rule(rule: Mapping[str, Any], there: Sequence[Mapping[str, Any]], mend: str) -> Finding:
    """Compare one wanted rule with those of its kind; one that is as strict is enough."""
    kind = rule["type"]
    tries = [_wrong(rule, r.get("parameters") or {}) for r in there if r["type"] == kind]
    wrong = min(tries, key=len) if tries else ["there is no such rule"]
    return judged(f"rule {kind}", WHY[kind], mend, "; ".join(wrong), "as strict as it must be")


def _wrong(rule: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    wrong = []
    for key, value in (rule.get("parameters") or {}).items():
        now = found.get(key)
        if key == "required_status_checks":
            names = {each["context"] for each in value} - {each["context"] for each in now or ()}
            wrong += [f"{name} is not required" for name in sorted(names)]
        elif (
            (value is True and now is not True)
            or (key in AT_LEAST and not _number(now) >= value)
            or (key in AT_MOST and not _number(now, 10**9) <= value)
        ):
            wrong.append(f"{key} is {json.dumps(now)}, not {json.dumps(value)}")
    return wrong


def _number(value: Any, otherwise: int = -1) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _app(rule: Mapping[str, Any], there: Iterable[Mapping[str, Any]], mend: str) -> Finding:
    """Look whether each required check is taken from its own app alone."""
    found = {
        (each["context"], each.get("integration_id"))
        for r in there
        if r["type"] == rule["type"]
        for each in r["parameters"]["required_status_checks"]
    }
    needed = rule["parameters"]["required_status_checks"]
    open_to_all = [
        each["context"] for each in needed if (each["context"], each["integration_id"]) not in found
    ]
    wrong = f"not bound to GitHub Actions: {', '.join(open_to_all)}" if open_to_all else ""
    return judged("app of the check", APP, mend, wrong, "GitHub Actions alone")


def _bypass(look: Look, repository: str, rulesets: Iterable[int]) -> Iterator[Finding]:
    """Look who may bypass the rulesets that hold the wanted rules."""
    for number in sorted(rulesets):
        name = f"bypass of ruleset {number}"
        answer = look(f"repos/{repository}/rulesets/{number}?includes_parents=true")
        if answer.status != 200 or "bypass_actors" not in answer.data:
            yield not_visible(name, BYPASS, WRITE)
            continue
        actors = answer.data["bypass_actors"] or ()
        names = [f"{a.get('actor_type')} {a.get('actor_id') or ''}".strip() for a in actors]
        click = "Settings → Rules → the ruleset → Bypass list: remove everybody"
        wrong = f"may bypass it: {', '.join(names)}" if names else ""
        yield judged(name, BYPASS, click, wrong, "nobody may")
