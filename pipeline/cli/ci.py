"""`facts ci`: runs one step of a workflow, or checks the repository's settings."""

from __future__ import annotations

import argparse
import os

from pipeline.ci import settings, steps
from pipeline.cli.options import Verb
from pipeline.core.errors import ConfigError


def add_ci_verb(verb: Verb) -> None:
    """Add the verb."""
    ci = verb("ci", _run, "do one step of a workflow; docs/runner.md names them")
    ci.add_argument("step", choices=sorted((*steps.STEPS, settings.NAME)), help="which one")
    ci.add_argument("--json", action="store_true", help=f"{settings.NAME}: print them as JSON")


def _run(args: argparse.Namespace) -> int:
    if args.step == settings.NAME:
        return settings.show_settings(os.environ, as_json=args.json)
    if args.json:
        raise ConfigError(f"--json is for {settings.NAME} alone", "leave it out")
    return steps.run_step(args.step, os.environ)
