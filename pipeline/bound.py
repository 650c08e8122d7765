"""A release's parts → whether all of them are about the adapter that lies beside them.

Nothing is taken from a file's own word: digests are recomputed, and what report and provenance say is
held against them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any  # JSON data has no narrower type before it is read

from pipeline import identity, manifest
from pipeline.errors import PipelineError, PublishError

PROVENANCE, REPORT = "provenance.json", "report.json"
HINT = "do not use it; publish the run again, or tell the publisher"


def require(folder: Path) -> str:
    """Give the digest of the adapter in a release, once everything in the folder is about it.

    Raises PublishError that names the file which is about something else, or cannot be read.
    """
    report, said = _read(folder / REPORT), _read(folder / PROVENANCE)
    try:
        base = identity.read(folder)
        config = _read(folder / identity.CONFIG)
        digest = identity.adapter_digest(folder)
        for file, what, theirs, ours in (
            *_about_adapter(folder, digest, report, said),
            *_about_base(base, config, report, said),
            *_about_facts(report, said),
        ):
            if theirs != ours:
                raise PublishError(f"{file}: {what}", HINT)
    except (KeyError, TypeError, AttributeError) as error:
        raise PublishError(f"{PROVENANCE}: does not say what a release says", HINT) from error
    except PublishError:
        raise
    except PipelineError as error:
        raise PublishError(error.message, error.hint) from error
    return digest


Row = tuple[str, str, Any, Any]
"""File, what is wrong with it when the two that follow differ."""


def _about_adapter(
    folder: Path, digest: str, report: dict[str, Any], said: dict[str, Any]
) -> Iterator[Row]:
    yield REPORT, "is about another adapter", report["adapter"]["digest"], digest
    yield REPORT, "is no pass", report["verdict"], "pass"
    weights = manifest.digest_file(folder / identity.WEIGHTS)
    own = {"trained": digest, "weights": weights}
    yield PROVENANCE, "is about another adapter", said["adapter"], own
    gate = {"verdict": "pass", "report": manifest.digest_file(folder / REPORT)}
    yield PROVENANCE, "is about another report", said["gate"], gate


def _about_base(
    base: identity.Identity, config: dict[str, Any], report: dict[str, Any], said: dict[str, Any]
) -> Iterator[Row]:
    yield REPORT, "is about another base", report["base"]["digest"], base.digest
    own = {**report["base"], **asdict(base)}
    yield PROVENANCE, "is about another base", said["base"], own
    named = config.get("base_model_name_or_path")
    yield identity.CONFIG, "is for another base", named, base.hub


def _about_facts(report: dict[str, Any], said: dict[str, Any]) -> Iterator[Row]:
    """Compare what the run was made from; a digest that report and provenance both name belongs here."""
    yield PROVENANCE, "is about other facts", said["facts"]["digest"], report["facts"]["digest"]
    yield PROVENANCE, "is about another recipe", said["recipe"]["name"], report["recipe"]
    yield PROVENANCE, "is about another seed", said["seed"], report["seed"]


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PublishError(f"{path.name}: cannot be read", HINT) from error
    if not isinstance(data, dict):
        raise PublishError(f"{path.name}: holds no settings", HINT)
    return data
