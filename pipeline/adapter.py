"""Hold an adapter folder against what it should be: a LoRA for this base, in a format safe to read.

Checked before anything loads it: PEFT would fall back to a pickle, and drop what it does not know.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any  # JSON data and torch modules have no narrower type here

from pipeline.answer import LocalModel
from pipeline.errors import PipelineError
from pipeline.escape import plain

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
_AGAIN = "train it again with `facts learn`, or name the right folder"
# Settings that may differ from PEFT's defaults; any other would change what the LoRA computes in ways
# that servers do not follow.
_FREE = frozenset({
    "task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision",
    "inference_mode", "r", "target_modules", "exclude_modules", "lora_alpha", "lora_dropout",
    "use_rslora", "init_lora_weights", "layers_to_transform", "layers_pattern", "runtime_config",
})  # fmt: skip


def check(folder: Path, base: str, local: LocalModel) -> None:
    """Refuse an adapter folder that cannot be judged; `base` is the base model's name.

    Raises PipelineError for a folder without a LoRA's configuration and weights, one with unknown or
    unsupported settings, a pickle, a damaged file, weights that are no numbers, or another base.
    """
    config = _config(folder)
    if config.get("base_model_name_or_path") != base:
        other = plain(str(config.get("base_model_name_or_path")), 100)
        raise PipelineError(f"{folder}: was made for the base {other}, not for {base}", _AGAIN)
    _settings(folder, config)
    pickles = [
        p.name for p in sorted(folder.iterdir()) if p.suffix in {".bin", ".pt", ".pth", ".pkl"}
    ]
    if pickles:
        raise PipelineError(
            f"{folder / pickles[0]}: is a pickle, which may run anything when it is read",
            f"an adapter's weights are in {WEIGHTS}",
        )
    _weights(folder / WEIGHTS, config["r"], local)


def _config(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(f"{file}: cannot be read: {error}", _AGAIN) from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise PipelineError(f"{file}: is not the configuration of a LoRA", _AGAIN)
    return config


def _settings(folder: Path, config: dict[str, Any]) -> None:
    from peft import LoraConfig

    usual = vars(LoraConfig())
    known = {field.name for field in fields(LoraConfig)}
    for key, value in config.items():
        shown = plain(key, 60)
        if key not in known:
            raise PipelineError(f"{folder / CONFIG}: unknown key {shown!r}", _AGAIN)
        if key not in _FREE and value and value != usual[key]:
            raise PipelineError(
                f"{folder / CONFIG}: {shown} is {plain(json.dumps(value), 60)}, which servers do "
                "not support",
                "train a plain LoRA",
            )
    if type(config.get("r")) is not int or config["r"] < 1:
        raise PipelineError(f"{folder / CONFIG}: has no rank `r`", _AGAIN)


def _weights(file: Path, rank: int, local: LocalModel) -> None:
    """Hold every tensor against the layer of the model that it is for."""
    from safetensors import SafetensorError, safe_open

    layers = {
        name: module for name, module in local.model.named_modules() if hasattr(module, "weight")
    }
    try:
        with safe_open(file, framework="pt") as tensors:
            names = list(tensors.keys())
            for name in names:
                _tensor(file, name, tensors.get_tensor(name), rank, layers)
    except (OSError, SafetensorError) as error:
        raise PipelineError(f"{file}: is missing or damaged: {error}", _AGAIN) from error
    if not names:
        raise PipelineError(f"{file}: holds no weights", _AGAIN)


def _tensor(file: Path, name: str, tensor: Any, rank: int, layers: dict[str, Any]) -> None:
    layer, _, part = name.removeprefix("base_model.model.").rpartition(".lora_")
    module = layers.get(layer)
    if module is None or part not in {"A.weight", "B.weight"}:
        raise PipelineError(f"{file}: {plain(name, 120)} is for no layer of the base", _AGAIN)
    out, into = module.weight.shape
    wanted = (rank, into) if part == "A.weight" else (out, rank)
    if tuple(tensor.shape) != wanted:
        raise PipelineError(
            f"{file}: {plain(name, 120)} has the shape {tuple(tensor.shape)} where the base needs "
            f"{wanted}",
            _AGAIN,
        )
    if not tensor.isfinite().all():
        raise PipelineError(f"{file}: {plain(name, 120)} holds values that are no numbers", _AGAIN)
