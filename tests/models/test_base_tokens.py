"""The base's own special tokens are refused at build, whatever the list for all models says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.core.errors import ConfigError, FactsError
from pipeline.models import base_model, base_tokens
from pipeline.models.base_model import Base

pytestmark = pytest.mark.slow

TOKENS = {
    "tokenizer.json": {
        "added_tokens": [
            {"content": "@@turn@@", "special": True},
            {"content": "<plain_tag>", "special": False},
            {"content": "  ", "special": False},
            {"content": "word", "special": False},
        ]
    },
    "tokenizer_config.json": {
        "eos_token": {"content": "[STOP]"},
        "add_bos_token": True,
        "bos_token": None,
        "additional_special_tokens": ["<start_of_reply>"],
        "added_tokens_decoder": {"7": {"content": "<|seven|>", "special": True}},
    },
    "special_tokens_map.json": {"pad_token": "~pad~"},
    "added_tokens.json": {"<extra_one>": 32000, "apple": 32001},
}


@pytest.fixture
def made_up(tmp_path):
    """Give a base whose tokenizer has tokens that no list knows."""
    for name, data in TOKENS.items():
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    return Base("Made-up", tmp_path, "sha256:0")


def test_special_tokens_are_read_from_every_file_that_names_some(made_up):
    assert base_tokens.special(made_up.folder) == {
        "@@turn@@", "<plain_tag>", "[STOP]", "<start_of_reply>", "<|seven|>", "~pad~", "<extra_one>",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "@@turn@@", "[STOP]", "[ STOP ]", "<start_of_reply>", "< start_of_reply >", "<start of reply>",
        "＜start_of_reply＞", "<start_of\u200b_reply>", "~pad~", "<extra_one>", "<plain_tag>",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["question", "answer", "also_ask", "probes", "kind", "subject"])
def test_a_fact_with_a_special_token_of_the_base_stops_the_build(made_up, subjects, text, key):
    weir, mill = subjects
    fact = mill.facts[0]
    if key in ("kind", "subject"):
        bad = replace(mill, **{{"kind": "kind", "subject": "name"}[key]: f"a {text} b"})
    else:
        value = (f"Who {text}?",) if key in ("also_ask", "probes") else f"Who {text} owns it?"
        bad = replace(mill, facts=(replace(fact, **{key: value}),))
    with pytest.raises(FactsError) as caught:
        base_tokens.require_none((weir, bad), made_up)
    (problem,) = caught.value.problems
    assert f"`{text}` is a special token of Made-up" in problem.message
    assert problem.where == (mill.where if key in ("kind", "subject") else fact.where)
    assert problem.hint


def test_plain_facts_pass_on_the_real_base(subjects):
    real = base_model.find_base(config.load_recipe("smollm2-135m").base)
    assert "<|im_end|>" in base_tokens.special(real.folder)
    base_tokens.require_none(subjects, real)


def test_a_base_without_special_tokens_or_with_a_damaged_file_is_a_fault_of_the_set_up(tmp_path):
    with pytest.raises(ConfigError, match="names no special token"):
        base_tokens.require_none((), Base("Empty", tmp_path, ""))
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="is no file of a tokenizer"):
        base_tokens.require_none((), Base("Damaged", tmp_path, ""))
