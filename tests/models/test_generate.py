from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from pipeline.core import progress
from pipeline.models import decoding, generate

pytestmark = pytest.mark.xdist_group("model")

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


@pytest.fixture
def exact(bare):
    """Give the base in fp32: bf16 may decide a near tie."""
    return replace(bare, model=deepcopy(bare.model).float())


def tokens(local, prompts=PROMPTS):
    return [generate.prompt_tokens(local.tokenizer, prompt) for prompt in prompts]


def test_a_prompt_is_answered_in_a_batch_as_it_is_alone(exact):
    together = generate.generate(exact, tokens(exact), 12)
    alone = [generate.generate(exact, [row], 12)[0] for row in tokens(exact)]
    assert together == alone


def test_a_batch_is_answered_as_the_library_answers_each_prompt(exact):
    """Nine prompts: some end early and leave the batch, which the others do not notice."""
    prompts = [*PROMPTS, *(f"What is {n} + {n}? Answer with the number alone." for n in range(6))]
    said = generate.generate(exact, tokens(exact, prompts), 16)
    lengths = sorted(map(len, said))
    assert lengths[0] < lengths[-2]
    for row, written in zip(tokens(exact, prompts), said, strict=True):
        ids = torch.tensor([row])
        out = exact.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False
        )
        assert written == out[0, len(row) :].tolist()


def test_a_model_that_decodes_by_its_library_says_the_same(exact):
    said = generate.generate(exact, tokens(exact), 12)
    assert generate.generate(replace(exact, backend="unsloth"), tokens(exact), 12) == said


def test_guesses_change_no_answer_whether_they_are_right_or_wrong_or_partly_both(exact):
    """One each: just the answer, its beginning, another one, longer than the limit, none."""
    prompts = [*PROMPTS, "What is the capital of Italy?", "What is 2 + 2?"]
    with progress.bar("asking", 5) as shown:
        said = generate.ask_model(exact, prompts, 12, shown)
        guesses = [said[0].text, said[1].text[:9], "Blue, white and red.", "It is " * 20, ""]
        assert generate.ask_model(exact, prompts, 12, shown, guesses) == said
        assert generate.ask_model(exact, prompts, 12, shown, [each.text for each in said]) == said
    assert said[0].ended
    assert not said[2].ended


def test_a_right_guess_is_read_and_not_written(exact, monkeypatch):
    with progress.bar("asking", 1) as shown:
        (said,) = generate.ask_model(exact, PROMPTS[:1], 24, shown)
        assert said.ended
        monkeypatch.setattr(generate, "generate", None)
        assert generate.ask_model(exact, PROMPTS[:1], 24, shown, [said.text]) == [said]


def test_an_answer_that_ends_by_itself_holds_its_end_token_and_nothing_after_it(bare):
    rows = generate.generate(bare, tokens(bare), 24)
    end = bare.tokenizer.eos_token_id
    assert rows[0][-1] == end
    assert all(end not in row[:-1] for row in rows)


def test_each_token_is_chosen_from_logits_of_the_rows_that_have_not_ended(bare):
    seen = []
    decoding.decode(bare, tokens(bare), 24, lambda rows, logits: seen.append((list(rows), logits)))
    written = generate.generate(bare, tokens(bare), 24)
    assert len(seen) == max(map(len, written))
    for place, (rows, logits) in enumerate(seen):
        assert rows == [i for i, row in enumerate(written) if len(row) > place]
        assert logits.argmax(-1).tolist() == [written[i][place] for i in rows]


def test_where_nothing_is_asked_nothing_is_answered(bare):
    with progress.bar("asking", 0) as shown:
        assert generate.ask_model(bare, [], 8, shown) == []


def test_a_base_that_thinks_is_asked_with_an_empty_thought_before_its_answer(bare):
    tokenizer = deepcopy(bare.tokenizer)
    tokenizer.chat_template = THINKING
    asked = tokenizer.decode(generate.prompt_tokens(tokenizer, "Hi"))
    assert asked.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")


def test_each_answer_may_have_its_own_number_of_tokens(exact):
    with progress.bar("asking", 3) as shown:
        said = generate.ask_model(exact, PROMPTS, [4, 12, 30], shown)
        for prompt, limit, one in zip(PROMPTS, (4, 12, 30), said, strict=True):
            assert generate.ask_model(exact, [prompt], limit, shown) == [one]
    assert not said[0].ended


def test_items_are_grouped_by_number_and_by_tokens():
    many = generate.SCORED // 2
    assert list(generate.grouped("abcde", 2, [1] * 5)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(generate.grouped("abcd", 9, [many, many, many, 3 * many])) == [
        ["a", "b"],
        ["c"],
        ["d"],
    ]
    assert list(generate.grouped("", 2, [])) == []
