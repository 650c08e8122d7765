"""Keeps one issue a matter up to date on GitHub, and comments on pull requests when facts are live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pipeline.ci import github
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.core.escape import code

REVIEW = "Facts and sources to look at again"
BOT = "github-actions[bot]"


def notice(env: Mapping[str, str]) -> int:
    """Keep the one open issue called TITLE at the text BODY; close it where BODY is empty."""
    upsert_issue(
        github.gh, github.ask_github, env["GITHUB_REPOSITORY"], (env["TITLE"], env["BODY"])
    )
    return 0


def review(env: Mapping[str, str]) -> int:
    """Keep an issue of the facts whose day of review has come and the sources that do not answer."""
    from pipeline.ci import stale_facts
    from pipeline.facts import check

    try:
        from pipeline.ci import webpage
    except ImportError as error:
        raise ConfigError(
            f"asking for web pages needs a library that is not installed: {error.name}",
            "`make hub-env` brings it; by hand: pip install httpx2",
        ) from error
    subjects = check.load_subjects(Path("facts"))
    dated = stale_facts.due(subjects, datetime.now(UTC).date())
    gone = stale_facts.broken(subjects, webpage.fetch_page)
    text = stale_facts.stale_as_markdown(dated, gone)
    print(text or "nothing to look at")
    upsert_issue(github.gh, github.ask_github, env["GITHUB_REPOSITORY"], (REVIEW, text))
    return 0


def live(env: Mapping[str, str]) -> int:
    """Comment on the pull requests that COMMIT merged: the live adapter, and the time since opening."""
    where = f"repos/{env['GITHUB_REPOSITORY']}/commits/{env['COMMIT']}/pulls"
    now = datetime.now(UTC)
    try:
        merged = [
            (str(int(pull["number"])), datetime.fromisoformat(pull["created_at"]))
            for pull in github.ask_github(where)
            if pull["merged_at"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise PipelineError(
            f"GitHub's answer is not as expected: {error!r}", "run the job again"
        ) from error
    for number, opened in merged:
        since = elapsed(opened, now)
        text = f"Live: {since} after this was opened, as {code(env['RELEASE'], 200)}.\n"
        github.gh("pr", "comment", number, "--body-file", "-", given=text)
    return 0


def upsert_issue(
    run: github.Run, ask: github.Ask, repository: str, wanted: tuple[str, str]
) -> None:
    """Keep one open issue with a title at a text; close it where the text is empty."""
    title, body = wanted
    if not title:
        raise ConfigError("TITLE is empty", "an issue is found again by its title")
    listed = ask(f"repos/{repository}/issues?state=open&per_page=100&creator={BOT}")
    number = next((str(int(i["number"])) for i in listed if i["title"] == title), "")
    if body and number:
        run("issue", "edit", number, "--body-file", "-", given=body)
    elif body:
        run("issue", "create", "--title", title, "--body-file", "-", given=body)
    elif number:
        run("issue", "close", number, "--comment", "In order again.")


def elapsed(begin: datetime, end: datetime) -> str:
    """Write a time span: "43 minutes", "3 hours 5 minutes", "2 days 4 hours"."""
    minutes = max(0, round((end - begin).total_seconds() / 60))
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    said = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n]
    return " ".join(said[:2]) or "less than a minute"
