"""Runs the steps of the workflows, by name. Their input is the environment alone, never text in a script."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ci import approval, owners, run_steps, step_files, telling
from pipeline.core import console
from pipeline.core.errors import ConfigError, FactsError, PipelineError

if TYPE_CHECKING:
    from pipeline.facts.change import ChangeSet

FACTS = Path("build/facts")

_COMMIT = re.compile("[0-9a-f]{40}")
_QUEUED = re.compile(r"refs/heads/gh-readonly-queue/[\w./-]+/pr-(\d+)-[0-9a-f]{40}")
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}|[A-Za-z0-9-]*\[bot\])")
"""An account; one that an enterprise manages ends in "_" and the enterprise's short name."""
_NUMBER = re.compile(r"[1-9]\d{0,8}")


def run_step(name: str, env: Mapping[str, str]) -> int:
    """Run a step with the environment as its input; give its exit code.

    Raises ConfigError when a variable that the step reads is not set.
    """
    step, needed = STEPS[name]
    if missing := [each for each in needed if each not in env]:
        raise ConfigError(
            f"{name}: {', '.join(missing)} must be set", "docs/runner.md says what a step reads"
        )
    return step(env)


def _plan(env: Mapping[str, str]) -> int:
    """Plan EVENT's change from BASE to HEAD; leave the facts of HEAD in build/facts when it trains."""
    from pipeline.ci import plan, required_check
    from pipeline.core import problems
    from pipeline.facts import snapshot

    branch = required_check.branch(env["EVENT"], env["BRANCH"])
    step_files.outputs(env, {"pr": pull_request(env), "branch": branch})
    if branch != env["DEFAULT"]:
        raise PipelineError(
            required_check.not_default(branch), "open the pull request for the default one"
        )
    found = _change(env)
    try:
        made = plan.make_plan(found)
    except FactsError as error:
        console.commands(problems.as_github(error.problems))
        step_files.summary(env, "## The facts are not in order\n\nThe log of this job lists what is wrong; "
                 "`facts check --base main` says the same on your machine.\n")  # fmt: skip
        raise
    if made.training:
        snapshot.write_snapshot(snapshot.read_snapshot(Path(), found.head), FACTS)
    event, queue = env["EVENT"], env.get("QUEUE") == "true"
    now = required_check.trains_now(event, training=made.training, judging=made.judging)
    step_files.outputs(env, {
        "training": str(made.training).lower(),
        "judging": str(made.judging).lower(),
        "now": str(now).lower(),
        "code": str(made.code).lower(),
        "check": required_check.check_name(event, made.training or made.judging, queue),
    })  # fmt: skip
    step_files.summary(env, plan.plan_as_markdown(made))
    print(plan.plan_as_text(made))
    return 0


def _main(env: Mapping[str, str]) -> int:
    """Refuse a run that was not started from the default branch."""
    if env["REF"] != f"refs/heads/{env['DEFAULT']}":
        from pipeline.ci import required_check

        raise PipelineError(
            required_check.not_default(env["REF"]), "start it from the default branch"
        )
    return 0


def _change(env: Mapping[str, str]) -> ChangeSet:
    from pipeline.core import git
    from pipeline.facts import change

    for name in ("BASE", "HEAD"):
        if not _COMMIT.fullmatch(env.get(name, "")):
            raise ConfigError(
                f"{name} is not the id of a commit",
                "give all 40 digits: a branch may move meanwhile",
            )
    found = change.read_change(Path(), env["BASE"], env["HEAD"])
    if env.get("EVENT") == "workflow_dispatch" and found.base != git.resolve(Path(), env["BASE"]):
        raise PipelineError(
            f"{env['HEAD'][:12]} lacks what came to main since, so that its gate would prove little",
            "bring the pull request up to date with main, and start the gate for its new commit",
        )
    return found


def _decide(env: Mapping[str, str]) -> int:
    """Decide the required check by the plan and the jobs' results; docs/runner.md names the variables."""
    from dataclasses import fields

    from pipeline.ci import required_check

    given = {
        field.name: env.get(field.name.upper(), "") for field in fields(required_check.Results)
    }
    decision = required_check.decide(required_check.Results(**given))
    print(decision.why)
    step_files.summary(env, f"**{'Passed' if decision.passed else 'Failed'}**: {decision.why}\n")
    return 0 if decision.passed else 1


