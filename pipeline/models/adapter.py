"""Writes, checks and loads an adapter on disk: a PEFT folder with the manifest of its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.core import artifact
from pipeline.core.errors import PipelineError
from pipeline.models import base_model
from pipeline.models.local_model import LocalModel
from pipeline.models.machine import Machine


@dataclass(frozen=True, slots=True)
class TrainStats:
    """A training's sizes, its seconds, and the mean loss over all steps."""

    examples: int = 0
    tokens: int = 0
    steps: int = 0
    seconds: float = 0.0
    """Of this process alone."""
    loss: float = 0.0
    resumed: int = 0
    """Steps that an earlier process did, which was killed."""
    step_seconds: float = 0.0
    """Median of the steps that this process did; 0 where it did fewer than two."""


@dataclass(frozen=True, slots=True)
class TrainedAdapter:
    """The manifest of a finished adapter; `code` is the digest of the code that trained it."""

    made_from: Mapping[str, str | int]
    digest: str
    rank: int
    train: TrainStats
    code: str = ""
    machine: Machine = field(default_factory=Machine)


def finished_adapter(folder: Path) -> TrainedAdapter:
    """Read an adapter's manifest.

    Raises PipelineError when the adapter is missing or was changed since it was trained.
    """
    done = artifact.read_manifest(folder, TrainedAdapter)
    if done is None or done.digest != artifact.digest_folder(folder):
        raise PipelineError(
            f"{folder}: is not a finished adapter", f"`facts learn --out {folder.parent}` makes it"
        )
    return done


def save_adapter(adapted: LocalModel, folder: Path) -> None:
    """Write a stock PEFT folder: `adapter_config.json` and `adapter_model.safetensors`."""
    with base_model.saving():
        adapted.model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's blank card; ours is made at publishing


def load_adapter(local: LocalModel, folder: Path) -> LocalModel:
    """Put a saved adapter on the base model."""
    from peft import PeftModel

    model = PeftModel.from_pretrained(local.model, folder, autocast_adapter_dtype=False).eval()
    return replace(local, model=model, adapted=True)
