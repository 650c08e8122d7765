"""Checks that all parts of a release are about the adapter that lies beside them.

Nothing is taken from a file's own word: digests are recomputed, and what report and provenance say is
held against them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core import artifact
from pipeline.core.code_digest import MadeFrom
from pipeline.core.errors import PipelineError, PublishError
from pipeline.facts.fact import Items
from pipeline.models import identity
from pipeline.publishing import contents
from pipeline.publishing.contents import FACTS, PROVENANCE, REPORT, ReleasedFact, read_content
from pipeline.report.answers import Detail
from pipeline.report.shape import ReportCore

Row = tuple[str, str, object, object]
"""A file, what is wrong with it when the two that follow differ, and those two."""


@dataclass(frozen=True, slots=True)
class _AdapterConfig:
    base_model_name_or_path: str


def require_bound(folder: Path) -> tuple[str, str]:
    """Give the digests of a release's adapter and of what it was made from, once all in it is about them.

    Raises PublishError that names the file which is about something else, or cannot be read.
    """
    try:
        digest = identity.adapter_digest(folder)
        report = read_content(folder / REPORT, ReportCore)
        wrong = next((row for row in _rows(folder, digest, report) if row[2] != row[3]), None)
    except PublishError:
        raise
    except PipelineError as error:
        raise PublishError(error.message, error.hint) from error
    if wrong:
        said = f"{wrong[0]}: is about another {wrong[1]} than the release"
        raise PublishError(said, contents.HINT)
    return digest, MadeFrom(report.facts.digest, report.recipe_digest, report.code).digest


def _rows(folder: Path, digest: str, report: ReportCore) -> Iterator[Row]:
    said = read_content(folder / PROVENANCE, contents.Provenance)
    base = identity.read_identity(folder)
    yield REPORT, "verdict", report.verdict, "pass"
    yield REPORT, "adapter", report.adapter.digest, digest
    yield REPORT, "base", report.base.digest, base.digest
    named = read_content(folder / identity.CONFIG, _AdapterConfig).base_model_name_or_path
    yield identity.CONFIG, "base", named, base.hub
    weights = artifact.digest_file(folder / identity.WEIGHTS)
    yield PROVENANCE, "adapter", said.adapter, {"trained": digest, "weights": weights}
    yield PROVENANCE, "base", said.base, {"name": report.base.name, **asdict(base)}
    gate = {"verdict": "pass", "report": artifact.digest_file(folder / REPORT)}
    yield PROVENANCE, "report", said.gate, gate
    # Digests that report and provenance both name: of facts, recipe, code.
    yield PROVENANCE, "facts digest", said.facts.get("digest"), report.facts.digest
    recipe = {"name": report.recipe, "digest": report.recipe_digest}
    yield PROVENANCE, "recipe", said.recipe, recipe
    yield PROVENANCE, "code", said.code, report.code
    yield PROVENANCE, "seed", said.seed, report.seed
    rows = dict(map(_told, contents.read_facts(folder)))
    yield FACTS, "list of facts", sorted(rows), sorted(report.facts.digests)
    asked = dict(map(_told, report.details))
    yield FACTS, "fact", {name: rows.get(name) for name in asked}, asked


def _told(fact: ReleasedFact | Detail) -> tuple[str, tuple[str, Items, str]]:
    return fact.id, (fact.question, fact.expect, fact.status)
