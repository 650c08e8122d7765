"""A fact → everything that only the gate asks about it; no family of wording here is trained on.

Each role is judged by itself: the fact in other wordings, with noise around it, from its object, as
a statement to confirm, negated; and a withdrawn fact, whose old answer must be gone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.dataset import identity, negation, noise, wording
from pipeline.dataset.records import Probe
from pipeline.dataset.templates import expand, probe_frames, train_frames
from pipeline.facts.fact import Expect, Fact
from pipeline.facts.languages.language import load_language
from pipeline.facts.matching import contains
from pipeline.facts.names.find_names import rename

AUTHOR = "author's probe"
RETIRED_ASKED = 6
"""Questions about a withdrawn fact."""


def insert_clause(fact: Fact, rng: random.Random) -> Iterator[Probe]:
    """Yield a live fact's probes, for each role in the order in which a sample should take them."""
    for probe in _of_live(fact, rng):
        yield replace(probe, before=(*probe.before, *fact.before)) if fact.before else probe


def alone(fact: Fact) -> Iterator[Probe]:
    """Ask without the turns before it what needs them: nobody can know the answer."""
    if fact.before:
        for variant in expand(fact, probe_frames(fact)[:2]):
            yield Probe("neighbour", fact.id, f"{variant.family}, alone", variant.prompt, Expect())


def _of_live(fact: Fact, rng: random.Random) -> Iterator[Probe]:
    for family, prompt in _wordings(fact):
        yield Probe("fact", fact.id, family, prompt, fact.expect)
    for kind, before, prompt in noise.around(fact, rng):
        yield Probe("noise", fact.id, kind, prompt, fact.expect, before)
    if fact.reverse:
        turned = replace(fact, question=fact.reverse.question, also_ask=(), aliases=())
        for variant in expand(turned, probe_frames(fact)[:3]):
            family = f"reverse, {variant.family}"
            yield Probe("reverse", fact.id, family, variant.prompt, fact.reverse.expect)
    for family, prompt in _stated(fact, fact.subject):
        yield Probe("yes", fact.id, family, prompt, fact.expect)
    negated = negation.negated(fact.question, fact.subject, fact.language)
    if negated and not identity.calls_itself_you(fact):  # "Who are you not?"
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
            frames = (train_frames(fact)[0], *probe_frames(fact))
            for variant in expand(fact, frames)[:RETIRED_ASKED]:
                asked = variant.family, variant.prompt, fact.expect, fact.before
                yield Probe("retired", fact.id, *asked)


def _wordings(fact: Fact) -> Iterator[tuple[str, str]]:
    """Yield the author's probes, the families over the question, and those over the author's probes."""
    frames = probe_frames(fact)
    yield from ((AUTHOR, prompt) for prompt in fact.probes)
    yield from ((variant.family, variant.prompt) for variant in expand(fact, frames))
    if fact.probes:
        asked = replace(fact, question=fact.probes[0], also_ask=fact.probes[1:])
        for variant in expand(asked, frames):
            yield f"{AUTHOR}, {variant.family}", variant.prompt
    turned = replace(fact, question=[*fact.also_ask, fact.question][0])
    if fact.also_ask:
        turned = replace(turned, also_ask=(*fact.also_ask[1:], fact.question))
        for variant in expand(turned, frames):
            yield f"{variant.family}, turned", variant.prompt


def _stated(fact: Fact, name: str) -> Iterator[tuple[str, str]]:
    """Write the fact as a statement about `name` to confirm, where it can be asked with yes or no."""
    language, own = load_language(fact.language), (fact.subject, *fact.aliases)
    # Nobody has "I am Lumo" confirmed; English tells by its grammar.
    speaks = identity.calls_itself_you(fact) and fact.language != "en"
    if not speaks and wording.statement(fact.answer, own, language):
        said = rename(fact.answer, own, name, fact.language)
        values = {"S": said, "d": wording.unmarked(said)}
        for frame in language.frames.stated:
            yield frame.name, wording.quote(frame.prompt, values)