def _form(env: Mapping[str, str]) -> int:
    """Write the facts file of the issue's form, and the texts for commit, pull request or issue."""
    from pipeline.ci import issue_form
    from pipeline.core import artifact
    from pipeline.core.escape import code

    number, author, person = (env[f"ISSUE_{key}"] for key in ("NUMBER", "AUTHOR", "AUTHOR_ID"))
    if not (_NUMBER.fullmatch(number) and _LOGIN.fullmatch(author) and person.isdecimal()):
        raise ConfigError("the issue's number or author is not as GitHub writes it")
    answer = Path("build/answer.md")
    try:
        made = issue_form.write_form(issue_form.parse_form(env["ISSUE_BODY"]), Path("facts"))
    except PipelineError as error:
        wrong = error.problems if isinstance(error, FactsError) else ()
        lines = [f"- {code(p.message, 300)}: {code(p.hint, 300)}" for p in wrong]
        lines = lines or [f"- {code(error.message, 300)}: {code(error.hint, 300)}"]
        again = "Edit the issue, then take the label `accepted` off and put it on again."
        artifact.write_text(answer, "\n".join(["This is no fact yet:", "", *lines, "", again, ""]))
        raise
    artifact.write_text(Path(made.path), made.text)
    preview = "".join(f"- {code(line, 300)}\n" for line in made.preview.splitlines())
    told = f"Adds {code(made.fact, 150)}. Closes #{number}.\n\nHow it will be asked:\n\n{preview}"
    artifact.write_text(answer, told)
    credit = f"Co-authored-by: {author} <{person}+{author}@users.noreply.github.com>"
    artifact.write_text(
        Path("build/message.txt"), f"Add {made.fact}\n\nFrom issue #{number}.\n\n{credit}\n"
    )
    step_files.outputs(env, {"branch": f"fact/issue-{number}", "title": f"Add {made.fact}"})
    return 0


def _report(env: Mapping[str, str]) -> int:
    """Put the run's report into the summary."""
    try:
        step_files.summary(env, (run_steps.RUN / "report.md").read_text(encoding="utf-8"))
    except OSError:
        print("there is no report: training did not get that far", file=sys.stderr)
    return 0


def pull_request(env: Mapping[str, str]) -> str:
    """Give the number of the pull request of a queue's REF, or the one a person named in PR; "" for none."""
    if queued := _QUEUED.fullmatch(env.get("REF", "")):
        return queued[1]
    number = env.get("PR", "")
    if number and not _NUMBER.fullmatch(number):
        raise ConfigError("PR is not the number of a pull request", "give its digits alone")
    return number


STEPS = {
    "main": (_main, ("REF", "DEFAULT")),
    "plan": (_plan, ("EVENT", "BRANCH", "DEFAULT", "BASE", "HEAD")),
    "decide": (_decide, ()),  # what is missing there fails the check
    "reviewed": (approval.step, ("GITHUB_REPOSITORY", "DEFAULT", "PR", "HEAD")),
    "digest": (run_steps.digest_step, ("HEAD", "RECIPE")),
    "adapter": (run_steps.adapter_step, ("HEAD", "RECIPE", "GITHUB_REPOSITORY")),
    "made": (run_steps.made_step, ("HEAD", "RECIPE")),
    "owners": (owners.step, ()),
    "base": (run_steps.base_step, ("RECIPE",)),
    "report": (_report, ()),
    "review": (telling.review, ("GITHUB_REPOSITORY",)),
    "notice": (telling.notice, ("GITHUB_REPOSITORY", "TITLE", "BODY")),
    "live": (telling.live, ("GITHUB_REPOSITORY", "COMMIT", "RELEASE")),
    "form": (_form, ("ISSUE_BODY", "ISSUE_NUMBER", "ISSUE_AUTHOR", "ISSUE_AUTHOR_ID")),
}
