"""Describes the machine and the libraries of a run, for manifests and provenance."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "transformers", "trl", "peft", "safetensors")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and the versions of its libraries by name; "" is what is not known, or not there."""

    system: str = ""
    processor: str = ""
    gpu: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def describe() -> Machine:
    """Name system, processor, graphics card and the versions of the libraries that train."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    system = f"{platform.system()} {platform.machine()}"
    return Machine(system, _processor(), _gpu(), {"python": platform.python_version(), **versions})


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
