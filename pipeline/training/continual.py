"""Decides whether facts may be added to a finished adapter, instead of teaching all of them anew.

Only where nothing else changed: a fact that says something else now, or is no longer taught, has to
be unlearned, and only training from the base does that surely.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any  # JSON data has no narrower type before it is read

from pipeline.core import artifact
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.dataset.records import Dataset
from pipeline.facts import change
from pipeline.models.adapter import finished_adapter
from pipeline.models.context import RunContext
from pipeline.training.train import ResumeFrom


def start(
    before: Path, known: Mapping[str, str], made: Dataset, context: RunContext
) -> ResumeFrom | str:
    """Give where to go on from, with the facts that are new there; or in words why that may not be.

    `before` is the output folder of the run that made the adapter, `known` the digests of its facts by id.
    Raises ConfigError when it is no such folder.
    """
    run, adapter = _read(before)
    if run.get("verdict") != "pass" or run.get("adapter") != adapter["digest"]:
        return f"{before}: its adapter did not pass the gate"
    made_from = adapter["made_from"]
    settings = artifact.digest_json(asdict(context.recipe.train))
    if (made_from.get("base"), made_from.get("train")) != (context.base.digest, settings):
        return f"{before}: its adapter is of another base or recipe"
    found = change.diff(known, made.facts)
    for ids, what in ((found.changed, "say something else now"), (found.retired, "are gone")):
        if ids:
            return f"facts {what}: {', '.join(ids[:3])}{', …' if len(ids) > 3 else ''}"
    if not found.added:
        return f"{before}: no fact is new"
    return ResumeFrom(before / "adapter", frozenset(found.added), adapter["digest"])


def _read(before: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        run = json.loads((before / artifact.MANIFEST).read_text(encoding="utf-8"))
        return run, finished_adapter(before / "adapter")
    except (OSError, ValueError, PipelineError) as error:
        raise ConfigError(
            f"{before}: is not the output of a finished run: {error}",
            "name the OUT folder of a `facts learn` that passed",
        ) from error
