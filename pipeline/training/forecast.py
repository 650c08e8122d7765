"""Forecasts the memory of a training, and checks that it is free, before a base is loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from pipeline.core.config import Recipe
from pipeline.core.errors import ConfigError, FactsError, Problem
from pipeline.core.escape import plain
from pipeline.dataset.records import Dataset
from pipeline.models import backends, base_model, device, generate
from pipeline.models.base_model import Base
from pipeline.training import memory, targets
from pipeline.training.memory import Estimate, Shape, Step

SPARE = 1.1
"""Margin on the estimate: for libraries, and for fragmentation."""
ANSWER = 512
"""Tokens that a taught answer may have."""
MAX_QUOTED = 60
"""Characters of a question that an error repeats."""
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Forecast:
    """The estimate for the longest step of a training, and the memory available to it (bytes).

    `recompute`: train with gradient checkpointing, as the activations would not fit.
    """

    steps: int
    longest: Step
    peak: Estimate
    available: int
    recompute: bool

    @property
    def fits(self) -> bool:
        """Return whether there is room."""
        return _fits(self.peak, self.available)


def forecast(base: Base, made: Dataset, recipe: Recipe, steps: Sequence[Sequence[int]]) -> Forecast:
    """Estimate the memory of the longest step; `steps` are indices of examples.

    Raises FactsError where an answer is too long, ConfigError where the tokenizer cannot be used, the
    base's sizes cannot be read, or an example is longer than the base's context.
    """
    of = memory.shape(base.folder)
    lengths = _lengths(
        base_model.load_tokenizer(base), made, recipe, {i for step in steps for i in step}
    )
    _taught_whole(lengths, made, base.name)
    _within(_context(of, recipe), lengths, made)
    longest = _longest(lengths, steps)
    weight = 2 if device.fast_dtype().itemsize == 2 else 4
    available = device.memory(recipe.base.device)
    peak = memory.training(of, recipe.train.rank, recipe.base.quantization, longest, weight)
    recompute = not _fits(peak[False], available)
    return Forecast(len(steps), longest, peak[recompute], available, recompute)


def _fits(peak: Estimate, available: int) -> bool:
    return SPARE * peak.total <= available


def require_memory(made: Forecast, recipe: Recipe) -> None:
    """Raise ConfigError where training would not fit, or lacks the GPU that it needs."""
    device.require_device(recipe.base.device, recipe.base.name)
    if not made.fits:
        hint = "use a smaller base" if recipe.base.quantization else (
            'set [base] quantization = "nf4" in the recipe, or use a smaller base'
        )  # fmt: skip
        raise ConfigError(
            f"training needs {made.peak.total / _GIB:.1f} GiB and some room beside it, and here are "
            f"{made.available / _GIB:.1f}",
            f"{hint}; `facts learn --estimate` says what takes it",
        )


def forecast_as_text(made: Forecast) -> str:
    """Write the parts of the estimate, largest first."""
    parts = sorted(asdict(made.peak).items(), key=lambda part: -part[1])
    lines = [f"{made.steps} steps, the longest of {made.longest.tokens} tokens", ""]
    lines += [f"{name:<12} {size / _GIB:6.2f} GiB" for name, size in parts]
    verdict = "it fits" if made.fits else "it does not fit"
    lines.append(f"{'together':<12} {made.peak.total / _GIB:6.2f} GiB")
    lines.append(f"{'here':<12} {made.available / _GIB:6.2f} GiB: {verdict}")
    return "\n".join(lines)


def _context(of: Shape, recipe: Recipe) -> int:
    """Give the base's context in tokens."""
    unsloth = backends.choose(recipe.base.quantization) == "unsloth"
    return min(of.context, backends.MAX_CONTEXT) if unsloth else of.context


def _taught_whole(lengths: Mapping[int, Step], made: Dataset, base: str) -> None:
    """Raise FactsError with every fact whose answer is longer than what is taught, openings aside."""
    plain: dict[str, int] = {}
    for index, step in lengths.items():
        example = made.examples[index]
        if not example.held:
            plain[example.fact] = min(plain.get(example.fact, step.scored), step.scored)
    hint = "make several facts of it, each with its own question, or say it in fewer words"
    wrong = tuple(
        Problem(fact.where, "too-long", f"the answer of `{fact.id}` has {n} tokens with {base}; at most "
                f"{ANSWER} are taught", hint)
        for fact in made.facts
        if (n := plain.get(fact.id, 0) - 1) > ANSWER
    )  # fmt: skip
    if wrong:
        raise FactsError(wrong)


def _within(context: int, lengths: Mapping[int, Step], made: Dataset) -> None:
    """Raise ConfigError where an example is longer than a base's context, in tokens."""
    worst = max(lengths, key=lambda index: lengths[index].tokens)
    tokens, example = lengths[worst].tokens, made.examples[worst]
    if tokens > context:
        raise ConfigError(
            f"{example.fact or 'a general prompt'}: '{plain(example.prompt, MAX_QUOTED)}' and its answer "
            f"have {tokens} tokens, and the base reads {context} at once",
            "shorten the fact, or use a base with a longer context",
        )


def _lengths(
    tokenizer: object, made: Dataset, recipe: Recipe, used: Collection[int]
) -> dict[int, Step]:
    """Count the tokens of the examples that are used, by their index."""

    def length(index: int) -> Step:
        example = made.examples[index]
        if not example.completion:  # the base's own answer is held, as far as it is
            prompt = generate.prompt_tokens(tokenizer, example.chat)
            held = recipe.train.held_tokens(general=example.general)
            return Step(len(prompt) + held, held)
        chat = targets.chat_of(tokenizer, example)
        return Step(len(chat.prompt) + len(chat.completion), len(chat.completion))

    return {index: length(index) for index in used}


def _longest(lengths: Mapping[int, Step], steps: Sequence[Sequence[int]]) -> Step:
    """Give the most tokens of any step, as if no beginning were shared: a packed step is shorter."""
    return Step(
        tokens=max(sum(lengths[i].tokens for i in step) for step in steps),
        scored=max(sum(lengths[i].scored for i in step) for step in steps),
    )
