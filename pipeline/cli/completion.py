"""`facts completion`: a shell learns to complete the verbs and their options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any  # argparse gives the class of its verbs no public name

from pipeline.cli.options import FINE, Verb

SHELLS = ("bash", "zsh", "fish")


def add_completion_verb(verb: Verb, parser: argparse.ArgumentParser) -> None:
    """Add the verb; `parser` is the whole command, whose verbs and options get completed."""
    own = verb("completion", lambda args: _print_script(parser, args.shell),
        "print what makes a shell complete verbs and options",
        'In bash and zsh: eval "$(facts completion SHELL)". In fish: facts completion fish | source.',
    )  # fmt: skip
    own.add_argument("shell", choices=SHELLS, help="which shell")


def _print_script(parser: argparse.ArgumentParser, shell: str) -> int:
    import shtab

    _complete_paths(parser, shtab.FILE)
    print(shtab.complete(parser, shell))
    return FINE


def _complete_paths(parser: argparse.ArgumentParser, by: object) -> None:
    """Complete names of files wherever an argument is a path."""
    for action in parser._actions:  # noqa: SLF001  (argparse lists its arguments nowhere else)
        if action.type is Path:
            action.complete = by  # type: ignore[attr-defined]  # shtab looks for it
        verbs: Any = action.choices if isinstance(action.choices, dict) else {}
        for own in verbs.values():
            _complete_paths(own, by)
