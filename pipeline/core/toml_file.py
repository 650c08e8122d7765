"""Reads TOML files into frozen dataclasses; a wrong key or value is a ConfigError with its place."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import TypeVar

from pipeline.core import json_file
from pipeline.core.errors import ConfigError
from pipeline.core.json_file import MisfitError

S = TypeVar("S")
Toml = dict[str, object]
"""A TOML file as read: numbers, texts, dates, lists and further tables by their keys."""
LOOK, COPY = "see the shipped recipes", "copy a shipped recipe and change its values"


def read_toml(path: Path) -> Toml:
    """Read a TOML file. Raises OSError, RecursionError, or ValueError, also for a number beyond 64 bits."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    if not _within(data):
        raise ValueError("a whole number has more than 64 bits")
    return data


def _within(value: object) -> bool:
    """Return whether all whole numbers are what TOML promises; Python would take, and not show, any."""
    if isinstance(value, dict | list):
        return all(map(_within, value.values() if isinstance(value, dict) else value))
    return type(value) is not int or -(2**63) <= value < 2**63


def as_settings(settings: type[S], data: Toml, path: Path) -> S:
    """Build a dataclass of settings, one dataclass for each table, from what `path` holds.

    Raises ConfigError with the place of a key that is unknown, missing or of another type, and of a
    number that is below zero or not finite.
    """
    for section, table in data.items():
        for key, value in table.items() if isinstance(table, dict) else ():
            if type(value) in {int, float} and not 0 <= value < math.inf:  # NaN is in no range
                fault = "is below zero" if value < 0 else "is no finite number"
                raise ConfigError(f"{path} [{section}] {key}: {value!r} {fault}", LOOK)
    text = json.dumps(
        data, default=lambda date: {str(date): 0}
    )  # no setting is a date, nor takes one
    try:
        return json_file.read_json(settings, text)
    except MisfitError as error:
        place = " ".join(f"[{s}]" if i == 0 else str(s) for i, s in enumerate(error.steps[:2]))
        hint = error.hint or (COPY if error.fault.startswith("missing") else LOOK)
        raise ConfigError(f"{path} {place}".rstrip() + f": {error.fault}", hint) from error
