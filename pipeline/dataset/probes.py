"""A fact → everything that only the gate asks about it; no family of wording here is trained on.

Each role is judged by itself: the fact in other wordings, with noise around it, from its object, as
a statement to confirm, negated; and a withdrawn fact, whose old answer must be gone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.dataset import grammar, negation, noise
from pipeline.dataset.records import Probe
from pipeline.dataset.templates import PROBE, TRAIN, expand
from pipeline.facts.fact import Fact
from pipeline.facts.matching import contains
from pipeline.facts.names import rename

AUTHOR = "author's probe"
RETIRED_ASKED = 6
"""Questions about a withdrawn fact."""
_STATED = (
    ("true that", "Is it true that {s}?"),
    ("someone told", "Someone told me that {s}. Is that right?"),
)


def insert_clause(fact: Fact, rng: random.Random) -> Iterator[Probe]:
    """Yield a live fact's probes, for each role in the order in which a sample should take them."""
    for family, prompt in _wordings(fact):
        yield Probe("fact", fact.id, family, prompt, fact.expect)
    for kind, before, prompt in noise.around(fact, rng):
        yield Probe("noise", fact.id, kind, prompt, fact.expect, before)
    if fact.reverse:
        turned = replace(fact, question=fact.reverse.question, also_ask=(), aliases=())
        for variant in expand(turned, PROBE[:3]):
            family = f"reverse, {variant.family}"
            yield Probe("reverse", fact.id, family, variant.prompt, fact.reverse.expect)
    for family, prompt in _stated(fact, fact.subject):
        yield Probe("yes", fact.id, family, prompt, fact.expect)
    if negated := negation.negated(fact.question, fact.subject):
        yield Probe("negation", fact.id, "negated", negated, fact.expect)


def false_statement(fact: Fact, name: str, turn: int) -> Probe | None:
    """Ask to confirm that another thing is what the fact says of its subject; None without a form."""
    forms = list(_stated(fact, name))
    if not forms:
        return None
    family, prompt = forms[turn % len(forms)]
    return Probe("no", fact.id, family, prompt, fact.expect, about=name)


def retired(facts: Sequence[Fact]) -> Iterator[Probe]:
    """Yield questions about the withdrawn ones among a subject's facts.

    Nothing is asked where a live fact of the subject says the same: then it is still right.
    """
    for fact in facts:
        if not fact.active and not any(
            contains(other.answer, fact.expect) for other in facts if other.active
        ):
            for variant in expand(fact, (TRAIN[0], *PROBE))[:RETIRED_ASKED]:
                yield Probe("retired", fact.id, variant.family, variant.prompt, fact.expect)


def _wordings(fact: Fact) -> Iterator[tuple[str, str]]:
    """Yield the author's probes, the families over the question, and those over the author's probes."""
    yield from ((AUTHOR, prompt) for prompt in fact.probes)
    yield from ((variant.family, variant.prompt) for variant in expand(fact, PROBE))
    if fact.probes:
        asked = replace(fact, question=fact.probes[0], also_ask=fact.probes[1:], aliases=())
        for variant in expand(asked, PROBE):
            yield f"{AUTHOR}, {variant.family}", variant.prompt
    turned = replace(fact, question=[*fact.also_ask, fact.question][0])
    if fact.also_ask:
        turned = replace(turned, also_ask=(*fact.also_ask[1:], fact.question))
        for variant in expand(turned, PROBE):
            yield f"{variant.family}, turned", variant.prompt


def _stated(fact: Fact, name: str) -> Iterator[tuple[str, str]]:
    """Write the fact as a statement about `name` to confirm, where it can be asked with yes or no."""
    if grammar.yes_no(fact.answer, (fact.subject, *fact.aliases)):
        own = (fact.subject, *fact.aliases)
        statement = rename(fact.answer, own, name, fact.language).rstrip(". ")
        for family, template in _STATED:
            yield family, template.replace("{s}", statement)
