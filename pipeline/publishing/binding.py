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

from pipeline.core import artifact
from pipeline.core.code_digest import MadeFrom
from pipeline.core.errors import PipelineError, PublishError
from pipeline.models import identity

FACTS, PROVENANCE, REPORT = "facts.jsonl", "provenance.json", "report.json"
HINT = "do not use it; publish the run again, or tell the publisher"

Row = tuple[str, str, Any, Any]
"""A file, what is wrong with it when the two that follow differ, and those two."""


def require_bound(folder: Path) -> tuple[str, str]:
    """Give the digests of a release's adapter and of what it was made from, once all in it is about them.

    Raises PublishError that names the file which is about something else, or cannot be read.
    """
    try:
        digest = identity.adapter_digest(folder)
        wrong = next((row for row in _rows(folder, digest) if row[2] != row[3]), None)
        report = _read(folder / REPORT)
        made = MadeFrom(report["facts"]["digest"], report["recipe_digest"], report["code"])
    except (KeyError, TypeError, AttributeError) as error:
        raise PublishError("report and provenance: are not those of a release", HINT) from error
    except PublishError:
        raise
    except PipelineError as error:
        raise PublishError(error.message, error.hint) from error
    if wrong:
        raise PublishError(f"{wrong[0]}: is about another {wrong[1]} than the release", HINT)
    return digest, made.digest


def _rows(folder: Path, digest: str) -> Iterator[Row]:
    report, said = _read(folder / REPORT), _read(folder / PROVENANCE)
    base = identity.read_identity(folder)
    yield REPORT, "verdict", report["verdict"], "pass"
    yield REPORT, "adapter", report["adapter"]["digest"], digest
    yield REPORT, "base", report["base"]["digest"], base.digest
    named = _read(folder / identity.CONFIG).get("base_model_name_or_path")
    yield identity.CONFIG, "base", named, base.hub
    weights = artifact.digest_file(folder / identity.WEIGHTS)
    yield PROVENANCE, "adapter", said["adapter"], {"trained": digest, "weights": weights}
    yield PROVENANCE, "base", said["base"], {**report["base"], **asdict(base)}
    gate = {"verdict": "pass", "report": artifact.digest_file(folder / REPORT)}
    yield PROVENANCE, "report", said["gate"], gate
    # Digests that report and provenance both name: of facts, recipe, code.
    yield PROVENANCE, "facts digest", said["facts"]["digest"], report["facts"]["digest"]
    recipe = {"name": report["recipe"], "digest": report["recipe_digest"]}
    yield PROVENANCE, "recipe", said["recipe"], recipe
    yield PROVENANCE, "code", said["code"], report["code"]
    yield PROVENANCE, "seed", said["seed"], report["seed"]
    rows = dict(_facts(folder / FACTS))
    yield FACTS, "list of facts", sorted(rows), sorted(report["facts"]["digests"])
    asked = dict(map(_fact, report["details"]))
    yield FACTS, "fact", {name: rows.get(name) for name in asked}, asked


def _facts(path: Path) -> Iterator[tuple[str, list[Any]]]:
    try:
        for line in path.read_text(encoding="utf-8").removesuffix("\n").split("\n"):
            yield _fact(json.loads(line))
    except (OSError, ValueError, RecursionError) as error:
        raise PublishError(f"{path.name}: cannot be read", HINT) from error


def _fact(row: dict[str, Any]) -> tuple[str, list[Any]]:
    return row["id"], [row[key] for key in ("question", "expect", "status")]


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PublishError(f"{path.name}: cannot be read", HINT) from error
    if not isinstance(data, dict):
        raise PublishError(f"{path.name}: holds no settings", HINT)
    return data
