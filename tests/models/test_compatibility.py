from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import ConfigError, PipelineError
from pipeline.models import compatibility

CASES = Path(__file__).parents[1] / "cases" / "adapters"
BAD = sorted((CASES / "bad").glob("*.json"))
NAMES = ("ours/tiny", "Tiny")


def bf16(numbers):
    """Cut float32 to its upper half, which is what bf16 is."""
    return (np.asarray(numbers, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def save(tensors, path, dtype):
    """Write a safetensors file, byte by byte: numpy itself has no bf16."""
    code, convert = {
        "float32": ("F32", np.float32),
        "float16": ("F16", np.float16),
        "int32": ("I32", np.int32),
        "bfloat16": ("BF16", bf16),
    }[dtype]
    head, data = {}, b""
    for name, numbers in tensors.items():
        raw = convert(numbers).tobytes()
        offsets = [len(data), len(data) + len(raw)]
        head[name] = {"dtype": code, "shape": list(numbers.shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def filling(case, name):
    """Give the number that a case fills a tensor with."""
    return next((float(n) for part, n in case.get("fill", {}).items() if part in name), 0.25)


def broken(case, folder, write_adapter, good):
    """Write the good adapter with what a case changes in it."""
    tensors = {
        name: np.full(numbers.shape, filling(case, name), np.float32)
        for name, numbers in good.items()
        if not any(part in name for part in case.get("remove_tensors", []))
    }
    for old, new in case.get("rename", {}).items():
        tensors = {name.replace(old, new): numbers for name, numbers in tensors.items()}
    write_adapter(folder, case.get("config"), {})
    save(tensors, folder / "adapter_model.safetensors", case.get("dtype", "float32"))
    for name, text in case.get("files", {}).items():
        (folder / name).write_text(text)
    for name in case.get("remove", []):
        (folder / name).unlink()
    return folder


@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
def test_what_a_stock_vllm_could_not_use_is_named(
    path, tmp_path, tiny_base, write_adapter, good_weights
):
    case = json.loads(path.read_text())
    folder = broken(case, tmp_path / "adapter", write_adapter, good_weights)
    problems = compatibility.compatibility_problems(folder, tiny_base, NAMES)
    assert sorted(problem.rule for problem in problems) == sorted(case["rules"])
    assert case["message"] in " / ".join(problem.message for problem in problems)
    assert all(problem.hint for problem in problems)


def test_every_rule_has_a_case_that_breaks_it():
    rules = {rule for path in BAD for rule in json.loads(path.read_text())["rules"]}
    assert rules == {
        "base-name", "bias", "config", "empty", "finite", "initialisation", "lora", "missing-file",
        "module", "pair", "rank", "safetensors-only", "shape", "target", "tensor-name", "tokenizer",
        "unsupported", "weights", "zero",
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", NAMES)
def test_a_good_adapter_has_no_problem(
    dtype, name, tmp_path, tiny_base, write_adapter, good_weights
):
    folder = write_adapter(tmp_path / "adapter", {"base_model_name_or_path": name})
    save(good_weights, folder / "adapter_model.safetensors", dtype)
    for own in ("tokenizer.json", "chat_template.jinja"):
        (folder / own).write_bytes((tiny_base.folder / own).read_bytes())
    assert compatibility.compatibility_problems(folder, tiny_base, NAMES) == ()


def test_a_missing_folder_is_wrong_usage(tmp_path, tiny_base):
    with pytest.raises(ConfigError, match="is no folder"):
        compatibility.compatibility_problems(tmp_path / "none", tiny_base, NAMES)


@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
def test_only_what_can_be_judged_is_let_through_to_the_gate(
    path, tmp_path, tiny_base, write_adapter, good_weights
):
    case = json.loads(path.read_text())
    folder = broken(case, tmp_path / "adapter", write_adapter, good_weights)
    if set(case["rules"]) <= compatibility.JUDGED:
        compatibility.require_compatible(folder, tiny_base, NAMES)
    else:
        with pytest.raises(PipelineError):
            compatibility.require_compatible(folder, tiny_base, NAMES)


@pytest.mark.parametrize("kept", [0, 4, 200, -1])
def test_weights_cut_off_anywhere_are_refused(
    kept, tmp_path, tiny_base, write_adapter, good_weights
):
    folder = write_adapter(tmp_path / "adapter", {})
    save(good_weights, folder / compatibility.WEIGHTS, "float32")
    data = (folder / compatibility.WEIGHTS).read_bytes()
    (folder / compatibility.WEIGHTS).write_bytes(data[:kept])
    with pytest.raises(PipelineError, match="cannot be read"):
        compatibility.require_compatible(folder, tiny_base, NAMES)


def test_a_pickle_is_refused_unread_even_without_other_weights(tmp_path, tiny_base, write_adapter):
    folder = write_adapter(tmp_path / "adapter", {})
    (folder / compatibility.WEIGHTS).unlink(missing_ok=True)
    (folder / "adapter_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(PipelineError, match="runs code when it is loaded"):
        compatibility.require_compatible(folder, tiny_base, NAMES)


def test_a_key_cannot_act_in_the_message(tmp_path, tiny_base, write_adapter):
    folder = write_adapter(tmp_path / "adapter", {"bad\x1b[31m": 1})
    with pytest.raises(PipelineError) as caught:
        compatibility.require_compatible(folder, tiny_base, NAMES)
    assert "\x1b" not in caught.value.message
