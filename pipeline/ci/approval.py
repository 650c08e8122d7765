"""Asks GitHub whether a maintainer approved this very commit of a pull request.

For a change of what teaches or judges where there is no merge queue to judge it. GitHub lets nobody
approve a pull request of their own, and keeps with an approval the commit that it was given for: so no
author can have one, and none outlives a push.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.ci import github
from pipeline.core.errors import ConfigError, PipelineError

MAY_WRITE = ("write", "maintain", "admin")
JUDGES = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
"""States of a review that replace what the same person said before; a comment does not."""
PAGES = 10
"""Pages of a hundred reviews that are read; more are refused rather than half looked at."""

_NUMBER = re.compile(r"[1-9]\d{0,8}")
_COMMIT = re.compile("[0-9a-f]{40}")
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}")


def step(env: Mapping[str, str]) -> int:
    """Require that HEAD, the last commit of pull request PR, is approved by somebody who may write."""
    if not (_NUMBER.fullmatch(env["PR"]) and _COMMIT.fullmatch(env["HEAD"])):
        raise ConfigError("PR or HEAD is not as GitHub writes it", "give a number and 40 digits")
    pull = f"repos/{env['GITHUB_REPOSITORY']}/pulls/{env['PR']}"
    by = approver(github.ask_github, pull, env["HEAD"], env["DEFAULT"])
    print(f"{env['HEAD'][:12]} is approved by {by}")
    return 0


def approver(ask: github.Ask, pull: str, commit: str, default: str) -> str:
    """Give the login of a maintainer who approved this commit of a pull request for the default branch.

    Raises PipelineError when there is none, when somebody who may write asks for changes, and when the
    pull request has another last commit or is for another branch.
    """
    try:
        told = ask(pull)
        if told["state"] != "open" or told["base"]["ref"] != default:
            raise PipelineError(
                "the pull request is not open, or not for the default branch", "open one that is"
            )
        if told["head"]["sha"] != commit:
            raise PipelineError(
                f"{commit[:12]} is not the last commit of the pull request",
                "review and name the one that is",
            )
        said = _last_reviews(ask, pull, author=str(told["user"]["login"]))
        states = {
            login: state
            for login, (state, of) in said.items()
            if (of == commit or state == "CHANGES_REQUESTED") and _may_write(ask, pull, login)
        }
    except (KeyError, TypeError, ValueError) as error:
        raise PipelineError(
            f"GitHub's answer is not as expected: {error!r}", "run the job again"
        ) from error
    return _decided(commit, states)


def _decided(commit: str, states: Mapping[str, str]) -> str:
    if "CHANGES_REQUESTED" in states.values():
        raise PipelineError("a maintainer asks for changes", "have that review answered first")
    approved = [login for login, state in states.items() if state == "APPROVED"]
    if not approved:
        raise PipelineError(
            f"no maintainer has approved {commit[:12]}, and this changes how facts are taught or judged",
            "approve the pull request as it is now (an approval of an earlier commit does not count), "
            "then start the gate again",
        )
    return approved[0]


def _last_reviews(ask: github.Ask, pull: str, author: str) -> dict[str, tuple[str, str]]:
    """Give state and commit of the last review of each person but the author, by login."""
    said = {}
    for page in range(1, PAGES + 1):
        listed = ask(f"{pull}/reviews?per_page=100&page={page}")
        for review in listed:
            person = review["user"]  # nobody, where the account is gone
            counts = person and person["type"] == "User" and person["login"] != author
            if counts and review["state"] in JUDGES:
                said[str(person["login"])] = (str(review["state"]), str(review["commit_id"]))
        if len(listed) < 100:
            return said
    raise PipelineError("the pull request has too many reviews", "open a new one")


def _may_write(ask: github.Ask, pull: str, login: str) -> bool:
    """Ask whether somebody may write to the repository: a review does not tell."""
    if not _LOGIN.fullmatch(login):
        return False
    repository = pull.rpartition("/pulls/")[0]
    told = ask(f"{repository}/collaborators/{login}/permission")
    return told["permission"] in MAY_WRITE
