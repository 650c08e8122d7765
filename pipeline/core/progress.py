"""A progress bar on stderr: what, how far, how long still; nothing for work of under two seconds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn, TypeAlias

if TYPE_CHECKING:
    from tqdm import tqdm

    Progress: TypeAlias = "tqdm[NoReturn]"


def bar(label: str, total: int) -> Progress:
    """Start a bar; use it in a `with`. Where stderr is no terminal it prints a line now and then."""
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=f"{label:<20}",
        delay=2,
        mininterval=0.2 if terminal else 15,
        file=sys.stderr,
        dynamic_ncols=terminal,
        bar_format="{desc}{percentage:3.0f}% |{bar:24}| {n}/{total}, {remaining} left {postfix}",
    )
