"""Reads the run folder of `facts learn` for a release, and refuses one that cannot be released.

Dataset, adapter and report must belong together, to the recipe, and to the facts as they stand now;
the verdict must be a pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.core import artifact
from pipeline.core.artifact import StageManifest
from pipeline.core.config import Recipe
from pipeline.core.errors import ConfigError, PublishError
from pipeline.core.escape import plain
from pipeline.dataset.records import Dataset, finished_dataset
from pipeline.facts import check
from pipeline.facts.change import facts_digest
from pipeline.models import identity
from pipeline.models.adapter import TrainedAdapter, finished_adapter
from pipeline.models.base_model import Base
from pipeline.report.files import read_report
from pipeline.report.shape import Report

FREE = {
    "cc0-1.0", "unlicense", "pddl-1.0", "mit", "mit-0", "0bsd", "isc", "bsd-2-clause", "bsd-3-clause",
    "apache-2.0", "cc-by-4.0", "cc-by-3.0", "odc-by-1.0",
}  # fmt: skip
"""Licences that allow passing facts on under any other licence, given that their source is named."""


@dataclass(frozen=True, slots=True)
class PublishableRun:
    """A run whose adapter passed: its parts, each proven to belong to the others."""

    out: Path
    recipe: Recipe
    dataset: Dataset
    dataset_digest: str
    adapter: TrainedAdapter
    report: Report
    report_digest: str


def read_run(out: Path, facts: Path, recipe: Recipe, base: Base) -> PublishableRun:
    """Read the run folder of facts, recipe and base.

    Raises PipelineError when a part is missing, PublishError when the run failed its gate or a part
    belongs to something else, ConfigError when the recipe cannot be published with.
    """
    if not recipe.base.hub or not recipe.base.license:
        raise ConfigError(
            f"the recipe {recipe.name} does not say what its base is called on the Hub",
            "set [base] hub and license in it",
        )
    hint = (
        f"judge it again with `facts gate --out {out}`, or make it with `facts learn --out {out}`"
    )
    data, run = read_report(out, hint)
    if data.verdict != "pass":
        reason = plain(data.reasons[0], 200) if data.reasons else "no reason given"
        raise PublishError(
            f"{out}: did not pass its gate: {reason}", "what fails the gate is never published"
        )
    adapter = finished_adapter(out / "adapter")
    made = finished_dataset(out)
    again = f"run `facts learn --out {out} --recipe {recipe.name}` again, then publish"
    for what, ours, theirs in (
        ("another adapter", identity.adapter_digest(out / "adapter"), data.adapter.digest),
        ("other facts", facts_digest(made.subjects), data.facts.digest),
        ("another recipe", recipe.name, data.recipe),
        ("another base", base.digest, data.base.digest),
    ):
        if ours != theirs:
            raise PublishError(f"{out}: the report is about {what}", again)
    if identity.read_identity(out / "adapter") != identity.identity_of(recipe.base, base):
        raise PublishError(f"{out}: the adapter was trained on another base", again)
    if adapter.made_from.get("examples") != made.examples_digest:
        raise PublishError(f"{out}: the adapter was trained on another dataset", again)
    if facts_digest(check.load_subjects(facts)) != data.facts.digest:
        raise PublishError(f"{out}: {facts} says something else by now", again)
    _licences(made, recipe)
    dataset = artifact.read_manifest(out / "dataset", StageManifest)
    assert dataset, "finished_dataset() found it"
    return PublishableRun(out, recipe, made, dataset.digest, adapter, data, run.report)


def _licences(made: Dataset, recipe: Recipe) -> None:
    """Refuse facts that may not be passed on under the card's licence."""
    card = recipe.base.license
    for subject in made.subjects:
        own = subject.license.lower()
        if own and own not in FREE and own != card.lower():
            raise PublishError(
                f"{plain(subject.where.path, 200)}: is under {plain(subject.license, 40)}, the "
                f"release would be under {card}",
                "teach these facts in an adapter of their own, or ask who wrote them",
            )
