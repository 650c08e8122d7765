"""One run over an output folder: its recipe and seed, the base model, and its finished stages."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any  # JSON data has no narrower type before it is read

from pipeline.core import artifact
from pipeline.core.config import Recipe
from pipeline.core.errors import PipelineError
from pipeline.dataset import build
from pipeline.dataset.build import Dataset
from pipeline.models import backends, base_model, device
from pipeline.models.backends import Backend
from pipeline.models.base_model import Base
from pipeline.models.generate import LocalModel


@dataclass(frozen=True)
class Session:
    """One run over an output folder; finds and loads the base model once, when first needed."""

    recipe: Recipe
    out: Path
    seed: int

    @cached_property
    def base(self) -> Base:
        """The base model on disk."""
        return base_model.find(self.recipe.base)

    def local(self) -> LocalModel:
        """Load the bare base model as it is served, to be asked."""
        return self._load("", "transformers")

    def quantised(self) -> LocalModel:
        """Load the bare base model as it is quantised while it is trained, to be asked."""
        return self._load(self.recipe.base.quantization, "transformers")

    def trainee(self) -> LocalModel:
        """Load the bare base model as it is trained: quantised where the recipe says so."""
        quantization = self.recipe.base.quantization
        return self._load(quantization, backends.choose(quantization))

    def _load(self, quantization: str, backend: Backend) -> LocalModel:
        device.require(self.recipe.base.device, self.recipe.base.name)
        model, tokenizer = base_model.load(self.base, quantization, backend)
        return LocalModel(model, tokenizer, backend=backend, quantization=quantization)


def read_dataset(out: Path) -> Dataset:
    """Read `OUT/dataset`.

    Raises PipelineError when it is missing or was changed since it was written.
    """
    folder = out / "dataset"
    done = artifact.read(folder)
    if done is None or done.get("digest") != artifact.digest_folder(folder):
        raise PipelineError(
            f"{folder}: is not a finished dataset", f"make it with `facts build --out {out}`"
        )
    return build.load(folder)


def finished_adapter(folder: Path) -> dict[str, Any]:
    """Read an adapter's manifest.

    Raises PipelineError when the adapter is missing or was changed since it was trained.
    """
    done = artifact.read(folder)
    if done is None or done.get("digest") != artifact.digest_folder(folder):
        raise PipelineError(
            f"{folder}: is not a finished adapter", f"`facts learn --out {folder.parent}` makes it"
        )
    return done


def say(line: str) -> None:
    """Tell the person what happened, on stderr."""
    print(line, file=sys.stderr, flush=True)
