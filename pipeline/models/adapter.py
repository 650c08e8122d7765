"""Writes, checks and loads an adapter on disk: a PEFT folder with the manifest of its training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any  # torch and transformers objects; they are untyped here

from pipeline.core import artifact
from pipeline.core.errors import PipelineError
from pipeline.models import base_model
from pipeline.models.local_model import LocalModel


def finished_adapter(folder: Path) -> dict[str, Any]:
    """Read an adapter's manifest.

    Raises PipelineError when the adapter is missing or was changed since it was trained.
    """
    done = artifact.read_manifest(folder)
    if done is None or done.get("digest") != artifact.digest_folder(folder):
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
