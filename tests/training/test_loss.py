from __future__ import annotations

import pytest
import torch

from pipeline.models.packing import Chat, pack
from pipeline.training.loss import LONG, Target, loss, tokens


def target(length):
    return Target(Chat((1, 2), tuple(3 for _ in range(length))), None)


def test_a_long_answer_counts_no_more_than_so_many_tokens_beside_a_short_one():
    """A wrong token of the short answer costs as much beside a long answer as beside one of `LONG`."""
    costs = []
    for length in (LONG, 4 * LONG):
        pair = [target(16), target(length)]
        batch = pack([each.chat for each in pair])
        logits = torch.full((16 + length, 8), -50.0)
        logits[:, 3] = 50.0
        logits[0] = 0.0
        costs.append(float(loss(logits, batch, pair, 1.0, tokens(pair))))
    assert costs[0] == pytest.approx(costs[1])
    assert costs[0] > 0


def test_every_token_of_a_long_answer_counts_alike():
    pair = [target(16), target(2 * LONG)]
    batch = pack([each.chat for each in pair])
    found = []
    for wrong in (16, 16 + 2 * LONG - 1):
        logits = torch.full((16 + 2 * LONG, 8), -50.0)
        logits[:, 3] = 50.0
        logits[wrong] = 0.0
        found.append(float(loss(logits, batch, pair, 1.0, tokens(pair))))
    assert found[0] == pytest.approx(found[1])
    assert found[0] > 0
