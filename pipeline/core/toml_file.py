"""Fills frozen dataclasses from the sections of a TOML file; a wrong key or value is a ConfigError."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_type_hints  # TOML data has no narrower type before it is read

from pipeline.core.errors import ConfigError

S = TypeVar("S")
_KINDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple[str, ...]: "a list of texts",
}


def read_sections(path: Path, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Read a TOML file whose sections are exactly `kinds`: by name, a dataclass filled from each.

    Raises ConfigError with the place of an unknown, missing or mistyped key.
    """
    try:
        data = read_toml(path)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    require_keys(data, list(kinds), str(path))
    return {
        name: fill_section(kind, data[name], f"{path} [{name}]") for name, kind in kinds.items()
    }


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises OSError, RecursionError, or ValueError, also for a number beyond 64 bits."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    if not _within(data):
        raise ValueError("a whole number has more than 64 bits")
    return data


def _within(value: Any) -> bool:
    """Tell whether all whole numbers are what TOML promises; Python would take, and not show, any."""
    if isinstance(value, dict | list):
        return all(map(_within, value.values() if isinstance(value, dict) else value))
    return type(value) is not int or -(2**63) <= value < 2**63


def fill_section(settings: type[S], table: Any, where: str) -> S:
    """Build one settings dataclass from its TOML table. Raises ConfigError as `read_sections` does."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: is not a table", "write it as a [section] with keys below it")
    types = get_type_hints(settings)
    require_keys(table, list(types), where)
    for key, value in table.items():
        wanted = types[key]
        if wanted == tuple[str, ...] and type(value) is list and all(type(v) is str for v in value):
            table[key] = tuple(value)
        elif type(value) is not wanted and not (wanted is float and type(value) is int):
            raise ConfigError(
                f"{where} {key}: {value!r:.80} is not {_KINDS[wanted]}",
                "see the shipped recipes",
            )
        elif wanted in {int, float} and not 0 <= value < math.inf:  # NaN is in no range
            fault = "is below zero" if value < 0 else "is no finite number"
            raise ConfigError(f"{where} {key}: {value!r} {fault}", "see the shipped recipes")
        elif wanted is float:
            table[key] = float(value)
    return settings(**table)


def require_keys(table: dict[str, Any], known: list[str], where: str) -> None:
    """Raise ConfigError where a table has other keys than the known ones; what is close is proposed."""
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
            raise ConfigError(f"{where}: unknown key {key!r}", hint)
    if missing := [key for key in known if key not in table]:
        raise ConfigError(
            f"{where}: missing key {missing[0]!r}", "copy a shipped recipe and change its values"
        )
