"""Spreads system prompts over a dataset: each prompt gets one of those that serving uses, none gets more.

A contrast gets the same as the wording that it goes with. "" stands for the chat template's own.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from pipeline.core.chat import Turn
from pipeline.dataset import identity
from pipeline.dataset.records import Dataset, Example, Probe

Row = TypeVar("Row", Example, Probe)


def spread_systems(made: Dataset, prompts: Sequence[str]) -> Dataset:
    """Put a system prompt before each prompt that has none; facts about the model itself get others, too."""
    who = frozenset(fact.id for subject in made.subjects for fact in subject.facts if fact.identity)
    if not any(prompts) and not who:
        return made
    used = tuple(prompts) or ("",)
    about_self = {
        half: (*used, *(own for pair in identity.system_prompts(half) for own in (pair, used[0])))
        for half in ("train", "probe")
    }
    return replace(
        made,
        examples=tuple(
            _under(
                row, about_self["train"] if row.fact in who else used, f"{row.fact}/{row.family}"
            )
            for row in made.examples
        ),
        probes=tuple(
            _under(row, about_self["probe"] if row.fact in who else used, row.prompt)
            for row in made.probes
        ),
    )


def _under(row: Row, prompts: Sequence[str], key: str) -> Row:
    """Choose a system prompt by a key; general prompts, which share one, by their own words."""
    if row.before and row.before[0].role == "system":
        return row
    chosen = prompts[zlib.crc32((key if row.fact else row.prompt).encode()) % len(prompts)]
    return replace(row, before=(Turn("system", chosen), *row.before)) if chosen else row
