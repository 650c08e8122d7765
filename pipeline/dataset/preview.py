"""Shows someone who has just written a fact how it will be taught and asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

from pipeline.core.config import DatasetSettings
from pipeline.core.errors import PipelineError
from pipeline.core.problems import visible
from pipeline.dataset import build
from pipeline.facts.fact import Subject

SHOWN = 4
"""Lines of each sort."""


def preview_facts(subject: Subject, names: Collection[str], settings: DatasetSettings) -> str:
    """Write a few questions of each fact of a subject that `names` has the author's id of.

    Where what the generator needs is not installed, these are the author's own.
    """
    facts = [fact for fact in subject.facts if fact.id.rpartition("/")[2] in names and fact.active]
    try:
        data = build.build([subject], settings, 0)
    except (ModuleNotFoundError, PipelineError):
        data = None
    blocks = []
    for fact in facts:
        taught, held, asked = [fact.question, *fact.also_ask], list[str](), [*fact.probes]
        if data:
            own = [each for each in data.examples if each.fact == fact.id]
            taught = [each.prompt for each in own if not each.held]
            held = [each.prompt for each in own if each.held]
            asked = [p.prompt for p in data.probes if p.fact == fact.id and p.role == "fact"]
        blocks += [
            f"{visible(fact.id)}: {visible(fact.answer)}",
            *_some("taught with", taught),
            *(_some("must stay as it is for", held) if data else ()),
            *_some("tested with", asked),
        ]
    return "\n".join(blocks)


def _some(title: str, prompts: Iterable[str]) -> list[str]:
    """List a few different prompts below a title, and say so where there are none."""
    shown = list(islice(dict.fromkeys(prompts), SHOWN)) or ["(nothing)"]
    return [f"  {title}:", *(f"    {visible(each)}" for each in shown)]
