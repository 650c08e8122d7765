"""Continues a batch of prompts greedily, token by token; rows that have ended leave it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any  # torch and transformers objects; they are untyped here

from pipeline.models.local_model import LocalModel
from pipeline.models.packing import common_prefix

KEPT = 7 / 8
"""Ended rows leave the batch when at most this share is still open: leaving copies the KV cache."""


def decode(
    local: LocalModel,
    ids: Sequence[Sequence[int]],
    max_new_tokens: int,
    note: Callable[[Sequence[int], Any], None],
) -> None:
    """Continue one batch greedily, and pass the logits of each step to `note`.

    `note` gets the N open rows, as indices of `ids`, and their logits (N, vocabulary) in fp32.
    Ended rows leave the batch once they are an eighth of it.
    """
    import torch
    from transformers import DynamicCache

    if local.padded:  # Unsloth's attention keeps a cache of its own kind
        _decode_by_library(local, ids, max_new_tokens, note)
        return
    model, tokenizer = local.model, local.tokenizer
    # The system prompt is half of most prompts: read once for the batch; padding comes after it.
    prefix = common_prefix(ids)
    inputs = tokenizer.pad(
        {"input_ids": [list(row[prefix:]) for row in ids]}, return_tensors="pt", padding_side="left"
    ).to(model.device)
    tokens = inputs["input_ids"]
    mask = torch.nn.functional.pad(inputs["attention_mask"], (prefix, 0), value=1)
    places = (mask.cumsum(-1)[:, prefix:] - 1).clamp(min=0)
    cache = DynamicCache(config=model.config)
    rows = list(range(len(ids)))
    with torch.inference_mode(), _quick_head(model):
        if prefix:
            shared = torch.tensor([list(ids[0][:prefix])], device=model.device)
            model(input_ids=shared, past_key_values=cache, logits_to_keep=1)
            cache.batch_repeat_interleave(len(ids))
        going = list(range(len(rows)))  # positions of the open rows in the batch
        for _ in range(max_new_tokens):
            read = {"input_ids": tokens, "attention_mask": mask, "position_ids": places}
            out = model(**read, past_key_values=cache, use_cache=True, logits_to_keep=1)
            logits = out.logits[:, -1].float()
            note([rows[place] for place in going], logits[going])
            chosen = logits.argmax(-1)
            going = [p for p in going if chosen[p] != tokenizer.eos_token_id]
            if not going:
                return
            if len(going) <= KEPT * len(rows):
                kept = torch.tensor(going, device=model.device)
                cache.batch_select_indices(kept)
                mask, places, chosen = mask[kept], places[kept], chosen[kept]
                rows, going = [rows[p] for p in going], list(range(len(going)))
            mask = torch.nn.functional.pad(mask, (0, 1), value=1)
            tokens, places = chosen[:, None], places[:, -1:] + 1


def _decode_by_library(
    local: LocalModel,
    ids: Sequence[Sequence[int]],
    max_new_tokens: int,
    note: Callable[[Sequence[int], Any], None],
) -> None:
    """Do as `decode`, by the model's own `generate`; every row stays to the end."""
    import torch

    tokenizer = local.tokenizer
    inputs = tokenizer.pad(
        {"input_ids": [list(row) for row in ids]}, return_tensors="pt", padding_side="left"
    )
    with torch.inference_mode():
        out = local.model.generate(
            **inputs.to(local.model.device),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
            pad_token_id=tokenizer.pad_token_id,
        )
    going = list(range(len(ids)))
    for logits in out.logits:
        note(going, logits[going].float())
        chosen = logits.argmax(-1)
        going = [row for row in going if chosen[row] != tokenizer.eos_token_id]


@contextmanager
def _quick_head(model: Any) -> Iterator[None]:
    """Compute the output head in one matrix product per batch, not one per prompt.

    torch folds the prompts of a batch into the rows of one matrix product only if a factor requires
    a gradient; else it copies the whole vocabulary matrix for every prompt. PEFT freezes the base,
    which on two CPU cores costs 4 s in every batch of 48. The flag changes nothing else here.
    """
    head = model.get_output_embeddings().weight
    before = head.requires_grad
    head.requires_grad_(True)
    try:
        yield
    finally:
        head.requires_grad_(before)
