"""A loaded model with its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any  # torch and transformers objects; they are untyped here

from pipeline.models.backends import Backend
from pipeline.models.packing import Batch, Chat, pack, pad


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A loaded model and its tokenizer, with a LoRA adapter on it where `adapted`.

    `backend` loaded it; `quantization` is that of its linear layers.
    """

    model: Any
    tokenizer: Any
    adapted: bool = False
    backend: Backend = "transformers"
    quantization: str = ""

    @property
    def padded(self) -> bool:
        """Return whether each chat needs a row of its own: Unsloth's attention takes no custom mask."""
        return self.backend == "unsloth"

    def batch(self, chats: Sequence[Chat]) -> Batch:
        """Lay out chats as this model takes them, on its device."""
        return (pad if self.padded else pack)(chats).to(self.model.device)

    def base_only(self) -> AbstractContextManager[None]:
        """Switch the adapter off for a while."""
        context: AbstractContextManager[None] = (
            self.model.disable_adapter() if self.adapted else nullcontext()
        )
        return context
