from __future__ import annotations

import pytest
import torch

from pipeline.core.errors import TrainError
from pipeline.models.packing import Chat, pad
from pipeline.training.distillation import TeacherLogits
from pipeline.training.loss import Target, loss, tokens
from pipeline.training.out_of_memory import Room


def outgrown(most, done):
    """Stand for work that needs more memory than there is for more than `most` examples at once."""

    def work(size):
        done.append(size)
        if size > most:
            raise torch.OutOfMemoryError
        return "done"

    return work


def test_what_does_not_fit_is_undone_and_done_in_halves_from_then_on(capsys):
    room, done, undone = Room(10, halving=True), [], []
    assert room.within(outgrown(3, done), lambda: undone.append(1)) == "done"
    assert (done, len(undone), room.size) == ([10, 5, 3], 2, 3)
    assert "memory ended: 5 examples at once from here on, not 10" in capsys.readouterr().err


@pytest.mark.parametrize("room", [Room(1, halving=True), Room(8, halving=False)])
def test_where_halves_cannot_help_training_ends_with_what_to_do(room):
    with pytest.raises(TrainError, match="memory is too small") as raised:
        room.within(outgrown(0, []), lambda: None)
    assert "quantization" in raised.value.hint


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_losses_of_a_steps_parts_add_up_to_that_of_the_step(size):
    torch.manual_seed(0)
    chats = [Chat((1, 2), (3, 4, 0)), Chat((1,), (5, 0)), Chat((1, 2, 3), (6,)), Chat((2,), (7, 0))]
    targets = []
    for number, chat in enumerate(chats):
        best = torch.log_softmax(torch.randn(len(chat.completion), 9), -1).topk(3)
        held = TeacherLogits(chat.completion, best.indices, best.values) if number % 2 else None
        targets.append(Target(chat, held))
    logits = torch.randn(sum(len(chat.completion) for chat in chats), 9)

    def over(start, end):
        first = sum(len(chat.completion) for chat in chats[:start])
        batch = pad(chats[start:end])
        part = logits[first : first + len(batch.labels)]
        return loss(part, batch, targets[start:end], 2.0, tokens(targets))

    parts = [over(start, min(start + size, 4)) for start in range(0, 4, size)]
    torch.testing.assert_close(sum(parts), over(0, 4))
