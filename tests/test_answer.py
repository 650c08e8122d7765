from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from pipeline import answer

THINKING = """{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}{% endif %}"""
"""How Qwen3's template opens an answer: with an empty thought where thinking is switched off."""

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


@pytest.mark.slow
def test_a_base_that_thinks_is_asked_with_an_empty_thought_before_its_answer(bare):
    tokenizer = deepcopy(bare.tokenizer)
    tokenizer.chat_template = THINKING
    asked = tokenizer.decode(answer.prompt_tokens(tokenizer, "Hi"))
    assert asked.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
