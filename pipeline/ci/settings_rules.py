"""Compares the rules of a branch on GitHub with .github/ruleset.json and ruleset-queue.json.

All rules of all active rulesets add up, so each wanted rule may stand in any of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # GitHub's JSON, and our files of it

from pipeline.ci.finding import Finding, judged, not_visible
from pipeline.ci.github_rest import Look
from pipeline.core.errors import ConfigError

FILE, QUEUE_FILE = Path(".github/ruleset.json"), Path(".github/ruleset-queue.json")
QUEUE, CHECKS = "merge_queue", "required_status_checks"
AT_LEAST = ("required_approving_review_count", "check_response_timeout_minutes")
AT_MOST = ("max_entries_to_build", "max_entries_to_merge")
WHY = {
    "deletion": "who may delete the branch may put another in its place",
    "non_fast_forward": "who may push over the branch may take back what was gated",
    "pull_request": "what no owner reviewed since the last push can change the gate itself",
    CHECKS: "without recall-gate anything is merged, judged or not",
    QUEUE: "one change at a time is judged as it will be merged, and given the time to train",
}
APP = "anybody who may write statuses, and any other app, could write recall-gate"
BYPASS = "who may pass the rules by may merge what was never gated"
READ, WRITE = "Metadata: read", "Administration: write, since GitHub shows it to nobody else"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a branch: its kind, its settings, and the checks that it requires with the app of each.

    `ruleset` numbers the ruleset that it stands in, which is the repository's `own` or an organisation's.
    """

    kind: str
    settings: Mapping[str, object]
    checks: tuple[tuple[str, int | None], ...]
    ruleset: int
    own: bool


def wanted_rules(file: Path) -> list[Rule]:
    """Read the rules of one of our files.

    Raises ConfigError where it is missing or something else.
    """
    try:
        return _rules(json.loads(file.read_text(encoding="utf-8"))["rules"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file}: cannot be read as a ruleset: {error}",
            "run this in a checkout of the repository",
        ) from error


def _rules(listed: Iterable[Mapping[str, Any]]) -> list[Rule]:
    found = []
    for each in listed:
        settings = dict(each.get("parameters") or {})
        checks = settings.pop(CHECKS, None) or ()
        pairs = tuple((check["context"], check.get("integration_id")) for check in checks)
        own = each.get("ruleset_source_type") == "Repository"
        found.append(Rule(each["type"], settings, pairs, each.get("ruleset_id", 0), own))
    return found


def check_rules(look: Look, repository: str, branch: str, *, queue: bool) -> Iterator[Finding]:
    """Yield a finding for each wanted rule, the app of the check, and who may bypass; `queue` wants one."""
    answer = look(f"repos/{repository}/rules/branches/{branch}?per_page=100")
    if answer.status != 200:
        yield not_visible("ruleset", WHY[CHECKS], READ)
        return
    there = _rules(answer.data)
    mend = _mend(repository, there, FILE)
    wanted = wanted_rules(FILE)
    for rule in wanted:
        yield _rule(rule, there, mend)
        if rule.checks:
            yield _app(rule, there, mend)
    for rule in wanted_rules(QUEUE_FILE) if queue else ():
        yield _rule(rule, there, _mend(repository, there, QUEUE_FILE))
    kinds = {rule.kind for rule in wanted}
    yield from _bypass(look, repository, {rule.ruleset for rule in there if rule.kind in kinds})


def has_queue(look: Look, repository: str, branch: str) -> bool | None:
    """Return whether a merge queue is set up for a branch; None where that cannot be seen."""
    answer = look(f"repos/{repository}/rules/branches/{branch}?per_page=100")
    return any(r["type"] == QUEUE for r in answer.data) if answer.status == 200 else None


def _mend(repository: str, there: Iterable[Rule], file: Path) -> str:
    """Give the command that sets our file's rules: in the place of those of the same kind, or anew."""
    kinds = {rule.kind for rule in wanted_rules(file)}
    ours = sorted(rule.ruleset for rule in there if rule.kind in kinds and rule.own)
    rulesets = f"repos/{repository}/rulesets"
    way = f"--method PUT {rulesets}/{ours[0]}" if ours else rulesets
    return f"gh api {way} --input {file}"


def _rule(rule: Rule, there: Sequence[Rule], mend: str) -> Finding:
    """Compare one wanted rule with those of its kind; one that is as strict is enough."""
    tries = [_wrong(rule, found) for found in there if found.kind == rule.kind]
    wrong = min(tries, key=len) if tries else ["there is no such rule"]
    name, why = f"rule {rule.kind}", WHY[rule.kind]
    return judged(name, why, mend, "; ".join(wrong), "as strict as it must be")


def _wrong(rule: Rule, found: Rule) -> list[str]:
    wrong = []
    for key, value in rule.settings.items():
        now = found.settings.get(key)
        if (
            (value is True and now is not True)
            or (key in AT_LEAST and not _number(now) >= _number(value))
            or (key in AT_MOST and not _number(now, 10**9) <= _number(value))
        ):
            wrong.append(f"{key} is {json.dumps(now)}, not {json.dumps(value)}")
    missing = {name for name, _ in rule.checks} - {name for name, _ in found.checks}
    return [*wrong, *(f"{name} is not required" for name in sorted(missing))]


def _number(value: object, otherwise: int = -1) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _app(rule: Rule, there: Iterable[Rule], mend: str) -> Finding:
    """Look whether each required check is taken from its own app alone."""
    bound = {check for found in there if found.kind == rule.kind for check in found.checks}
    free = ", ".join(check[0] for check in rule.checks if check not in bound)
    wrong = f"not bound to GitHub Actions: {free}" if free else ""
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
