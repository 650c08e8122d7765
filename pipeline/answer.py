"""Ask a model: greedy, the tokenizer's own chat template and default system prompt, natural stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any  # torch and transformers objects; they are untyped here

from pipeline.packing import Batch, Chat, common_prefix, pack, pad
from pipeline.prompt import Prompt, messages

if TYPE_CHECKING:
    from pipeline.progress import Progress

BATCH = 96
"""Prompts answered at once; more gains nothing on two cores and costs memory."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said; `ended` is false when it was cut off at the token limit."""

    text: str
    ended: bool


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A loaded model with its tokenizer; `adapted` says whether a LoRA adapter is on it.

    `padded`: its attention takes no mask of our own, so that chats cannot share a row. `quantization`
    is that of its linear layers.
    """

    model: Any
    tokenizer: Any
    adapted: bool = False
    padded: bool = False
    quantization: str = ""

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


def chat(tokenizer: Any, prompt: Prompt, answer: str) -> Chat:
    """Tokenise a prompt and its answer, which ends with the end-of-turn token."""
    completion = tokenizer(answer, add_special_tokens=False)["input_ids"]
    return Chat(prompt_tokens(tokenizer, prompt), (*completion, tokenizer.eos_token_id))


def ask(
    local: LocalModel, prompts: Sequence[Prompt], max_new_tokens: int, progress: Progress
) -> list[Answer]:
    """Answer each prompt, in the order given."""
    answers: list[Answer] = [Answer("", ended=True)] * len(prompts)
    for batch in batches(prompts):
        rows, _ = generate(local, [prompts[i] for i in batch], max_new_tokens)
        for i, row in zip(batch, rows, strict=True):
            text = local.tokenizer.decode(row, skip_special_tokens=True).strip()
            answers[i] = Answer(text, ended=row[-1] == local.tokenizer.eos_token_id)
        progress.update(len(batch))
    return answers


def batches(prompts: Sequence[Prompt]) -> list[list[int]]:
    """Split into batches, as indices; prompts that begin alike and are similarly long go together."""

    def place(i: int) -> tuple[bool, int, str]:
        prompt = prompts[i]
        plain = isinstance(prompt, str)
        text = prompt if isinstance(prompt, str) else "\n".join(turn.content for turn in prompt)
        return not plain, len(text), text

    order = sorted(range(len(prompts)), key=place)
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def generate(
    local: LocalModel, prompts: Sequence[Prompt], max_new_tokens: int, *, logits: bool = False
) -> tuple[list[list[int]], Any]:
    """Answer one batch greedily: each answer's tokens, its end token included when it got there.

    With `logits`, also what each of the T steps chose from, as T tensors (prompts, vocabulary).
    """
    import torch
    from transformers import DynamicCache

    tokenizer = local.tokenizer
    ids = [prompt_tokens(tokenizer, prompt) for prompt in prompts]
    # The system prompt is half of most prompts: read once for the batch, padding goes behind it.
    prefix = 0 if local.padded else common_prefix(ids)
    own = [list(row[prefix:]) for row in ids]
    inputs = tokenizer.pad({"input_ids": own}, return_tensors="pt", padding_side="left")
    shared = torch.tensor([ids[0][:prefix]])
    tokens = torch.cat([shared.expand(len(ids), -1), inputs["input_ids"]], dim=1)
    mask = torch.nn.functional.pad(inputs["attention_mask"], (prefix, 0), value=1)
    device = local.model.device
    with torch.inference_mode(), _quick_head(local.model):
        read = None
        if prefix:
            read = DynamicCache(config=local.model.config)
            local.model(input_ids=shared.to(device), past_key_values=read, logits_to_keep=1)
            read.batch_repeat_interleave(len(ids))
        out = local.model.generate(
            input_ids=tokens.to(device),
            attention_mask=mask.to(device),
            past_key_values=read,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=logits,
            pad_token_id=tokenizer.pad_token_id,
        )
    rows = out.sequences[:, tokens.shape[1] :].tolist()
    end = tokenizer.eos_token_id
    return [row[: row.index(end) + 1] if end in row else row for row in rows], out.logits


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
