"""Are an adapter's weights numbers? Read from the safetensors file itself; neither torch nor vLLM is needed.

One NaN is enough to spoil a vLLM server for everybody: it stays in the key-value cache's blocks, and
whoever gets those next answers nothing, whatever adapter they use, until the server is restarted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO  # JSON data has no narrower type before it is read

from pipeline.errors import PipelineError

EXPONENTS = {"F64": ("<u8", 0x7FF << 52), "F32": ("<u4", 0x7F800000), "F16": ("<u2", 0x7C00),
             "BF16": ("<u2", 0x7F80)}  # fmt: skip
"""Integer type of each float format, and its exponent's bits: all of them are set in NaN and infinity."""
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

    Raises PipelineError when it is no safetensors file.
    """
    import numpy as np

    try:
        with file.open("rb") as handle:
            header, length = _header(handle)
        for name, tensor in header.items():
            if name == "__metadata__" or tensor["dtype"] not in EXPONENTS:
                continue
            kind, exponent = EXPONENTS[tensor["dtype"]]
            start, end = tensor["data_offsets"]
            count = (end - start) // np.dtype(kind).itemsize
            bits = np.fromfile(file, kind, count, offset=8 + length + start)
            if len(bits) != count:
                raise ValueError(name)  # noqa: TRY301
            if bool(((bits & np.array(exponent, kind)) == exponent).any()):
                return False
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        raise PipelineError(
            f"{file}: is not a whole safetensors file", "`facts learn --out DIR` writes one"
        ) from error
    return True
