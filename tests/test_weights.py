from __future__ import annotations

import json

import pytest

from pipeline.errors import PipelineError
from serve import weights

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I32": 4}


def write(file, dtype, *values):
    """Write a safetensors file of one tensor from the bits of its values."""
    data = b"".join(value.to_bytes(SIZES[dtype], "little") for value in values)
    tensor = {"dtype": dtype, "shape": [len(values)], "data_offsets": [0, len(data)]}
    header = json.dumps({"__metadata__": {"x": "y"}, "t": tensor}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return file


@pytest.mark.parametrize(
    ("dtype", "largest", "infinity"),
    [
        ("F64", 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000), ("F32", 0x7F7FFFFF, 0xFF800000),
        ("F16", 0x7BFF, 0x7C00), ("BF16", 0x7F7F, 0xFF80),
    ],
)  # fmt: skip
def test_every_float_format_tells_its_largest_number_from_infinity_and_nan(
    tmp_path, dtype, largest, infinity
):
    file = tmp_path / "x.safetensors"
    assert weights.finite(write(file, dtype, 0, 1, largest))
    assert not weights.finite(write(file, dtype, 0, infinity))
    assert not weights.finite(write(file, dtype, infinity + 1, 0))


def test_integers_are_numbers_whatever_their_bits(tmp_path):
    assert weights.finite(write(tmp_path / "x.safetensors", "I32", 0x7F800001))


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 20, b"\x02\0\0\0\0\0\0\0[]", b"\x80\x02pickle" * 9]
)
def test_what_is_no_safetensors_file_is_told_so(tmp_path, data):
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    with pytest.raises(PipelineError, match="is not a whole safetensors file"):
        weights.finite(file)


def test_a_file_that_was_cut_off_is_told_so(tmp_path):
    file = write(tmp_path / "x.safetensors", "F32", 1, 2, 3)
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(PipelineError, match="is not a whole safetensors file"):
        weights.finite(file)
