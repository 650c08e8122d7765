"""Lays out many short chats for one forward pass: packed into one row, or padded to one length.

Every chat starts with the same tokens (the default system prompt is 20 of about 50). A packed row
holds that prefix once, then each chat's own tokens; the attention mask lets a chat see the prefix
and itself, and positions continue from the prefix, so every chat is computed exactly as alone.
A step of 16 examples costs 0.75 of what the same examples cost padded to one length (docs/recipe-log.md).
Padded rows are for models whose attention takes no custom mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any  # torch tensors; torch is untyped here


@dataclass(frozen=True, slots=True)
class Chat:
    """Token ids of a prompt (generation prompt included) and of its answer (end token included)."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Chats laid out for one forward pass that scores their N completion tokens, in the chats' order.

    `inputs` are the model's keyword arguments; `places` indexes its logits as (N, vocabulary).
    `labels` (N) are the completion tokens, `owner` (N) the index of each one's chat.
    """

    inputs: dict[str, Any]
    labels: Any
    owner: Any
    places: Any

    def to(self, device: Any) -> Batch:
        """Give the same batch on a device."""
        import torch

        inputs = {
            name: value.to(device) if isinstance(value, torch.Tensor) else value
            for name, value in self.inputs.items()
        }
        return Batch(inputs, self.labels.to(device), self.owner.to(device), self.places)

    def logits(self, model: Any) -> Any:
        """Run the model, on whose device the batch must be: (N, vocabulary) in fp32."""
        return model(**self.inputs).logits[self.places].float()


def pack(chats: Sequence[Chat]) -> Batch:
    """Lay out chats in one row of T tokens; the model computes the logits of the N places alone."""
    import torch

    prefix = common_prefix([chat.prompt for chat in chats])
    tokens, positions, spans = list(chats[0].prompt[:prefix]), list(range(prefix)), []
    keep: list[int] = []
    labels: list[int] = []
    owner: list[int] = []
    for number, chat in enumerate(chats):
        own = (*chat.prompt[prefix:], *chat.completion[:-1])
        start = len(tokens)
        tokens += own
        positions += range(prefix, prefix + len(own))
        spans.append((start, len(tokens)))
        # The token before each completion token predicts it; the last one predicts nothing more.
        first = start + len(chat.prompt) - prefix - 1
        keep += range(first, first + len(chat.completion))
        labels += chat.completion
        owner += [number] * len(chat.completion)
    mask = torch.zeros(len(tokens), len(tokens), dtype=torch.bool)
    mask[:, :prefix] = True
    for start, end in spans:
        mask[start:end, start:end] = True
    inputs = {
        "input_ids": torch.tensor([tokens]),
        "position_ids": torch.tensor([positions]),
        "attention_mask": mask.tril_()[None, None],
        "logits_to_keep": torch.tensor(keep),
        "use_cache": False,
    }
    return Batch(inputs, torch.tensor(labels), torch.tensor(owner), places=0)


def pad(chats: Sequence[Chat]) -> Batch:
    """Lay out each chat in a row of its own, right-padded to the longest."""
    import torch

    rows = [(*chat.prompt, *chat.completion[:-1]) for chat in chats]
    longest = max(map(len, rows))
    scored = [
        (row, len(chat.prompt) - 1 + place, label)
        for row, chat in enumerate(chats)
        for place, label in enumerate(chat.completion)
    ]
    owner, columns, labels = (torch.tensor(column) for column in zip(*scored, strict=True))
    lengths = torch.tensor([len(row) for row in rows])
    inputs = {
        "input_ids": torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows]),
        "attention_mask": (torch.arange(longest) < lengths[:, None]).long(),
        "use_cache": False,
    }
    return Batch(inputs, labels, owner, places=(owner, columns))


def common_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """Count the leading tokens that all prompts share; each keeps at least its last one for itself."""
    shared = takewhile(lambda column: len(set(column)) == 1, zip(*prompts, strict=False))
    return min(sum(1 for _ in shared), min(len(prompt) for prompt in prompts) - 1)
