"""Reads tensors of safetensors files as bytes, and checks their bits.

Needs no training library, so that any machine can inspect an adapter.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any  # numpy and safetensors have no narrower type for raw tensors

from pipeline.core.errors import PipelineError
from pipeline.core.escape import plain

UNSIGNED = {"F32": ("<u4", 0x7FFFFFFF), "F16": ("<u2", 0x7FFF), "BF16": ("<u2", 0x7FFF)}
"""The number types of adapters: their integer type, and all bits but the sign."""
NOT_NUMBERS: dict[str, tuple[str, int, int]] = {
    "F64": ("<u8", 0x7FF << 52, 0x7FF << 52), "F32": ("<u4", 0x7F800000, 0x7F800000),
    "F16": ("<u2", 0x7C00, 0x7C00), "BF16": ("<u2", 0x7F80, 0x7F80),
    "C64": ("<u4", 0x7F800000, 0x7F800000),
    "F8_E5M2": ("<u1", 0x7C, 0x7C), "F8_E4M3": ("<u1", 0x7F, 0x7F), "F8_E8M0": ("<u1", 0xFF, 0xFF),
    "F8_E5M2FNUZ": ("<u1", 0xFF, 0x80), "F8_E4M3FNUZ": ("<u1", 0xFF, 0x80),
}  # fmt: skip
"""Integer type of each float format, and which bits (a mask) of NaN and infinity have which value.

The small ones keep a single pattern for NaN and have no infinity, but for F8_E5M2, which has both. In all
other formats of safetensors every pattern of bits is a number.
"""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; `data` are its bytes, little endian."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def known(self) -> bool:
        """Return whether its numbers are of a type that adapters have."""
        return self.dtype in UNSIGNED

    @property
    def finite(self) -> bool:
        """Return whether every number is one, and neither NaN nor infinity."""
        if self.dtype not in NOT_NUMBERS:
            return True
        kind, mask, value = NOT_NUMBERS[self.dtype]
        return not bool((self._bits(kind, mask) == value).any())

    @property
    def zero(self) -> bool:
        """Return whether all numbers, of a known type, are zero, of either sign."""
        return not self._bits(*UNSIGNED[self.dtype]).any()

    def _bits(self, kind: str, mask: int) -> Any:
        import numpy as np

        return np.frombuffer(self.data, dtype=kind) & np.array(mask, dtype=kind)


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


def all_finite(path: Path) -> bool:
    """Return whether every number of a file is one; of an adapter's, NaN spoils a server for everybody.

    It stays in the key-value cache's blocks of vLLM, and whoever gets those next answers nothing, whatever
    adapter they use, until the server is restarted. Raises PipelineError when it is no safetensors file.
    """
    try:
        return all(tensor.finite for tensor in read_tensors(path))
    except (OSError, PipelineError) as error:
        said = plain(str(error), 200)
        raise PipelineError(
            f"{path}: is not a whole safetensors file: {said}", "`facts learn --out DIR` writes one"
        ) from error


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Read the shape of every tensor in a folder, by its name, from the files' headers alone."""
    from safetensors import safe_open

    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            found |= {name: tuple(file.get_slice(name).get_shape()) for name in names}
    return found
