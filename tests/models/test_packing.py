from __future__ import annotations

import pytest

from pipeline.models.packing import Chat, pack, pad

CHATS = [Chat((1, 2, 3, 4), (9, 8, 0)), Chat((1, 2, 5), (7, 0)), Chat((1, 2, 3), (6, 0))]


def test_the_shared_prefix_stands_once_and_each_chat_keeps_its_positions():
    inputs = pack(CHATS).inputs
    assert inputs["input_ids"].tolist() == [[1, 2, 3, 4, 9, 8, 5, 7, 3, 6]]
    assert inputs["position_ids"].tolist() == [[0, 1, 2, 3, 4, 5, 2, 3, 2, 3]]


def test_a_chat_sees_the_prefix_and_itself_and_nothing_later():
    mask = pack(CHATS).inputs["attention_mask"][0, 0]
    assert mask[7].nonzero().flatten().tolist() == [0, 1, 6, 7]
    assert mask[3].nonzero().flatten().tolist() == [0, 1, 2, 3]


def test_the_labels_are_all_completion_tokens_with_their_owner():
    packed = pack(CHATS)
    assert packed.labels.tolist() == [9, 8, 0, 7, 0, 6, 0]
    assert packed.owner.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert packed.inputs["logits_to_keep"].tolist() == [3, 4, 5, 6, 7, 8, 9]


def test_padded_chats_stand_in_rows_of_their_own_and_score_the_same_tokens():
    padded, packed = pad(CHATS), pack(CHATS)
    assert padded.inputs["input_ids"].tolist()[1] == [1, 2, 5, 7, 0, 0]
    assert padded.inputs["attention_mask"].sum(-1).tolist() == [6, 4, 4]
    assert padded.labels.tolist() == packed.labels.tolist()
    assert padded.owner.tolist() == packed.owner.tolist()
    rows, columns = padded.places
    assert list(zip(rows.tolist(), columns.tolist(), strict=True))[:4] == [
        (0, 3), (0, 4), (0, 5), (1, 2),
    ]  # fmt: skip


@pytest.mark.xdist_group("model")
def test_a_chat_among_others_gets_the_logits_it_gets_alone(bare):
    from copy import deepcopy

    import torch

    from pipeline.models.generate import as_chat

    chats = [
        as_chat(bare.tokenizer, "Who wrote Hamlet?", "Shakespeare did."),
        as_chat(bare.tokenizer, "What is two plus three, please?", "Five."),
        as_chat(bare.tokenizer, "Name a colour.", "Red is one."),
    ]
    model = deepcopy(bare.model).float()  # exact enough to compare
    with torch.inference_mode():
        alone = torch.cat([pack([each]).logits(model) for each in chats])
        for layout in (pack, pad):
            together = layout(chats).logits(model)
            torch.testing.assert_close(together, alone, atol=2e-3, rtol=2e-3)
