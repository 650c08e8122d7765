"""Describes the machine and the libraries of a run, for manifests and provenance."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "transformers", "trl", "peft", "safetensors")


def describe() -> dict[str, object]:
    """Name system, processor, graphics card and the versions of the libraries that train."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "gpu": _gpu(),
        "versions": {"python": platform.python_version(), **versions},
    }


def _processor() -> str:
    """Give the processor's own name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _gpu() -> str:
    import torch

    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else ""
