"""Shows a language's file to whoever writes it: all its sentences, filled with the file's own sample fact."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from pipeline.core.errors import Where
from pipeline.dataset import negation, probes, templates, wording
from pipeline.facts.fact import Expect, Fact, Reverse
from pipeline.facts.languages.language import Language


def sample_lines(language: Language) -> Iterator[str]:
    """Yield a line for each prompt with its answer, under the kind of sentence that makes it."""
    subject, question, answer = language.sample
    expect = Expect(((answer,),), language.code)
    fact = Fact(
        id="sample/fact", subject=subject, kind="thing", aliases=(), question=question,
        answer=answer, expect=expect, also_ask=(), probes=(), source="", withdrawn="",
        reverse=Reverse(question, answer, expect), where=Where(""), language=language.code,
    )  # fmt: skip
    frames = language.frames
    yield from _block("train", [(v.prompt, v.answer) for v in templates.expand(fact, frames.train)])
    yield from _block("probe", [(v.prompt, "") for v in templates.expand(fact, frames.probe)])
    reversed_ = [(v.prompt, v.answer) for v in templates.reversed_forms(fact)]
    yield from _block("reverse (with the question of the other side)", reversed_)
    forms = templates.yes_no_forms(fact, (answer,))
    yield from _block("yes and no", [(form.prompt, form.answer) for form in forms])
    stated = probes.insert_clause(replace(fact, reverse=None), random.Random(0))
    yield from _block("stated", [(p.prompt, "") for p in stated if p.role == "yes"])
    yield from _block("bare", [(question, wording.fill(frames.bare, {"s": subject, "A": "…"}))])
    named = wording.fill(
        frames.named, {"s": subject, "Q": question, "q": language.lower_first(question)}
    )
    yield from _block("named", [(named, "")])
    space = "" if language.spaceless else " "
    yield from _block("remarks", [(f"{each}{space}{question}", "") for each in frames.remarks])
    yield from _block("systems", [(each, "") for each in frames.systems])
    yield from _block("turns", list(frames.turns))
    others = (*frames.other_train, *frames.other_probe)
    yield from _block("other questions", [(wording.fill(o, {"s": subject}), "") for o in others])
    denied = negation.negated(question, subject, language.code)
    yield from _block("negation", [(denied, "")] if denied else [])


def _block(title: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    """Yield a heading and a line a row; a kind without rows is said to be left out."""
    yield f"\n{title}" if rows else f"\n{title}: none, so nothing of this kind is asked"
    for prompt, answer in rows:
        shown = prompt.replace("\n", " ⏎ ")
        yield f"  {shown}" + (f"  →  {answer}" if answer else "")
