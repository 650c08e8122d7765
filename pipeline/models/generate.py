"""Asks a model: greedy decoding to the end token, with its chat template and default system prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeVar  # objects of libraries without types

from pipeline.core.chat import Prompt, messages
from pipeline.models.decoding import decode
from pipeline.models.local_model import LocalModel
from pipeline.models.packing import Chat

if TYPE_CHECKING:
    from pipeline.core.progress import Progress

T = TypeVar("T")

BATCH = 96
"""Prompts answered at once; more gains nothing on two cores and costs memory."""
SCORED = 1024
"""Tokens that are scored at once at most: 200 MB of logits for a vocabulary of 50,000."""
GUESSED = 16
"""Guesses checked at once, in one row: its attention grows with the square of its length."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer; `ended` is false when the token limit cut it off."""

    text: str
    ended: bool


def prompt_tokens(tokenizer: Any, prompt: Prompt) -> tuple[int, ...]:
    """Tokenise a prompt as the server will, up to where the answer starts."""
    turns = messages(prompt)
    # Reasoning models are taught, asked and served with thinking off; other templates ignore the option.
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
    max_new_tokens: int | Sequence[int],
    progress: Progress,
    guesses: Sequence[str] = (),
) -> list[Answer]:
    """Answer each prompt, in the order given; `max_new_tokens` are those of all answers, or of each.

    `guesses` are likely answers, one a prompt, "" for none. They change no answer: a right one is checked
    in a single pass instead of generated token by token.
    """
    tokenizer = local.tokenizer
    ids = [prompt_tokens(tokenizer, prompt) for prompt in prompts]
    limits = each_limit(max_new_tokens, len(ids))
    begun = _agreed(local, ids, guesses, limits) if guesses else [()] * len(ids)

    def left(i: int) -> int:
        ended = begun[i][-1:] == (tokenizer.eos_token_id,)
        return 0 if ended else limits[i] - len(begun[i])

    rows: list[list[int]] = [list(tokens) for tokens in begun]
    open_rows = [i for i in range(len(ids)) if left(i)]
    progress.update(len(ids) - len(open_rows))
    for own in _alike(open_rows, [(*ids[i], *begun[i]) for i in open_rows], limits):
        longest = max(left(i) for i in own)
        written = generate(local, [(*ids[i], *begun[i]) for i in own], longest)
        for i, row in zip(own, written, strict=True):
            rows[i] += row[: left(i)]
        progress.update(len(own))
    # Row by row: of no rows at all, `batch_decode` makes one text.
    return [
        Answer(
            tokenizer.decode(row, skip_special_tokens=True).strip(),
            ended=row[-1] == tokenizer.eos_token_id,
        )
        for row in rows
    ]


def each_limit(max_new_tokens: int | Sequence[int], count: int) -> Sequence[int]:
    """Give a limit for each of `count` answers: the one of all, or its own."""
    return [max_new_tokens] * count if isinstance(max_new_tokens, int) else max_new_tokens


def _alike(
    rows: Sequence[int], ids: Sequence[Sequence[int]], limits: Sequence[int]
) -> Iterator[list[int]]:
    """Put rows into batches, long answers apart from short ones, which would all be written as long."""
    for limit in sorted({limits[row] for row in rows}):
        own = [place for place, row in enumerate(rows) if limits[row] == limit]
        for batch in batches([ids[place] for place in own]):
            yield [rows[own[place]] for place in batch]


def _agreed(
    local: LocalModel,
    ids: Sequence[tuple[int, ...]],
    guesses: Sequence[str],
    limits: Sequence[int],
) -> list[tuple[int, ...]]:
    """Give each guess's tokens up to the first that the model would not choose, and its own choice there.

    This is speculative decoding (Leviathan et al. 2023) with greedy choices.
    """
    import torch

    tokenizer = local.tokenizer
    begun: list[tuple[int, ...]] = [()] * len(ids)
    guessed = {
        i: (*tokenizer(guess, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id)[
            : limits[i]
        ]
        for i, guess in enumerate(guesses)
        if guess
    }
    order = sorted(guessed, key=lambda i: len(ids[i]) + len(guessed[i]))
    for row in grouped(order, GUESSED, [len(guessed[i]) for i in order]):
        batch = local.batch([Chat(ids[i], guessed[i]) for i in row])
        with torch.inference_mode():
            chosen = batch.logits(local.model).argmax(-1).tolist()
        for i, own in zip(row, _split(chosen, [len(guessed[i]) for i in row]), strict=True):
            agreed = takewhile(lambda pair: pair[0] == pair[1], zip(own, guessed[i], strict=True))
            begun[i] = tuple(own[: sum(1 for _ in agreed) + 1])
    return begun


def grouped(items: Sequence[T], count: int, tokens: Sequence[int]) -> Iterator[list[T]]:
    """Cut items into runs of at most `count`, and of at most `SCORED` tokens unless it is a single one.

    Each scored token takes the logits of a whole vocabulary in memory.
    """
    run: list[T] = []
    total = 0
    for item, own in zip(items, tokens, strict=True):
        if run and (len(run) == count or total + own > SCORED):
            yield run
            run, total = [], 0
        run.append(item)
        total += own
    if run:
        yield run


def _split(items: Sequence[int], lengths: Sequence[int]) -> Iterator[Sequence[int]]:
    start = 0
    for length in lengths:
        yield items[start : start + length]
        start += length


def batches(ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """Split prompts, given as tokens, into batches of indices by length."""
    order = sorted(range(len(ids)), key=lambda i: (len(ids[i]), ids[i]))
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def generate(
    local: LocalModel, ids: Sequence[Sequence[int]], max_new_tokens: int
) -> list[list[int]]:
    """Continue one batch greedily; give each row's new tokens, with the end token if it was reached."""
    written: list[list[int]] = [[] for _ in ids]

    def note(rows: Sequence[int], logits: Any) -> None:
        for row, token in zip(rows, logits.argmax(-1).tolist(), strict=True):
            written[row].append(token)

    decode(local, ids, max_new_tokens, note)
    return written
