from __future__ import annotations

import json

import pytest

from pipeline.core.errors import PipelineError
from pipeline.models import tensors

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I32": 4, "C64": 4}
PACKED = {"F4": 2, "F6_E2M3": 4 / 3, "F6_E3M2": 4 / 3, "C64": 0.5}
"""Numbers to each of the values that are written."""
SMALL = {
    "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "F8_E8M0": "float8_e8m0fnu",
    "F8_E5M2FNUZ": "float8_e5m2fnuz", "F8_E4M3FNUZ": "float8_e4m3fnuz",
}  # fmt: skip
"""Float formats of one byte, and what torch calls them."""


def write(file, dtype, *values):
    """Write a safetensors file of one tensor from the bits of its values."""
    values += (0,) * (dtype == "C64" and len(values) % 2)
    count = int(len(values) * PACKED.get(dtype, 1))
    data = b"".join(value.to_bytes(SIZES.get(dtype, 1), "little") for value in values)
    tensor = {
        "dtype": dtype,
        "shape": [count],
        "data_offsets": [0, len(data)],
    }
    header = json.dumps({"__metadata__": {"x": "y"}, "t": tensor}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return file


@pytest.mark.parametrize(
    ("dtype", "largest", "infinity"),
    [
        ("F64", 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000), ("F32", 0x7F7FFFFF, 0xFF800000),
        ("C64", 0x7F7FFFFF, 0xFF800000), ("F16", 0x7BFF, 0x7C00), ("BF16", 0x7F7F, 0xFF80),
    ],
)  # fmt: skip
def test_every_float_format_tells_its_largest_number_from_infinity_and_nan(
    tmp_path, dtype, largest, infinity
):
    file = tmp_path / "x.safetensors"
    assert tensors.all_finite(write(file, dtype, 0, 1, largest))
    assert not tensors.all_finite(write(file, dtype, 0, infinity))
    assert not tensors.all_finite(write(file, dtype, infinity + 1, 0))


@pytest.mark.parametrize("dtype", SMALL)
def test_every_byte_of_the_small_formats_is_a_number_exactly_where_torch_says_so(tmp_path, dtype):
    import torch

    every = torch.arange(256, dtype=torch.uint8).view(getattr(torch, SMALL[dtype])).float()
    for byte, number in enumerate(torch.isfinite(every).tolist()):
        assert tensors.all_finite(write(tmp_path / "x", dtype, 1, byte)) is number, hex(byte)


@pytest.mark.parametrize("dtype", ["F4", "F6_E2M3", "F6_E3M2", "BOOL", "U8"])
def test_formats_without_nan_hold_numbers_only(tmp_path, dtype):
    assert tensors.all_finite(write(tmp_path / "x", dtype, *range(256), 0, 0))


@pytest.mark.parametrize("dtype", ["F8_E9M9", "", "Q4_K"])
def test_numbers_of_an_unknown_type_are_refused(tmp_path, dtype):
    with pytest.raises(PipelineError, match=r"is not a whole safetensors file: .*unknown variant"):
        tensors.all_finite(write(tmp_path / "x", dtype, 1))


def test_integers_are_numbers_whatever_their_bits(tmp_path):
    assert tensors.all_finite(write(tmp_path / "x.safetensors", "I32", 0x7F800001))


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 20, b"\x02\0\0\0\0\0\0\0[]", b"\x80\x02pickle" * 9]
)
def test_what_is_no_safetensors_file_is_told_so(tmp_path, data):
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    with pytest.raises(PipelineError, match="is not a whole safetensors file"):
        tensors.all_finite(file)


def test_a_file_that_was_cut_off_is_told_so(tmp_path):
    file = write(tmp_path / "x.safetensors", "F32", 1, 2, 3)
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(PipelineError, match="is not a whole safetensors file"):
        tensors.all_finite(file)
