"""Loads a base model and adds a LoRA to it, by transformers and PEFT or by Unsloth.

Unsloth needs an NVIDIA GPU, and its attention takes no custom mask, so its models get padded rows.
Everything else is the same for both.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Literal  # torch, transformers and peft objects; they are untyped here

from pipeline.core.errors import ConfigError
from pipeline.models import device

Backend = Literal["transformers", "unsloth"]

MAX_CONTEXT = 2048
"""Tokens for which Unsloth prepares its rotary embedding; a question and its answer have about 100."""


def choose(quantization: str) -> Backend:
    """Choose the backend for training: Unsloth where it can run.

    Raises ConfigError for an unknown quantisation, or when its library is missing.
    """
    import torch

    if quantization not in {"", "nf4"}:
        raise ConfigError(
            f"[base] quantization: {quantization!r} is not known", 'use "nf4", or "" for none'
        )
    if quantization and importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigError(
            "a quantised base needs bitsandbytes, which is not installed",
            "on a GPU `make gpu-env` brings it; by hand: pip install bitsandbytes",
        )
    able = torch.cuda.is_available() and importlib.util.find_spec("unsloth") is not None
    return "unsloth" if able else "transformers"


def load_model(folder: Path, backend: Backend, quantization: str) -> Any:
    """Load a model in the dtype that this machine computes fastest, its linear layers quantised if asked.

    nf4 is QLoRA's: 4 bits a weight, the scales of blocks of 64 quantised once more.
    """
    if backend == "unsloth":
        return _unsloth().from_pretrained(
            model_name=str(folder),
            max_seq_length=MAX_CONTEXT,
            dtype=device.fast_dtype(),
            load_in_4bit=bool(quantization),
            use_gradient_checkpointing=False,  # `adapt` sets it; here it would already pin memory
            device_map={"": device.name()},
        )[0]
    import transformers

    options: dict[str, Any] = {}
    if quantization:
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantization,
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=device.fast_dtype(),
        )
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=device.fast_dtype(), device_map={"": device.name()}, **options
    )
    for module in model.modules():
        # Else bitsandbytes repacks weights for the CPU at the first forward pass, and its product then
        # gives no gradient: training would silently go wrong.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def adapt(model: Any, backend: Backend, rank: int, alpha: int, *, recompute: bool) -> Any:
    """Put a new trainable LoRA on every linear layer of the model but its output head.

    `recompute` switches gradient checkpointing on: less memory, more time.
    """
    if backend == "unsloth":
        return _unsloth().get_peft_model(
            model,
            r=rank,
            lora_alpha=alpha,
            target_modules=linear_names(model),
            use_gradient_checkpointing=recompute,
        )
    from peft import get_peft_model

    adapted = get_peft_model(model, lora(model, rank, alpha))
    if recompute:
        recomputing(adapted)
    return adapted


def recomputing(model: Any) -> None:
    """Switch gradient checkpointing on: of a layer only its input is kept for the backward pass."""
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def lora(model: Any, rank: int, alpha: int) -> Any:
    """Configure a LoRA on every linear layer of the model but its output head."""
    from peft import LoraConfig

    return LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=linear_names(model), task_type="CAUSAL_LM"
    )


def linear_names(model: Any) -> list[str]:
    """Name every kind of linear layer in the model but its output head.

    Spelt out so that `adapter_config.json` names seven kinds of layer, as servers expect.
    """
    import torch

    head = model.get_output_embeddings()
    return sorted(
        {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and module is not head
        }
    )


def _unsloth() -> Any:
    from unsloth import FastLanguageModel

    return FastLanguageModel
