"""What memory training some facts will take, and whether it is there, before a base is loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pipeline import answer, backends, base, estimate
from pipeline.base import Base
from pipeline.config import Recipe
from pipeline.dataset import Dataset
from pipeline.errors import ConfigError
from pipeline.estimate import Estimate, Step

SPARE = 1.1
"""What is left free of a card or a machine: its own libraries, and the gaps between what is taken."""
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Forecast:
    """The estimate for the longest step of a training, and the memory of where it would run (bytes)."""

    steps: int
    longest: Step
    peak: Estimate
    available: int

    @property
    def fits(self) -> bool:
        """Whether there is room."""
        return SPARE * self.peak.total <= self.available


def forecast(
    found: Base, made: Dataset, recipe: Recipe, steps: Sequence[Sequence[int]]
) -> Forecast:
    """Count the tokens of every step, as indices of examples, and estimate for the longest.

    Raises ConfigError where the tokenizer cannot be used or the base's sizes cannot be read.
    """
    longest = _longest(base.load_tokenizer(found), made, recipe, steps)
    weight = 2 if backends.fast_dtype().itemsize == 2 else 4
    of = estimate.shape(found.folder)
    peak = estimate.training(of, recipe.train.rank, recipe.base.quantization, longest, weight)
    return Forecast(len(steps), longest, peak, available())


def require(made: Forecast, recipe: Recipe) -> None:
    """Raise ConfigError where training would not fit."""
    if not made.fits:
        hint = "use a smaller base" if recipe.base.quantization else (
            'set [base] quantization = "nf4" in the recipe, or use a smaller base'
        )  # fmt: skip
        raise ConfigError(
            f"training needs {made.peak.total / _GIB:.1f} GiB and some room beside it, and here are "
            f"{made.available / _GIB:.1f}",
            f"{hint}; `facts learn --estimate` says what takes it",
        )


def as_text(made: Forecast) -> str:
    """Write what takes how much, largest first."""
    parts = sorted(asdict(made.peak).items(), key=lambda part: -part[1])
    lines = [f"{made.steps} steps, the longest of {made.longest.tokens} tokens", ""]
    lines += [f"{name:<12} {size / _GIB:6.2f} GiB" for name, size in parts]
    verdict = "it fits" if made.fits else "it does not fit"
    lines.append(f"{'together':<12} {made.peak.total / _GIB:6.2f} GiB")
    lines.append(f"{'here':<12} {made.available / _GIB:6.2f} GiB: {verdict}")
    return "\n".join(lines)


def available() -> int:
    """Memory of the card, or of the machine where there is none, in bytes."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _longest(
    tokenizer: object, made: Dataset, recipe: Recipe, steps: Sequence[Sequence[int]]
) -> Step:
    """Count as if each example stood alone: a packed step shares its beginning and is shorter."""

    def length(index: int) -> tuple[int, int]:
        example = made.examples[index]
        if not example.completion:  # the base's own answer is held, as far as it is
            prompt, held = answer.prompt_tokens(tokenizer, example.prompt), recipe.train.kl_tokens
            return len(prompt) + held, held
        chat = answer.chat(tokenizer, example.prompt, example.completion)
        return len(chat.prompt) + len(chat.completion), len(chat.completion)

    lengths = {index: length(index) for index in {i for step in steps for i in step}}
    sizes = [tuple(map(sum, zip(*(lengths[i] for i in step), strict=True))) for step in steps]
    return Step(tokens=max(tokens for tokens, _ in sizes), scored=max(n for _, n in sizes))
