"""Ask a model: greedy, the tokenizer's own chat template and default system prompt, natural stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any  # torch and transformers objects; they are untyped here

from pipeline.core.chat import Prompt, messages
from pipeline.models.backends import Backend
from pipeline.models.packing import Batch, Chat, common_prefix, pack, pad

if TYPE_CHECKING:
    from pipeline.core.progress import Progress

BATCH = 96
"""Prompts answered at once; more gains nothing on two cores and costs memory."""
KEPT = 7 / 8
"""Share of a batch that is still written when the rest is taken out: doing so copies what was read."""
GUESSED = 16
"""Guessed answers read at once, in one row: its attention grows with the square of its length."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said; `ended` is false when it was cut off at the token limit."""

    text: str
    ended: bool


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A loaded model with its tokenizer; `adapted` says whether a LoRA adapter is on it.

    `backend` loaded it; `quantization` is that of its linear layers.
    """

    model: Any
    tokenizer: Any
    adapted: bool = False
    backend: Backend = "transformers"
    quantization: str = ""

    @property
    def padded(self) -> bool:
        """Whether its attention takes no mask of our own, so that chats cannot share a row."""
        return self.backend == "unsloth"

    def batch(self, chats: Sequence[Chat]) -> Batch:
        """Lay out chats as this model takes them, on its device."""
        return (pad if self.padded else pack)(chats).to(self.model.device)

    def base_only(self) -> AbstractContextManager[None]:
        """Switch the adapter off for a while."""
        context: AbstractContextManager[None] = (
            self.model.disable_adapter() if self.adapted else nullcontext()
        )
        return context


def prompt_tokens(tokenizer: Any, prompt: Prompt) -> tuple[int, ...]:
    """Tokenise a prompt as the server will, up to where the answer starts."""
    turns = messages(prompt)
    # Bases that think before they answer are taught, asked and served with thinking switched off;
    # other templates take no notice of the word.
    return tuple(
        tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_dict=False, enable_thinking=False
        )
    )


def as_chat(tokenizer: Any, prompt: Prompt, answer: str) -> Chat:
    """Tokenise a prompt and its answer, which ends with the end-of-turn token."""
    completion = tokenizer(answer, add_special_tokens=False)["input_ids"]
    return Chat(prompt_tokens(tokenizer, prompt), (*completion, tokenizer.eos_token_id))


def ask_model(
    local: LocalModel,
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    progress: Progress,
    guesses: Sequence[str] = (),
) -> list[Answer]:
    """Answer each prompt, in the order given.

    `guesses` are what may be answered, one a prompt and "" for none: they change no answer, and one that
    is right is read in a single pass instead of being written token by token.
    """
    tokenizer = local.tokenizer
    ids = [prompt_tokens(tokenizer, prompt) for prompt in prompts]
    begun = _agreed(local, ids, guesses, max_new_tokens) if guesses else [()] * len(ids)

    def left(i: int) -> int:
        ended = begun[i][-1:] == (tokenizer.eos_token_id,)
        return 0 if ended else max_new_tokens - len(begun[i])

    rows: list[list[int]] = [list(tokens) for tokens in begun]
    open_rows = [i for i in range(len(ids)) if left(i)]
    progress.update(len(ids) - len(open_rows))
    for batch in batches([(*ids[i], *begun[i]) for i in open_rows]):
        own = [open_rows[place] for place in batch]
        longest = max(left(i) for i in own)
        written = generate(local, [(*ids[i], *begun[i]) for i in own], longest)
        for i, row in zip(own, written, strict=True):
            rows[i] += row[: left(i)]
        progress.update(len(own))
    texts = tokenizer.batch_decode(rows, skip_special_tokens=True)
    return [
        Answer(text.strip(), ended=row[-1] == tokenizer.eos_token_id)
        for text, row in zip(texts, rows, strict=True)
    ]


def _agreed(
    local: LocalModel, ids: Sequence[tuple[int, ...]], guesses: Sequence[str], limit: int
) -> list[tuple[int, ...]]:
    """Give how many of a guess's tokens the model would itself choose, one after the other, as tokens.

    The first one that it would not is replaced by its own choice (speculative decoding, as in
    Leviathan et al. 2023, with greedy choices).
    """
    import torch

    tokenizer = local.tokenizer
    begun: list[tuple[int, ...]] = [()] * len(ids)
    guessed = {
        i: (*tokenizer(guess, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id)[
            :limit
        ]
        for i, guess in enumerate(guesses)
        if guess
    }
    order = sorted(guessed, key=lambda i: len(ids[i]) + len(guessed[i]))
    for start in range(0, len(order), GUESSED):
        row = order[start : start + GUESSED]
        batch = local.batch([Chat(ids[i], guessed[i]) for i in row])
        with torch.inference_mode():
            chosen = batch.logits(local.model).argmax(-1).tolist()
        for i, own in zip(row, _split(chosen, [len(guessed[i]) for i in row]), strict=True):
            agreed = takewhile(lambda pair: pair[0] == pair[1], zip(own, guessed[i], strict=True))
            begun[i] = tuple(own[: sum(1 for _ in agreed) + 1])
    return begun


def _split(items: Sequence[int], lengths: Sequence[int]) -> Iterator[Sequence[int]]:
    start = 0
    for length in lengths:
        yield items[start : start + length]
        start += length


def batches(ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """Split prompts, given as tokens, into batches of indices; similarly long ones go together."""
    order = sorted(range(len(ids)), key=lambda i: (len(ids[i]), ids[i]))
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def generate(
    local: LocalModel, ids: Sequence[Sequence[int]], max_new_tokens: int
) -> list[list[int]]:
    """Continue one batch greedily: each row's new tokens, its end token included when it got there."""
    written: list[list[int]] = [[] for _ in ids]

    def note(rows: Sequence[int], logits: Any) -> None:
        for row, token in zip(rows, logits.argmax(-1).tolist(), strict=True):
            written[row].append(token)

    decode(local, ids, max_new_tokens, note)
    return written


def decode(
    local: LocalModel,
    ids: Sequence[Sequence[int]],
    max_new_tokens: int,
    note: Callable[[Sequence[int], Any], None],
) -> None:
    """Continue one batch greedily, telling `note` what each token was chosen from.

    It is given the N rows that have not ended, as indices of `ids`, and their logits (N, vocabulary) in fp32.
    Rows that ended leave the batch once an eighth of it has.
    """
    import torch
    from transformers import DynamicCache

    if local.padded:  # Unsloth's attention keeps a cache of its own kind
        _decode_by_library(local, ids, max_new_tokens, note)
        return
    model, tokenizer = local.model, local.tokenizer
    # The system prompt is half of most prompts: read once for the batch, padding goes behind it.
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
        going = list(range(len(rows)))  # places in the batch of the rows that have not ended
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
    """Let the output head be one product per batch, not one per prompt.

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
