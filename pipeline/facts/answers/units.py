"""Units of amounts: `data/units.toml` has their signs and their names in every language."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from importlib import resources
from typing import Any  # TOML data has no narrower type before it is read here

from pipeline.facts.answers.spelling import spelled_word

WORDS = 3
"""Words of the longest name of a unit: "US dollars", "kilometres per hour"."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of `dimension`, of which it is `factor` times the first; `before`: it may precede the number."""

    dimension: str
    name: str
    factor: Decimal
    system: str
    before: bool


@lru_cache(maxsize=1 << 12)
def find_unit(written: str, language: str) -> Unit | None:
    """Find a unit by a sign, whose case counts, or by a name in any language."""
    signs, names = _units()
    own = signs.get(f"{language}:{written}")
    return own or signs.get(written) or names.get(_folded(written))


@cache
def glued_names() -> tuple[str, ...]:
    """List the names that are written onto a number or before it without a space, longest first."""
    return tuple(sorted((n for n in _units()[1] if n and _wide(n[0])), key=len, reverse=True))


@cache
def _units() -> tuple[Mapping[str, Unit], Mapping[str, Unit]]:
    file = resources.files("pipeline.facts").joinpath("data", "units.toml")
    signs: dict[str, Unit] = {}
    names: dict[str, Unit] = {}
    for dimension, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
        for name, row in table.items():
            unit = _unit(dimension, name, row)
            for sign in row.get("signs", "").split():
                signs.setdefault(f"{row['only']}:{sign}" if "only" in row else sign, unit)
            for each in shlex.split(row.get("names", "")):
                names.setdefault(_folded(each), unit)
    return signs, names


def _unit(dimension: str, name: str, row: dict[str, Any]) -> Unit:
    factor = Decimal(str(row.get("is", 1)))
    return Unit(dimension, name, factor, row.get("system", ""), bool(row.get("before")))


def _folded(name: str) -> str:
    return " ".join(spelled_word(word, "arabic") for word in name.split())


def _wide(char: str) -> bool:
    return (
        "\u0e00" <= char <= "\u0eff" or "\u3000" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3"
    )
