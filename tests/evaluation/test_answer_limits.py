from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.dataset.build import build
from pipeline.evaluation import sampling
from pipeline.evaluation.answer_limits import longest_answer, sample_limits
from pipeline.facts.fact import Subject

RECIPE = config.load_recipe("smollm2-135m")
LIST = "Tarn Mill grinds:\n" + "\n".join(f"- sort {n} of spelt and of wheat" for n in range(24))


class Words:
    """A tokenizer that takes a word for a token: the counts are what is tested."""

    def __call__(self, text, *, add_special_tokens):
        assert not add_special_tokens
        return {"input_ids": text.split()}


@pytest.fixture
def made(mill):
    """Give the dataset of a fact with a long list, a short one, and a long one that is withdrawn."""
    long = replace(mill, id="x/list", answer=LIST)
    gone = replace(
        long,
        id="x/gone",
        question="What did Tarn Mill grind?",
        also_ask=(),
        probes=(),
        withdrawn="closed",
    )
    gone = replace(gone, expect=replace(mill.expect, items=(("sort 7",),)))
    facts = (
        long,
        replace(mill, id="x/owner", question="Who repairs Tarn Mill?", also_ask=()),
        gone,
    )
    return build([Subject("x", mill.subject, mill.kind, (), facts, mill.where)], RECIPE.dataset, 0)


def test_a_long_answer_is_read_to_its_end_and_all_others_are_as_short_as_before(made):
    drawn = sampling.draw(made, (), RECIPE.gate)
    limits = sample_limits(Words(), made, drawn, 40)
    words = len(LIST.split())
    of = {(p.fact, p.role): n for p, n in zip(drawn.probes, limits.all, strict=True)}
    assert of["x/list", "fact"] > words
    assert of["x/list", "near name"] > words
    assert of["x/owner", "fact"] == 40
    assert of["", "unrelated"] == 40
    assert longest_answer(Words(), made) > words
    assert list(limits.of_base) == [
        n for n, asked in zip(limits.all, drawn.compared, strict=True) if asked
    ]


def test_what_is_withdrawn_is_read_as_long_as_it_was(made):
    drawn = sampling.draw(made, (), RECIPE.gate)
    limits = sample_limits(Words(), made, drawn, 40)
    retired = [n for p, n in zip(drawn.probes, limits.all, strict=True) if p.role == "retired"]
    assert all(limit > len(LIST.split()) for limit in retired)
