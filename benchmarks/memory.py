"""Compare the estimate of training's memory with the measured peak on this machine, for several steps.

    python benchmarks/memory.py            all cases, each in a process of its own; a table

On a CPU the peak is the growth of the process's anonymous memory and of the base's pages; allocations above
64 KiB are returned at once, so that freed memory does not count.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.models.local_model import LocalModel
    from pipeline.training.memory import Step

CASES = (
    ("", 4, 60, 24),
    ("", 10, 60, 8),
    ("", 10, 120, 8),
    ("nf4", 10, 60, 8),
    ("nf4", 10, 120, 24),
)
"""Quantisation, chats of a step, tokens of a prompt and of an answer."""


def held(key: str) -> int:
    """Read a number of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) << 10


def measure(quantization: str, chats: int, prompt: int, answer: int) -> dict:
    """Train three steps on random tokens; give estimate and measured peak in bytes."""
    import peft.helpers  # noqa: F401 - loaded before memory is counted
    import torch

    from pipeline.core import config
    from pipeline.models import backends, base_model
    from pipeline.models.local_model import LocalModel
    from pipeline.training import memory

    found = base_model.find_base(config.load_recipe("smollm2-135m").base)
    some = torch.randn(600, 600, dtype=torch.bfloat16)
    some @ some  # starts the libraries' threads before memory is counted
    tokenizer = base_model.load_tokenizer(found)
    before, files = held("VmRSS"), held("RssFile")
    model, _ = base_model.load_base(found, quantization)
    gc.collect()
    # A quantised base was read from the file, whose pages stay until somebody needs the room.
    read = held("RssFile") - files if quantization else 0
    recompute = bool(quantization)
    model = backends.adapt(model, "transformers", 16, 32, recompute=recompute)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    shape = three_steps(LocalModel(model, tokenizer, adapted=True), chats, prompt, answer)
    told = memory.training(memory.shape(found.folder), 16, quantization, shape)[recompute]
    peak = held("VmHWM") - before - read
    return {"tokens": shape.tokens, "estimate": told.total, "measured": peak, "parts": asdict(told)}


def three_steps(local: LocalModel, chats: int, prompt: int, answer: int) -> Step:
    """Train an adapted model on random tokens; give the shape of a step."""
    import torch
    from peft.helpers import disable_input_dtype_casting

    from pipeline.models.packing import Chat
    from pipeline.training import memory
    from pipeline.training.loss import Target, loss, tokens

    random = torch.Generator().manual_seed(0)

    def some_tokens(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(10, 40_000, (count,), generator=random).tolist())

    step = [Target(Chat(some_tokens(prompt), some_tokens(answer)), None) for _ in range(chats)]
    model = local.model.train()
    trained = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    with disable_input_dtype_casting(model):
        for _ in range(3):
            batch = local.batch([target.chat for target in step])
            with torch.autocast(model.device.type, torch.bfloat16):
                found_loss = loss(batch.logits(model), batch, step, 2.0, tokens(step))
            found_loss.backward()
            trained.step()
            trained.zero_grad()
    return memory.Step(batch.inputs["input_ids"].numel(), len(batch.labels))


def apart(case: tuple[str, int, int, int]) -> dict:
    """Measure one case in a new process."""
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, __file__, "--case", json.dumps(case)]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)  # noqa: S603
    return json.loads(done.stdout)


def main() -> None:
    """Measure all cases, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", help=argparse.SUPPRESS)
    case = parser.parse_args().case
    if case:
        print(json.dumps(measure(*json.loads(case))))
        return
    for each in CASES:
        found = apart(each)
        ratio = found["estimate"] / found["measured"]
        print(
            f"{each[0] or '16 bits':<8} {found['tokens']:>5} tokens  "
            f"estimate {found['estimate'] >> 20:>5} MiB  "
            f"measured {found['measured'] >> 20:>5} MiB  ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
