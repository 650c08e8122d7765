"""Forged adapters: whatever the two files of one say, the answer is a verdict in words, never a crash."""

from __future__ import annotations

import json
import os
import random
import tracemalloc
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.mutations import ODD, drawn, edited, edits, outcome, replaced, variants, wrong

from pipeline.core import problems
from pipeline.core.errors import PipelineError
from pipeline.models import compatibility, tensors

NAMES = ("ours/tiny", "Tiny")
TOKENS = (
    b"F32", b"F64", b"BF16", b"F8_E4M3", b"I64", b"BOOL", b'"', b"{", b"}", b"[", b"]", b",", b":",
    b"-1", b"1e999",
    b"NaN", b"9" * 20, b"[0,0]", b"[16,0]", b"\0", b"\xff", b"__metadata__", b"lora_A", b"\x1b[31m",
    b"[" * 3000,
)  # fmt: skip


class Forge:
    """A good adapter of the tiny base in parts, to be put together wrong."""

    def __init__(self, folder, base):
        self.folder, self.base = folder, base
        self.config = json.loads((folder / compatibility.CONFIG).read_text())
        self.raw = (folder / compatibility.WEIGHTS).read_bytes()
        length = int.from_bytes(self.raw[:8], "little")
        self.head, self.data = json.loads(self.raw[8 : 8 + length]), self.raw[8 + length :]

    def whole(self, head):
        """Give a file of weights with another head, which is JSON as bytes."""
        return len(head).to_bytes(8, "little") + head + self.data

    def assert_weights(self, raw):
        """Assert what holds for any bytes as weights, beside the good settings."""
        self.assert_holds((json.dumps(self.config).encode(), raw))

    def assert_settings(self, raw):
        """Assert what holds for any bytes as settings, beside the good weights."""
        self.assert_holds((raw, self.raw))

    def assert_holds(self, files):
        """Assert that a folder of settings and weights is judged in words that can be shown."""
        for name, raw in zip((compatibility.CONFIG, compatibility.WEIGHTS), files, strict=True):
            (self.folder / name).write_bytes(raw)
        found = compatibility.compatibility_problems(self.folder, self.base, NAMES)
        for problem in found:
            assert problem.hint
            assert len(problem.message) < 1_000
        shown = problems.as_text(found)
        assert shown.replace("\n", "").isprintable()
        for said in [problem.message for problem in found]:
            assert said.isprintable(), "the message goes into errors as it stands"
        assert_told_alike(self.folder / compatibility.WEIGHTS, found)


def assert_told_alike(file, found):
    """Assert that what may be loaded is numbers to the server's own reading too."""
    finite, error = outcome(tensors.all_finite, file)
    assert finite is not None or error.hint
    assert finite or found


@pytest.fixture(scope="module")
def forge(tmp_path_factory, tiny_base, write_adapter):
    """Give the parts of a good adapter."""
    folder = tmp_path_factory.mktemp("forge") / "adapter"
    return Forge(write_adapter(folder, {"base_model_name_or_path": "Tiny"}), tiny_base)


@given(data=st.data())
def test_any_settings_are_judged(forge, data):
    forge.assert_settings(data.draw(wrong(forge.config)))


@given(data=st.data())
def test_any_head_of_weights_is_judged(forge, data):
    forge.assert_weights(forge.whole(data.draw(wrong(forge.head))))


@given(changes=edits(TOKENS))
def test_any_edit_of_weights_is_judged(forge, changes):
    forge.assert_weights(edited(forge.raw, changes))


@given(raw=st.binary(max_size=100))
@example(raw=b"\x02\0\0\0\0\0\0\0[]")
@example(raw=(2**63).to_bytes(8, "little"))
@example(raw=b"\xff" * 8)
def test_any_bytes_are_judged(forge, raw):
    forge.assert_weights(raw)


@given(name=st.text(min_size=1, max_size=30), odd=st.sampled_from(ODD))
def test_a_tensor_of_any_name_is_judged(forge, name, odd):
    head = {**forge.head, name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}
    forge.assert_weights(forge.whole(json.dumps(head).encode()))
    forge.assert_weights(forge.whole(replaced(head, (name, "shape"), odd)))


@pytest.mark.parametrize(
    "offsets",
    ["[0, 9e99]", f"[0, {2**62}]", f"[{2**62}, {2**62}]", "[64, 0]", "[-8, -4]", "[8, 4]"],
)
def test_a_head_that_promises_more_than_there_is_costs_no_memory(forge, offsets):
    path = (next(name for name in forge.head if "lora_A" in name), "data_offsets")
    raw = forge.whole(replaced(forge.head, path, offsets))
    tracemalloc.start()
    try:
        forge.assert_weights(raw)
        with pytest.raises(PipelineError):
            tensors.read_tensors(forge.folder / compatibility.WEIGHTS)
        with pytest.raises(PipelineError):
            tensors.all_finite(forge.folder / compatibility.WEIGHTS)
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [compatibility.CONFIG, compatibility.WEIGHTS, "tokenizer.json"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling link", "link to itself"])
def test_what_is_no_ordinary_file_is_a_problem_and_not_waited_for(
    tmp_path, tiny_base, write_adapter, name, kind
):
    folder = write_adapter(tmp_path / "adapter", {"base_model_name_or_path": "Tiny"})
    (folder / name).unlink(missing_ok=True)
    match kind:
        case "folder":
            (folder / name).mkdir()
        case "pipe":
            os.mkfifo(folder / name)
        case "dangling link":
            (folder / name).symlink_to("nowhere")
        case "link to itself":
            (folder / name).symlink_to(name)
    found = compatibility.compatibility_problems(folder, tiny_base, NAMES)
    assert [Path(problem.where.path).name for problem in found] == [name]


def test_a_hundred_forged_adapters_and_every_odd_value_are_judged(forge):
    chance, tried = random.Random(25), 0
    for head in islice(variants(forge.head), None, None, 3):
        forge.assert_weights(forge.whole(head))
        tried += 1
    for raw in variants(forge.config):
        forge.assert_settings(raw)
        tried += 1
    for _ in range(100):
        forge.assert_weights(edited(forge.raw, drawn(chance, TOKENS)))
        tried += 1
    assert tried >= 25 + 100
