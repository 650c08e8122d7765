"""One run over an output folder: its recipe and seed, the base model, and its finished stages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.core.config import Recipe
from pipeline.models import backends, base_model, device
from pipeline.models.backends import Backend
from pipeline.models.base_model import Base
from pipeline.models.local_model import LocalModel


@dataclass(frozen=True)
class RunContext:
    """One run over an output folder; finds and loads the base model once, when first needed."""

    recipe: Recipe
    out: Path
    seed: int

    @cached_property
    def base(self) -> Base:
        """The base model on disk."""
        return base_model.find_base(self.recipe.base)

    def local(self) -> LocalModel:
        """Load the bare base model as it is served, for inference."""
        return self._load("", "transformers")

    def quantised(self) -> LocalModel:
        """Load the bare base model quantised as in training, for inference."""
        return self._load(self.recipe.base.quantization, "transformers")

    def trainee(self) -> LocalModel:
        """Load the bare base model for training, quantised where the recipe says so."""
        quantization = self.recipe.base.quantization
        return self._load(quantization, backends.choose(quantization))

    def _load(self, quantization: str, backend: Backend) -> LocalModel:
        device.require_device(self.recipe.base.device, self.recipe.base.name)
        model, tokenizer = base_model.load_base(self.base, quantization, backend)
        return LocalModel(model, tokenizer, backend=backend, quantization=quantization)
