"""Measures the margin of a taught answer over competing ones in nats; it shrinks before a fact is lost.

The rivals are answers of the same kind: the base's to the same question and to the same question about
other things, with the name replaced, and those of sibling facts. All are scored over as many tokens as
the taught answer has, so that none wins by being short.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.core import progress
from pipeline.core.chat import Prompt, under_system
from pipeline.dataset.records import Dataset
from pipeline.dataset.taught_text import taught_answer
from pipeline.evaluation.sampling import Sample
from pipeline.facts.fact import Fact
from pipeline.facts.matching import contains
from pipeline.facts.names.find_names import rename
from pipeline.models import generate
from pipeline.models.generate import Answer
from pipeline.models.local_model import LocalModel
from pipeline.models.packing import Chat

RIVALS = 12
"""Rivals that an answer is compared with, at most."""


@dataclass(frozen=True, slots=True)
class Margin:
    """Log-probability of the taught answer less that of the best of so many rivals, in nats."""

    nats: float
    rivals: int


def margins(
    adapted: LocalModel,
    facts: Sequence[Fact],
    rivals: Mapping[str, Sequence[str]],
    systems: Sequence[str] = (),
) -> dict[str, Margin]:
    """Give each fact's margin by id, over its question as the author wrote it; `rivals` are by id too.

    It is asked under the first of the `systems`, and of the text that was taught. Facts without a rival
    are left out.
    """
    import torch

    result = {}
    with progress.bar("margins", len(facts)) as shown, torch.inference_mode():
        for fact in facts:
            others = rivals.get(fact.id, ())
            if others:
                scores = _scores(
                    adapted, under_system(systems, fact.chat), (taught_answer(fact), *others)
                )
                result[fact.id] = Margin(scores[0] - max(scores[1:]), len(others))
            shown.update()
    return result


def same_kind(fact: Fact, answers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Turn answers about other names into at most `RIVALS` of a fact's; `answers` are (name, answer).

    Leaves out duplicates, and answers that contain the fact's own expected words.
    """
    about_fact = (
        rename(text, (name,), fact.subject, fact.language) for name, text in answers if text
    )
    distinct = dict.fromkeys(text for text in about_fact if not contains(text, fact.expect))
    return tuple(distinct)[:RIVALS]


def _scores(adapted: LocalModel, prompt: Prompt, answers: Sequence[str]) -> list[float]:
    """Sum the log-probabilities of each answer's tokens, as many as the first answer has."""
    import torch

    chats = [generate.as_chat(adapted.tokenizer, prompt, text) for text in answers]
    length = len(chats[0].completion)
    cut = [Chat(chat.prompt, chat.completion[:length]) for chat in chats]
    found: list[float] = []
    for row in generate.grouped(cut, len(cut), [len(chat.completion) for chat in cut]):
        batch = adapted.batch(row)
        logprobs = torch.log_softmax(batch.logits(adapted.model), dim=-1)
        taken = logprobs.gather(-1, batch.labels[:, None])[:, 0]
        found += [float(taken[batch.owner == i].sum()) for i in range(len(row))]
    return found


def margin_candidates(
    made: Dataset, drawn: Sample, base: Iterable[Answer | None]
) -> dict[str, tuple[str, ...]]:
    """Collect, for each fact, other answers to its question: its own base answers first, then the nearest."""
    by_fact: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for probe, was in zip(drawn.probes, base, strict=True):
        if was and probe.role in {"fact", "neighbour", "near name"}:
            by_fact[probe.fact].append((probe.about, was.text))
    relations: dict[str, list[Fact]] = defaultdict(list)
    for fact in made.facts:
        relations[_relation(fact)].append(fact)
    result = {}
    for fact in drawn.facts:
        siblings = [other for other in relations[_relation(fact)] if other is not fact]
        answers = [(other.subject, taught_answer(other)) for other in siblings]
        asked = [pair for other in siblings for pair in by_fact[other.id]]
        # Facts of other relations fill up where these are few: better a far rival than none.
        far = [(other.subject, taught_answer(other)) for other in made.facts[: 2 * RIVALS]]
        pool = (*by_fact[fact.id], *answers, *asked, *far)
        result[fact.id] = same_kind(fact, ((name or fact.subject, text) for name, text in pool))
    return result


def _relation(fact: Fact) -> str:
    return f"{fact.kind}/{fact.id.rpartition('/')[2]}"
