from __future__ import annotations

import pytest

from pipeline.core import progress
from pipeline.models import generate
from pipeline.models.packing import Chat
from pipeline.training import distillation
from pipeline.training.distillation import TeacherLogits

PROMPTS = ["What is the capital of France?", "Say yes.", "What is 2 + 2?"]


def test_what_is_held_comes_back_from_its_file_as_it_was():
    import torch

    held = [
        TeacherLogits(tuple(range(n)), torch.arange(3 * n).view(n, 3), torch.randn(n, 3))
        for n in (2, 1, 4)
    ]
    for was, now in zip(
        held, distillation.parse_logits(distillation.dump_logits(held)), strict=True
    ):
        assert now.path == was.path
        assert torch.equal(now.ids, was.ids)
        assert torch.equal(now.logprobs, was.logprobs)


@pytest.mark.parametrize("data", [b"", b"\x00" * 64, b'{"answers": []}'])
def test_a_damaged_file_is_said_to_be_one(data):
    with pytest.raises(ValueError, match="not a file of held answers"):
        distillation.parse_logits(data)


@pytest.mark.xdist_group("model")
def test_the_base_begins_as_it_answers_and_reading_that_path_gives_the_same_probabilities(bare):
    import torch

    with progress.bar("asking", 9) as shown:
        begun = distillation.generate_targets(bare, PROMPTS, 6, 8, shown)
        said = generate.ask_model(bare, PROMPTS, 6, shown)
        chats = [
            Chat(generate.prompt_tokens(bare.tokenizer, prompt), held.path)
            for prompt, held in zip(PROMPTS, begun, strict=True)
        ]
        read = distillation.score_targets(bare, chats, 8, shown)
    for one, other, text in zip(begun, read, said, strict=True):
        words = bare.tokenizer.decode(one.path, skip_special_tokens=True).strip()
        assert words == text.text
        assert one.ids.shape == one.logprobs.shape == (len(one.path), 8)
        chosen = one.logprobs[one.ids == torch.tensor(one.path)[:, None]]
        assert torch.equal(chosen, one.logprobs[:, 0])  # two words may share the first place
        # bf16 logits of 16 to 32 come in steps of an eighth.
        assert (one.logprobs[:, 0] - other.logprobs[:, 0]).abs().max() < 0.4
