"""Finds the device, GPU or CPU, with its fastest number type and its memory."""

from __future__ import annotations

import gc
import os
import re
from pathlib import Path
from typing import Any  # torch is untyped here

from pipeline.core.errors import ConfigError

DRIVERS = {12: 525, 13: 580}
"""Oldest NVIDIA driver that runs programs built for a major version of CUDA (its release notes, table 2)."""
DRIVER = Path("/proc/driver/nvidia/version")
"""Where a running NVIDIA driver tells its version."""


def name() -> str:
    """Name this process's torch device: its own GPU where `accelerate launch` started several."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"


def fast_dtype() -> Any:
    """Choose bf16 where it is multiplied natively, fp32 elsewhere (there bf16 is slower)."""
    import torch

    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def give_back() -> None:
    """Free GPU memory that this process caches and no longer uses."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def memory(wanted: str = "") -> int:
    """Return the bytes that this process can have: the GPU's free memory, else the machine's whole memory.

    0 where a GPU is wanted ("cuda") and there is none.
    """
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info(name())[0])
    if wanted:
        return 0
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def require_device(wanted: str, base: str) -> None:
    """Raise ConfigError where a base needs a GPU ("cuda"; "" means any device) and there is none.

    The error names the missing part: torch with CUDA, a driver, or the GPU.
    """
    import torch

    if wanted not in {"", "cuda"}:
        raise ConfigError(f"[base] device: {wanted!r} is not known", 'use "cuda", or "" for any')
    if wanted and not torch.cuda.is_available():
        why, hint = _missing(torch.version.cuda or "")
        raise ConfigError(f"{base} is for an NVIDIA card, and {why}", hint)


def _missing(cuda: str) -> tuple[str, str]:
    """Explain why torch, built for a version of CUDA ("" for none), sees no GPU, with a hint."""
    if not cuda:
        return (
            "the torch that is installed here is built without CUDA",
            "`make gpu-env` makes an environment that has it; or use another recipe",
        )
    try:
        text = DRIVER.read_text(encoding="utf-8")
    except OSError:
        return (
            "no NVIDIA driver is running here",
            "install it; a container needs to be given the card (docker run --gpus all)",
        )
    needed = DRIVERS.get(int(cuda.partition(".")[0]), max(DRIVERS.values()))
    version = re.search(r"\b(\d{3,})\.\d+", text)
    if version and int(version[1]) < needed:
        return (
            f"the driver here, {version[0]}, is too old for CUDA {cuda}",
            f"install driver {needed} or newer",
        )
    return (
        "CUDA finds none, though its driver is running",
        "see what `nvidia-smi` says, and whether CUDA_VISIBLE_DEVICES hides the card",
    )
