"""Checks that an adapter's weights are numbers, from the safetensors file itself, without torch.

One NaN is enough to spoil a vLLM server for everybody: it stays in the key-value cache's blocks, and
whoever gets those next answers nothing, whatever adapter they use, until the server is restarted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO  # JSON data has no narrower type before it is read

from pipeline.core.errors import PipelineError
from pipeline.core.escape import plain

NOT_NUMBERS: dict[str, tuple[str, int, int]] = {
    "F64": ("<u8", 0x7FF << 52, 0x7FF << 52), "F32": ("<u4", 0x7F800000, 0x7F800000),
    "F16": ("<u2", 0x7C00, 0x7C00), "BF16": ("<u2", 0x7F80, 0x7F80),
    "C64": ("<u4", 0x7F800000, 0x7F800000),
    "F8_E5M2": ("<u1", 0x7C, 0x7C), "F8_E4M3": ("<u1", 0x7F, 0x7F), "F8_E8M0": ("<u1", 0xFF, 0xFF),
    "F8_E5M2FNUZ": ("<u1", 0xFF, 0x80), "F8_E4M3FNUZ": ("<u1", 0xFF, 0x80),
}  # fmt: skip
"""Integer type of each float format, and which bits (a mask) of NaN and infinity have which value.

The small ones keep a single pattern for NaN and have no infinity, but for F8_E5M2, which has both.
"""
NUMBERS = {"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64",
           "F4", "F6_E2M3", "F6_E3M2"}  # fmt: skip
"""Formats of safetensors in which every pattern of bits is a number."""
HEADER_BYTES = 100_000_000
"""Longest header that safetensors allows."""


def _header(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """Read the header and its length; what it promises lies within the file, so that nothing else is read.

    Raises ValueError, KeyError, TypeError or RecursionError where it does not.
    """
    size = os.fstat(file.fileno()).st_size - 8
    length = int.from_bytes(file.read(8), "little")
    if length > min(size, HEADER_BYTES):
        raise ValueError(length)
    header: dict[str, Any] = json.loads(file.read(length))
    for name, tensor in header.items():
        if name != "__metadata__":
            start, end = tensor["data_offsets"]
            if {type(start), type(end)} != {int} or not 0 <= start <= end <= size - length:
                raise ValueError(name)
    return header, length


def finite(file: Path) -> bool:
    """Whether every float in a safetensors file is a finite number.

    Raises PipelineError when it is no safetensors file, or holds an unknown type of numbers.
    """
    import numpy as np

    try:
        with file.open("rb") as handle:
            header, length = _header(handle)
        for name, tensor in header.items():
            if name == "__metadata__" or tensor["dtype"] in NUMBERS:
                continue
            if tensor["dtype"] not in NOT_NUMBERS:
                raise _unknown(file, name, tensor["dtype"])
            kind, mask, value = NOT_NUMBERS[tensor["dtype"]]
            start, end = tensor["data_offsets"]
            count = (end - start) // np.dtype(kind).itemsize
            bits = np.fromfile(file, kind, count, offset=8 + length + start)
            if len(bits) != count:
                raise ValueError(name)  # noqa: TRY301
            if bool(((bits & np.array(mask, kind)) == value).any()):
                return False
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        raise PipelineError(
            f"{file}: is not a whole safetensors file", "`facts learn --out DIR` writes one"
        ) from error
    return True


def _unknown(file: Path, name: object, kind: object) -> PipelineError:
    return PipelineError(
        f"{file}: {plain(str(name), 100)} is of a type ({plain(str(kind), 40)}) in which NaN cannot be told",
        "save the adapter in bfloat16, float16 or float32",
    )
