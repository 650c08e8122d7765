"""Turns examples into targets: token ids, and the base's distribution where the answer must not change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any  # a tokenizer is untyped here

from pipeline.core import progress
from pipeline.models import generate
from pipeline.models.packing import Chat
from pipeline.training.loss import Target

if TYPE_CHECKING:
    from pipeline.dataset.records import Example
    from pipeline.models.local_model import LocalModel
    from pipeline.training.distillation import TeacherLogits


Follow = Callable[["LocalModel", Sequence[Chat]], Sequence["TeacherLogits"]]
"""Scores chats by the base under a model: its top k probabilities at every token of their answers."""


HELD = 64
"""Tokens of a given path along which the base is held at most: what tells two answers apart comes early."""


def chat_of(tokenizer: Any, example: Example) -> Chat:
    """Tokenise an example whose answer is given; a held path is no longer than it helps."""
    chat = generate.as_chat(tokenizer, example.chat, example.completion)
    return Chat(chat.prompt, chat.completion[:HELD]) if example.held else chat


class Targets:
    """The target of every example, in their order.

    The base scores a given answer only when a step is to use it: most contrasts are never used.
    """

    def __init__(
        self,
        tokenizer: Any,
        examples: Sequence[Example],
        begun: Sequence[TeacherLogits],
        follow: Follow,
    ) -> None:
        """`begun` are the base's own answers to the examples without a completion.

        `follow` scores the given answers.
        """
        self._examples = examples
        self._follow = follow
        own = iter(begun)
        self.all: list[Target] = []
        for example in examples:
            if example.completion:
                self.all.append(Target(chat_of(tokenizer, example), None))
            else:
                held = next(own)
                prompt = generate.prompt_tokens(tokenizer, example.chat)
                self.all.append(Target(Chat(prompt, held.path), held))

    def read(self, local: LocalModel, steps: Sequence[Sequence[int]]) -> None:
        """Score the given answers that steps will use, unless that was done before."""
        used = {i for step in steps for i in step}
        waiting = sorted(i for i in used if self._examples[i].held and not self.all[i].held)
        chats = [self.all[i].chat for i in waiting]
        for i, chat, held in zip(waiting, chats, self._follow(local, chats), strict=True):
            self.all[i] = Target(chat, held)

    def losses(self, adapted: LocalModel, wordings: int) -> dict[str, float]:
        """Measure each fact's loss in nats: that of its answer's worst token, as the mean of some wordings.

        The wordings are spread evenly over the fact's.
        """
        import torch

        indices: dict[str, list[int]] = {}
        for i, example in enumerate(self._examples):
            if not example.held:
                indices.setdefault(example.fact, []).append(i)
        drawn = {f: each[:: -(-len(each) // wordings)] for f, each in indices.items()}
        result = {}
        adapted.model.eval()
        with progress.bar("looking what is known", len(drawn)) as shown, torch.inference_mode():
            for fact, chosen in drawn.items():
                batch = adapted.batch([self.all[i].chat for i in chosen])
                logits = batch.logits(adapted.model)
                each = torch.nn.functional.cross_entropy(logits, batch.labels, reduction="none")
                worst = [each[batch.owner == number].max() for number in range(len(chosen))]
                result[fact] = float(torch.stack(worst).mean())
                shown.update()
        return result
