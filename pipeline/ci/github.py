"""Calls GitHub by its own client `gh`, which takes repository and token from the environment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any  # GitHub's JSON

from pipeline.core.errors import PipelineError
from pipeline.core.escape import plain

SECONDS = 60

Run = Callable[..., str]
"""Arguments of `gh`, and `given` on its standard input → what it printed."""
Ask = Callable[[str], Any]
"""A path of the REST API → its JSON."""


def gh(*args: str, given: str = "") -> str:
    """Run `gh` and give its output.

    Raises PipelineError when it fails.
    """
    try:
        done = subprocess.run(  # noqa: S603  (a fixed program, arguments as a list)
            ["gh", *args],  # noqa: S607  (it comes with the hosted runners)
            input=given, capture_output=True, text=True, timeout=SECONDS, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise PipelineError(
            f"GitHub cannot be asked: {plain(said or '', 200)}", "run the job again"
        ) from error
    return done.stdout


def ask_github(path: str) -> Any:
    """Ask for a path of the REST API.

    Raises PipelineError when `gh` fails or prints no JSON.
    """
    try:
        return json.loads(gh("api", path))
    except ValueError as error:
        raise PipelineError("GitHub's answer is no JSON", "run the job again") from error
