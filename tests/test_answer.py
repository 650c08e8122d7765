from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from pipeline import answer

PROMPTS = [
    "What is the capital of France?",
    "Hi",
    "Name three colours that are often found in flags of Europe.",
]


@pytest.mark.slow
def test_a_prompt_is_answered_in_a_batch_as_it_is_alone(bare):
    exact = replace(bare, model=deepcopy(bare.model).float())  # bf16 may decide a near tie
    together, _ = answer.generate(exact, PROMPTS, 12)
    alone = [answer.generate(exact, [prompt], 12)[0][0] for prompt in PROMPTS]
    assert together == alone


@pytest.mark.slow
def test_an_answer_that_ends_by_itself_holds_its_end_token_and_nothing_after_it(bare):
    rows, logits = answer.generate(bare, PROMPTS, 24, logits=True)
    end = bare.tokenizer.eos_token_id
    assert rows[0][-1] == end
    assert all(end not in row[:-1] for row in rows)
    assert len(logits) == max(len(row) for row in rows)
    assert all(step.shape[0] == len(PROMPTS) for step in logits)
