"""How a vLLM server is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.models.base_model import Base
from serve.engines import vllm_process

X86 = "processor\t: 0\nflags\t\t: fpu avx avx2 {}\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd {}\n"


@pytest.mark.parametrize(
    ("told", "driver", "dtype"),
    [
        (X86.format("avx512f"), False, "float32"),
        (X86.format("avx512f avx512_bf16"), False, "bfloat16"),
        (X86.format("amx_bf16"), False, "bfloat16"),
        (ARM.format("sve"), False, "float32"),
        (ARM.format("sve bf16"), False, "bfloat16"),
        (X86.format("avx512f"), True, "bfloat16"),
        (None, False, "float32"),
    ],
)
def test_an_engine_computes_in_what_its_machine_multiplies_fastest(
    tmp_path, monkeypatch, told, driver, dtype
):
    processor, card = tmp_path / "cpuinfo", tmp_path / "version"
    if told is not None:
        processor.write_text(told)
    if driver:
        card.touch()
    monkeypatch.setattr(vllm_process, "PROCESSOR", processor)
    monkeypatch.setattr(vllm_process, "DRIVER", card)
    line = vllm_process.command(
        Base("base", Path("/models/base"), ""), 8000, vllm_process.EngineSettings()
    )
    assert line[line.index("--dtype") + 1] == dtype


def test_a_dtype_that_is_named_is_passed_on():
    settings = vllm_process.EngineSettings(dtype="float16")
    line = vllm_process.command(Base("base", Path("/models/base"), ""), 8000, settings)
    assert line[line.index("--dtype") + 1] == "float16"
