"""Writes a step's answers into GITHUB_OUTPUT, for other steps, and GITHUB_STEP_SUMMARY, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.core.errors import ConfigError

SUMMARY_BYTES = 1_000_000
"""GitHub refuses a step's summary above 1 MiB as a whole."""


def outputs(env: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Set outputs of the step, one line each.

    Raises ConfigError where the file cannot be written.
    """
    assert not any("\n" in value for value in values.values()), "one line each, or it sets others"
    _append(env, "GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in values.items()))


def summary(env: Mapping[str, str], text: str) -> None:
    """Add Markdown to the summary of the step, cut off where GitHub would refuse it.

    Raises ConfigError where the file cannot be written.
    """
    _append(env, "GITHUB_STEP_SUMMARY", text.encode()[:SUMMARY_BYTES].decode("utf-8", "ignore"))


def _append(env: Mapping[str, str], name: str, text: str) -> None:
    if not env.get(name):
        return
    try:
        with Path(env[name]).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"{name}: cannot be written: {error.strerror or error}") from error
