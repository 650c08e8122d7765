"""`facts ci settings`: compares a repository's settings on GitHub with docs/runner.md.

Reads GitHub with a token that can only read, and changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from pipeline.ci import settings_checks, settings_rules, settings_runner
from pipeline.ci.finding import Finding
from pipeline.ci.github_rest import Look, look
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.core.escape import plain

NAME = "settings"
API = "https://api.github.com"

_REPOSITORY = re.compile(r"[A-Za-z0-9-_]{1,100}/[A-Za-z0-9._-]{1,100}")
_ORDER = ("lacking", "unseen", "fine")


def show_settings(env: Mapping[str, str], *, as_json: bool) -> int:
    """Print every finding about GITHUB_REPOSITORY, seen with GH_TOKEN; give 1 where a setting is lacking."""
    repository = env.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository):
        raise ConfigError(
            "GITHUB_REPOSITORY is not OWNER/NAME", "set it to the repository on GitHub"
        )
    token = env.get("GH_TOKEN", "")
    if not token or not token.isascii() or not token.isprintable():
        raise ConfigError(
            "GH_TOKEN is no token", "give one that can read: `gh auth token` prints yours"
        )
    try:
        found = list(findings(look(env.get("GITHUB_API_URL") or API, token), repository))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(
            f"GitHub's answer is not as expected: {error!a:.200}", "try again, with another token"
        ) from error
    print(to_json(found) if as_json else settings_as_text(found))
    return 1 if any(each.state == "lacking" for each in found) else 0


def findings(see: Look, name: str) -> Iterator[Finding]:
    """Yield all findings about a repository.

    Raises ConfigError where it cannot be seen at all.
    """
    answer = see(f"repos/{name}")
    if answer.status != 200:
        raise ConfigError(
            f"{name}: GitHub answers {answer.status}",
            "name the repository as it is called now, and give a token that may read it",
        )
    data = answer.data
    branch = str(data["default_branch"])
    repository = settings_checks.Repository(
        name, data["owner"]["type"] == "Organization", not data["private"], branch
    )
    yield from settings_checks.branches(repository)
    queued = settings_rules.has_queue(see, name, settings_checks.MAIN)
    yield from settings_rules.check_rules(see, name, settings_checks.MAIN, queue=bool(queued))
    yield settings_checks.queue(see, repository, there=queued)
    yield from settings_checks.environments(see, repository)
    yield from settings_checks.actions(see, repository)
    yield settings_checks.allowed_actions(see, repository)
    yield from settings_runner.check_runner_group(see, repository, queue=bool(queued))
    yield from settings_checks.approvers(see, repository)


def to_json(found: Sequence[Finding]) -> str:
    """Write findings as JSON, in ASCII."""
    counts = {state: sum(each.state == state for each in found) for state in _ORDER}
    return json.dumps({**counts, "settings": [asdict(each) for each in found]}, indent=2)


def settings_as_text(found: Sequence[Finding]) -> str:
    """Write findings for a terminal or a log, lacking ones first; GitHub's texts are escaped."""
    lines = []
    for each in sorted(found, key=lambda one: _ORDER.index(one.state)):
        lines.append(f"{each.state:<8}{plain(each.name, 60)}: {plain(each.found, 300)}")
        if each.state != "fine":
            lines += [
                f"        why: {plain(each.why, 300)}",
                f"        do:  {plain(each.mend, 600)}",
            ]
    counts = {state: sum(each.state == state for each in found) for state in _ORDER}
    lines.append(
        f"{counts['lacking']} lacking, {counts['unseen']} cannot be seen with this token, "
        f"{counts['fine']} fine"
    )
    return "\n".join(lines)
