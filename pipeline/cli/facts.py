"""The verbs about facts files: `facts check`, `facts plan` and `facts new`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.options import FAILED, FINE, Verb, facts_option
from pipeline.core import console
from pipeline.core.arguments import given
from pipeline.core.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.core.errors import Problem


def add_facts_verbs(verb: Verb) -> None:
    """Add `facts check` and `facts plan`."""
    check = verb("check", _check, "say everything that is wrong with facts files")
    check.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: facts)"
    )
    check.add_argument(
        "--format", choices=["text", "github", "json"], default="text",
        help="github: annotations on a pull request (default: text)",
    )  # fmt: skip
    check.add_argument(
        "--language", type=given, metavar="XX",
        help="check the file of a language instead, such as de, and print its sentences",
    )  # fmt: skip
    check.add_argument(
        "--explain", action="store_true",
        help="print for each fact what must be said, what is a leak, what it is asked, and sample answers",
    )  # fmt: skip
    plan = verb(
        "plan", _plan, "say what a change teaches, and whether training is needed",
        "Compares two commits, from where HEAD left the base; nothing is checked out.",
    )  # fmt: skip
    plan.add_argument("--json", action="store_true", help="print the plan as JSON")
    for parser, needed in ((check, False), (plan, True)):
        parser.add_argument(
            "--base", type=given, required=needed, metavar="REV",
            help="the commit or branch that the change is meant for"
            + ("" if needed else ": judge the change as committed, not the files"),
        )  # fmt: skip
        parser.add_argument(
            "--head", type=given, default="HEAD", metavar="REV",
            help="the end of the change (default: HEAD)",
        )  # fmt: skip


def add_new_verb(verb: Verb) -> None:
    """Add `facts new`."""
    facts_option(verb("new", _new, "write a facts file by answering a few questions"))


def _check(args: argparse.Namespace) -> int:
    from pipeline.core import problems
    from pipeline.facts import check
    from pipeline.facts.checks.language_lines import language_lines

    if args.language:
        return _check_language(args)
    here = args.paths or [Path("facts")]
    if args.explain:
        return _explain(args, here)
    if args.base:
        found = _of_change(args)
    else:
        checked = check.check(here)
        found = checked.problems
        for line in language_lines(checked.subjects):
            print(f"language   {problems.visible(line)}", file=sys.stderr)
    if args.format == "github":
        console.commands(problems.as_github(found))
    else:
        print((problems.as_json if args.format == "json" else problems.as_text)(found))
    return FAILED if any(p.severity == "error" for p in found) else FINE


def _check_language(args: argparse.Namespace) -> int:
    """Say what a language's file lacks, and show its sentences as far as they can be filled."""
    from pipeline.core import problems
    from pipeline.dataset.language_sample import sample_lines
    from pipeline.facts.languages import language, language_file

    if args.paths or args.base:
        raise ConfigError("--language checks the file of a language", "leave the rest out")
    if args.language not in language.codes():
        hint = (
            f"copy {language_file.FOLDER}/de.toml there and translate it; docs/languages.md helps"
        )
        raise ConfigError(f"there is no {language_file.FOLDER}/{args.language}.toml", hint)
    found = language_file.read_language_file(args.language)
    if args.format == "github":
        console.commands(problems.as_github(found.problems))
    else:
        print((problems.as_json if args.format == "json" else problems.as_text)(found.problems))
    if any(problem.severity == "error" for problem in found.problems):
        return FAILED
    if args.format == "text" and "frames" in found.table and "sample" in found.table:
        for line in sample_lines(language.load_language(args.language)):
            print(line if line.startswith("\n") else problems.visible(line))
    return FINE


def _explain(args: argparse.Namespace, here: list[Path]) -> int:
    """Print what the facts mean to training and gate, once nothing is wrong with them."""
    from pipeline.core import config, problems
    from pipeline.dataset import explain
    from pipeline.facts import check

    if args.base or args.format != "text":
        raise ConfigError("--explain explains files, as text", "leave --base and --format out")
    checked = check.check(here)
    if checked.problems:
        print(problems.as_text(checked.problems), file=sys.stderr)
    if any(p.severity == "error" for p in checked.problems):
        return FAILED
    settings = config.load_recipe("smollm2-135m").dataset
    print(explain.explain(checked.subjects, settings, seed=0))
    return FINE


def _of_change(args: argparse.Namespace) -> tuple[Problem, ...]:
    """Give all problems of the change that the options name."""
    from pipeline.facts import change

    if args.paths:
        raise ConfigError("--base judges the whole change", "leave the paths out")
    found = change.read_change(Path(), args.base, args.head)
    print(f"checking   {found.head[:12]}, as it left {found.base[:12]}", file=sys.stderr)
    return change.problems(found)


def _plan(args: argparse.Namespace) -> int:
    from pipeline.ci import plan
    from pipeline.facts import change

    made = plan.make_plan(change.read_change(Path(), args.base, args.head))
    print(plan.plan_as_json(made) if args.json else plan.plan_as_text(made))
    return FINE


def _new(args: argparse.Namespace) -> int:
    from pipeline.core.config import load_recipe
    from pipeline.core.errors import FactsError, PipelineError
    from pipeline.dataset.preview import preview_facts
    from pipeline.facts.authoring import admit, author, write
    from pipeline.facts.authoring.library import read_library

    library = read_library(args.facts)
    drafts = author.interview(library)
    try:
        made = admit.admit(drafts, library)
    except FactsError as error:
        said = "; ".join(f"{p.message} ({p.hint})" for p in error.problems)
        raise PipelineError(f"nothing was written: {said}", "run `facts new` again") from error
    console.say(preview_facts(made.subject, made.ids, load_recipe("smollm2-135m").dataset))
    if sys.stdin.isatty() and input("Write it? (Enter: yes, n: no) ").strip().lower() in (
        "n",
        "no",
    ):
        return FAILED
    path = library.on_disk(made.path)
    write.write_all([write.Change(path, made.old, made.new)])
    print(path)
    return FINE
