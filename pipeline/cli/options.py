"""Options that several verbs share, and the codes with which the command exits."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pipeline.models.context import RunContext

FINE, FAILED, BUG, INTERRUPTED = 0, 1, 3, 130
"""Wrong usage is 2, which argparse and ConfigError give."""


class Verb(Protocol):
    """Adds a verb to the command: name, function, help, and more for its own page."""

    def __call__(  # noqa: D102  (said above)
        self, name: str, run: object, text: str, more: str = ""
    ) -> argparse.ArgumentParser: ...


def facts_option(parser: argparse.ArgumentParser) -> None:
    """Add `--facts DIR`."""
    parser.add_argument(
        "--facts", type=Path, default=Path("facts"), metavar="DIR",
        help="facts folder (default: facts)",
    )  # fmt: skip


def recipe_option(parser: argparse.ArgumentParser) -> None:
    """Add `--recipe NAME|FILE`."""
    parser.add_argument(
        "--recipe", default="smollm2-135m", metavar="NAME|FILE",
        help="a shipped recipe or a TOML file (default: smollm2-135m)",
    )  # fmt: skip


def run_options(parser: argparse.ArgumentParser, *, out: str = "build", seed: bool = True) -> None:
    """Add what names a run: recipe, output folder and seed."""
    recipe_option(parser)
    parser.add_argument(
        "--out", type=Path, default=Path(out), metavar="DIR", help=f"output folder (default: {out})"
    )
    if seed:
        parser.add_argument(
            "--seed", type=int, default=0, metavar="N", help="random seed (default: 0)"
        )


def above_zero(text: str) -> int:
    """Read a whole number above zero. Raises ArgumentTypeError for anything else."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not above zero")
    return number


def run_context(args: argparse.Namespace) -> RunContext:
    """Give the run that the options of `run_options` name. Raises ConfigError for a bad recipe."""
    from pipeline.core import config
    from pipeline.models.context import RunContext

    return RunContext(config.load_recipe(args.recipe), args.out, getattr(args, "seed", 0))
