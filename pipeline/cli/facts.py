"""The verbs `facts check --base` and `facts plan`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.arguments import given
from pipeline.core.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.cli.publish import Verb
    from pipeline.core.errors import Problem


def add(verb: Verb, check: argparse.ArgumentParser) -> None:
    """Add `facts plan`, and to `facts check` what makes it judge a change."""
    plan = verb(
        "plan", _plan, "say what a change teaches, and whether training is needed",
        "Compares two commits, from where HEAD left the base; nothing is checked out.",
    )  # fmt: skip
    plan.add_argument("--json", action="store_true", help="print the plan as JSON")
    for own, needed in ((check, False), (plan, True)):
        own.add_argument(
            "--base", type=given, required=needed, metavar="REV",
            help="the commit or branch that the change is meant for"
            + ("" if needed else ": judge the change as committed, not the files"),
        )  # fmt: skip
        own.add_argument(
            "--head", type=given, default="HEAD", metavar="REV",
            help="the end of the change (default: HEAD)",
        )  # fmt: skip


def problems(args: argparse.Namespace) -> tuple[Problem, ...]:
    """Give all that is wrong with the change that the options name."""
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
    return 0
