"""Measure on an NVIDIA card what the recipe for 8 billion parameters takes, against TRL as it comes.

    python benchmarks/gpu.py make BASE         a base of Llama-3.1-8B's sizes whose weights are random
    python benchmarks/gpu.py recipe BASE       our training on the shipped facts: speed, memory, its estimate
    python benchmarks/gpu.py stock BASE        plain TRL and PEFT on the same facts and the same base
    python benchmarks/gpu.py profile BASE      where the time of a step of our training goes, by operation

A random base takes the time and memory of the real one, and what it learns says nothing. Where Unsloth
is installed the recipe trains with it, unless `--without-unsloth` hides it. Each prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from memory import three_steps

from pipeline.training import fit

if TYPE_CHECKING:
    from pipeline.models.context import RunContext

STEPS = 30
"""Enough to see what a step takes; the recipe has 300 for as few facts."""
SHORT = (9, 40, 12)
"""A step of the usual size: chats, tokens of a prompt and of an answer."""
LONG = (9, 488, 24)
"""A step of long examples: chats, tokens of a prompt and of an answer, 512 together."""
LLAMA = {
    "vocab_size": 128_256,
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131_072,
    "rope_theta": 500_000.0,
}
"""Llama-3.1-8B's `config.json`."""
SMALL = {**LLAMA, "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2}
"""The same, tiny: for a try without a card."""


def make(folder: Path, sizes: dict) -> dict:
    """Write a base with random weights and the small base's tokenizer and chat template."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from pipeline.core import config
    from pipeline.models import base_model, device

    tokenizer = base_model.load_tokenizer(
        base_model.find_base(config.load_recipe("smollm2-135m").base)
    )
    started = time.monotonic()
    torch.manual_seed(0)
    shape = LlamaConfig(**sizes, tie_word_embeddings=False, dtype="bfloat16")
    shape.bos_token_id = shape.eos_token_id = tokenizer.eos_token_id
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device.name()):
        model = LlamaForCausalLM(shape)
    model.save_pretrained(folder, max_shard_size="2GB")
    tokenizer.save_pretrained(folder)
    parameters = sum(weight.numel() for weight in model.parameters())
    return {"parameters": parameters, "seconds": time.monotonic() - started}


def recipe(folder: Path, facts: Path, quantization: str) -> dict:
    """Train `STEPS` steps as `facts learn --recipe llama-3.1-8b` does."""
    from pipeline import learn
    from pipeline.models import device
    from pipeline.training import forecast, memory, target_cache, train

    with tempfile.TemporaryDirectory() as scratch:
        context = _session(folder, Path(scratch), quantization)
        made = learn.build(facts, context)
        method = train.TrainPlan(context.recipe, 0, Path(scratch) / "checkpoints")
        told = forecast.forecast(context.base, made, context.recipe, method.steps(made.examples))
        method = replace(method, recompute=told.recompute)
        started = time.monotonic()
        bare = context.trainee()
        loaded = time.monotonic()
        own = [example for example in made.examples if not example.completion]
        begun = target_cache.beginnings(context.base, bare, own, context.recipe.train)
        asked = time.monotonic()
        _forget_peak()
        adapted, done = train.train(bare, made, begun, fit.following(context), method)
        taught = time.monotonic()
        took = {**asdict(done), **_peak()}
        for weights in adapted.model.parameters():
            if weights.requires_grad:  # as it is while it is trained, not as it is shipped
                weights.data = weights.data.float()
        device.give_back()
        _forget_peak()
        long = three_steps(adapted, *LONG)
        shape = memory.shape(folder)
        of_base = (shape, context.recipe.train.rank, quantization)
        told_long = memory.training(*of_base, long)[told.recompute]
        return {
            "backend": bare.backend,
            "quantization": quantization,
            "recompute": told.recompute,
            "load_s": loaded - started,
            "asked": len(own),
            "asked_s": asked - loaded,
            "read_s": taught - asked - done.seconds,
            "longest": asdict(told.longest),
            "estimate": told.peak.total,
            **took,
            "long": {"tokens": long.tokens, "estimate": told_long.total, **_peak()},
        }


def stock(folder: Path, facts: Path, quantization: str) -> dict:
    """Teach the facts with TRL's own loop, by transformers and PEFT."""
    from benchmarks import plain_trl as plain
    from pipeline import learn

    with tempfile.TemporaryDirectory() as scratch:
        context = _session(folder, Path(scratch), quantization)
        made = learn.build(facts, context)
        bare = context.trainee()
        _forget_peak()
        _, done = plain.train(bare, made.facts, 0)
        return {
            "backend": "plain TRL",
            "quantization": quantization,
            **asdict(done),
            **_peak(),
        }


def profile(folder: Path, _facts: Path, quantization: str) -> dict:
    """Say which operations take a step's time, on the card and on the processor that feeds it."""
    import torch
    from torch.profiler import ProfilerActivity

    from pipeline.models import backends

    with tempfile.TemporaryDirectory() as scratch:
        context = _session(folder, Path(scratch), quantization)
        bare = context.trainee()
        train = context.recipe.train
        model = backends.adapt(bare.model, bare.backend, train.rank, train.alpha, recompute=False)
        for weights in model.parameters():
            if weights.requires_grad:
                weights.data = weights.data.float()
        adapted = replace(bare, model=model, adapted=True)
        three_steps(adapted, *SHORT)
        started = time.monotonic()
        three_steps(adapted, *SHORT)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds = (time.monotonic() - started) / 3
        kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()
        with torch.profiler.profile(activities=kinds) as seen:
            three_steps(adapted, *SHORT)
        table = seen.key_averages().table(
            sort_by="self_cuda_time_total", row_limit=40, max_name_column_width=60
        )
        print(table, file=sys.stderr)
        table = seen.key_averages().table(
            sort_by="self_cpu_time_total", row_limit=30, max_name_column_width=60
        )
        print(table, file=sys.stderr)
        return {"backend": bare.backend, "quantization": quantization, "step_seconds": seconds}


def _session(folder: Path, out: Path, quantization: str) -> RunContext:
    from pipeline.core import config
    from pipeline.models import device
    from pipeline.models.context import RunContext

    found = config.load_recipe("llama-3.1-8b")
    card = "cuda" if device.name() != "cpu" else ""
    few = replace(found.train, exposures=1, few_exposures=STEPS, least_steps=STEPS)
    return RunContext(
        replace(
            found,
            base=replace(
                found.base,
                name="random",
                folder=str(folder),
                device=card,
                quantization=quantization,
            ),
            dataset=replace(found.dataset, paraphrases=0),
            train=few,
        ),
        out,
        0,
    )


def _forget_peak() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak() -> dict:
    """Give the bytes that torch gave out at most since it was told to forget, and what it held for that."""
    import torch

    if not torch.cuda.is_available():
        return {}
    return {
        "allocated": torch.cuda.max_memory_allocated(),
        "reserved": torch.cuda.max_memory_reserved(),
    }


def main() -> None:
    """Do what is asked and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "recipe", "stock", "profile"])
    parser.add_argument("base", type=Path, help="folder of the random base")
    parser.add_argument("--facts", type=Path, default=Path("facts"), help="default: facts")
    parser.add_argument("--small", action="store_true", help="make a tiny one, for a try")
    parser.add_argument("--without-unsloth", action="store_true", help="train by transformers")
    parser.add_argument("--in-16-bits", action="store_true", help="do not quantise the base")
    asked = parser.parse_args()
    if asked.without_unsloth or asked.what in {"make", "stock"}:
        sys.modules["unsloth"] = None  # as if it were not installed
    if asked.what == "make":
        found = make(asked.base, SMALL if asked.small else LLAMA)
    else:
        does = {"recipe": recipe, "stock": stock, "profile": profile}[asked.what]
        found = does(asked.base, asked.facts, "" if asked.in_16_bits else "nf4")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
