"""Estimates the memory of a training from the base's `config.json` and the longest step; loads nothing.

The backward pass needs these bytes a token and layer, for a frozen base in 16 bits with a LoRA on all its
linear layers (h hidden, q all heads of attention, i intermediate, r rank):
- the two norms' inputs in fp32 (8h) and outputs (4h),
- attention's query, repeated key and value, output and its copy (10q),
- the MLP's gate, its activation, the other branch and their product (8i),
- the hidden outputs of the seven LoRAs (14r).
Each layer also keeps the mask of a packed row, two bytes for each pair of its tokens. Gradient checkpointing
keeps each layer's input (2h), and all of the above for one layer, once the logits are freed.

`benchmarks/memory.py` measures the error.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.errors import ConfigError

NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes a weight: 4 bits, a scale of a byte for 64, and one of four bytes for 256 of those (QLoRA)."""
LOGITS = 18
"""Bytes a scored token and word of the vocabulary: the logits in 16 and in 32 bits, chosen ones, their
log-probabilities, and the gradient in 32 bits."""
BUFFERS = 32 << 20
"""Bytes of the libraries' work space and Adam's temporary values (measured)."""
LORA = 16
"""Bytes a LoRA weight: itself, its gradient and Adam's two means, all in fp32."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a Llama-like model, as its `config.json` names them; `context` in tokens."""

    hidden: int
    layers: int
    query: int
    key: int
    intermediate: int
    vocabulary: int
    tied: bool
    context: int

    @property
    def linear(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of each linear layer that is adapted."""
        return (
            (self.hidden, self.query), (self.hidden, self.key), (self.hidden, self.key),
            (self.query, self.hidden), (self.hidden, self.intermediate),
            (self.hidden, self.intermediate), (self.intermediate, self.hidden),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """The tokens of a step, or of one example of it, and the scored ones among them."""

    tokens: int
    scored: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes at the peak of training, by purpose."""

    base: int
    adapter: int
    activations: int
    logits: int
    buffers: int
    """Of the libraries, and of the largest quantised layer while it is multiplied."""

    @property
    def total(self) -> int:
        """All of it."""
        return sum(asdict(self).values())


def shape(folder: Path) -> Shape:
    """Read a model's sizes.

    Raises ConfigError when `config.json` is not that of a Llama-like model.
    """
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        heads = config["num_attention_heads"]
        size = config.get("head_dim") or config["hidden_size"] // heads
        return Shape(
            hidden=config["hidden_size"],
            layers=config["num_hidden_layers"],
            query=heads * size,
            key=config.get("num_key_value_heads", heads) * size,
            intermediate=config["intermediate_size"],
            vocabulary=config["vocab_size"],
            tied=config.get("tie_word_embeddings", False),
            context=config["max_position_embeddings"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file}: does not tell the sizes of a Llama-like model ({error!r})",
            "the base must be a decoder of attention and gated MLPs in Hugging Face format",
        ) from error


def training(
    of: Shape, rank: int, quantization: str, step: Step, weight: int = 2
) -> dict[bool, Estimate]:
    """Estimate the peak of training a LoRA; `weight` is the bytes of a weight that is not quantised.

    Gives it with gradient checkpointing (True) and without (False).
    """
    linear = of.layers * sum(before * after for before, after in of.linear)
    embedding = (1 if of.tied else 2) * of.vocabulary * of.hidden
    lora = of.layers * rank * sum(before + after for before, after in of.linear)
    layer = 12 * of.hidden + 10 * of.query + 8 * of.intermediate + 14 * rank
    whole = step.tokens * layer + 2 * step.tokens**2
    logits = LOGITS * step.scored * of.vocabulary
    inputs = of.layers * 2 * of.hidden * step.tokens
    largest = max(before * after for before, after in of.linear)

    def peak(activations: int) -> Estimate:
        return Estimate(
            base=int(linear * (NF4 if quantization else weight)) + embedding * weight,
            adapter=LORA * lora,
            activations=activations,
            logits=logits,
            buffers=BUFFERS + (2 * largest if quantization else 0),
        )

    return {True: peak(inputs + max(0, whole - logits)), False: peak(of.layers * whole)}
