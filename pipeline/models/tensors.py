"""Reads tensors of safetensors files as bytes, and checks their bits.

Needs no training library, so that any machine can inspect an adapter.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any  # numpy and safetensors have no narrower type for raw tensors

from pipeline.core.errors import PipelineError

BITS = {"F32": ("<u4", 0x7F800000), "F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80)}
"""Number types that adapters have → the numpy type of the same width, and the bits of the exponent."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; `data` are its bytes, little endian."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def known(self) -> bool:
        """Return whether its number type is one of `BITS`; `finite` and `zero` need that."""
        return self.dtype in BITS

    @property
    def finite(self) -> bool:
        """Return whether no number is NaN or infinite: those have all bits of the exponent set."""
        return bool((self._bits() < BITS[self.dtype][1]).all())

    @property
    def zero(self) -> bool:
        """Return whether all numbers are zero, of either sign."""
        return not self._bits().any()

    def _bits(self) -> Any:
        """Give the numbers as bits without their signs."""
        import numpy as np

        kind, _ = BITS[self.dtype]
        raw = np.frombuffer(self.data, dtype=kind)
        return raw & np.array(0x7FFFFFFF if kind == "<u4" else 0x7FFF, dtype=kind)


def read_tensors(path: Path) -> list[Tensor]:
    """Read all tensors of a file, ordered by name.

    Raises OSError when it cannot be read, PipelineError when it is no safetensors file.
    """
    from safetensors import SafetensorError, deserialize

    data = path.read_bytes()
    try:
        rows: list[tuple[str, Any]] = deserialize(data)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise PipelineError(str(error)) from error
    tensors = [Tensor(n, row["dtype"], tuple(row["shape"]), row["data"]) for n, row in rows]
    return sorted(tensors, key=lambda tensor: tensor.name)


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Read the shape of every tensor in a folder, by its name, from the files' headers alone."""
    from safetensors import safe_open

    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            found |= {name: tuple(file.get_slice(name).get_shape()) for name in names}
    return found
