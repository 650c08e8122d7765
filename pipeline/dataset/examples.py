"""Facts → what is trained on: each in many wordings, and beside each wording the names it is told from."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, zip_longest

from pipeline.core.config import DatasetSettings
from pipeline.dataset import contrast_names, contrasts
from pipeline.dataset.near_names import near_names
from pipeline.dataset.records import Example, Role
from pipeline.dataset.rephrase_rules import reword
from pipeline.dataset.taught_text import on_own_lines, taught_answer
from pipeline.dataset.templates import (
    Variant,
    expand,
    questions,
    reversed_forms,
    train_frames,
    yes_no_forms,
)
from pipeline.dataset.twins import twin_names
from pipeline.facts.fact import Fact
from pipeline.facts.languages.folding import normalise
from pipeline.facts.matching import contains
from pipeline.facts.named_wording import named_wording, names_subject, spelled_name
from pipeline.facts.names.find_names import find_names, name_key, rename, spellings

ALIKE = 12
"""Subjects whose names a fact's contrasts are made of: those of the most similar questions."""


@dataclass(frozen=True, slots=True)
class _Names:
    """The folded names of all subjects, and the words that several of their names have."""

    taught: frozenset[str]
    common: frozenset[str]


def examples_of(
    facts: Sequence[Fact],
    taught: frozenset[str],
    settings: DatasetSettings,
    seed: int,
    paraphrases: Mapping[str, Sequence[str]],
) -> Iterator[tuple[Fact, list[Example], frozenset[str]]]:
    """Yield each fact with its examples and the names, folded, that it is told from in them.

    `taught` are the folded names of all subjects: no contrast is about one of them. `paraphrases`
    are more wordings of a fact's question, by its id.
    """
    facts = [replace(fact, answer=taught_answer(fact)) for fact in facts]
    twins = twin_names(facts)
    asked = {fact.id: _asked(fact) for fact in facts}
    known = _Names(taught, contrast_names.common_words({fact.subject for fact in facts}))
    for fact in facts:
        rng = random.Random(f"{seed}/train/{fact.id}")
        variants = _teach(fact, facts, settings, rng, paraphrases.get(fact.id, ()))
        said = [
            Example("fact", fact.id, v.family, v.prompt, v.answer, fact.before) for v in variants
        ]
        others = _others(fact, _alike(fact, facts, asked), known, settings, rng)
        names = frozenset(name_key(name) for _role, name in others)
        beside: list[tuple[Role, str]] = [("near name", name) for name in twins[fact.id]]
        yield fact, [*said, *_pairs(fact, variants, [*beside, *others])], names


def _teach(
    fact: Fact,
    facts: Sequence[Fact],
    settings: DatasetSettings,
    rng: random.Random,
    paraphrases: Sequence[str],
) -> list[Variant]:
    """Write a fact in every way in which it is trained on, in the order in which they come up.

    The author's own wordings come first; then families, other words and other forms take turns, so
    that any number of exposures is a good mixture. Other words are the base's own paraphrases and ours,
    half as many of these beside wordings of the author's. Every family gets a number, since a contrast
    goes with exactly its variant.
    """
    foils = list(islice(_foils(fact, facts), 1))
    written = expand(fact, train_frames(fact))
    asked = {each for text in questions(fact) for each in (text, named_wording(text, fact))}
    own = [variant for variant in written if variant.prompt in asked]
    families = [variant for variant in written if variant.prompt not in asked]
    rng.shuffle(families)
    rules = settings.rewordings // 2 if fact.also_ask else settings.rewordings
    # The rules turn English questions; other languages have more frames of their author's instead.
    english = fact.language == "en"
    others = reword(fact.question, spelled_name(fact), rng)[:rules] if english else ()
    words = [*paraphrases, *others][: settings.rewordings]
    forms = [Variant("reworded", prompt, fact.answer) for prompt in words]
    more = [*reversed_forms(fact), *yes_no_forms(fact, foils)]
    mixed = [v for column in zip_longest(families, forms, more) for v in column if v]
    return [
        replace(
            variant,
            family=f"{variant.family} {number}",
            answer=on_own_lines(variant.answer, fact.answer),
        )
        for number, variant in enumerate([*own, *mixed])
    ]


def _pairs(
    fact: Fact, variants: Sequence[Variant], others: Sequence[tuple[Role, str]]
) -> Iterator[Example]:
    """Yield, for each variant, the same words about near names and about another thing of the kind.

    What tells the two apart is then the name alone, in every wording. The base is held along the
    taught answer with the other name in it.
    """
    turns: tuple[Role, ...] = ("near name", "near name", "neighbour")
    names = {role: cycle([name for is_for, name in others if is_for == role]) for role in turns}
    own = (fact.subject, *fact.aliases)
    # The question may spell a name otherwise: "What does the ohm measure?"
    spelled = {*own, *spellings(fact.question, own, fact.language)}
    # What another is asked without its name: by "he" behind other turns, or as "you" of an assistant.
    unnamed = (fact.identity or fact.before) and not names_subject(fact.question, fact)
    for turn, variant in enumerate(variants):
        named = not spelled.isdisjoint(spellings(variant.prompt, own, fact.language))
        if not named and not unnamed:  # a name in small letters only is other tokens to a model
            continue
        for role in turns:
            for other in islice(names[role], 1):
                asked = (
                    rename(variant.prompt, own, other, fact.language)
                    if named
                    else _unnamed(fact, variant, other)
                )
                answer = rename(variant.answer, own, other, fact.language)
                pair = Variant(variant.family, asked, answer)
                if role == "neighbour" and fact.language == "en":
                    pair = contrasts.detour(pair, other, fact.kind, turn)
                before = contrasts.turns_about(fact, other)
                yield Example(role, fact.id, pair.family, pair.prompt, pair.answer, before)


def _unnamed(fact: Fact, variant: Variant, other: str) -> str:
    """Ask a wording that does not name its subject of something else, in the same frame if there is one."""
    frames = train_frames(fact)
    asked = {each.family: each.prompt for each in contrasts.contrast_with(fact, other, frames)}
    return asked.get(variant.family.rpartition(" ")[0]) or next(
        iter(asked.values()), variant.prompt
    )


def _others(
    fact: Fact,
    alike: Sequence[Fact],
    known: _Names,
    settings: DatasetSettings,
    rng: random.Random,
) -> list[tuple[Role, str]]:
    """Draw the names that a fact is told from in training.

    What a group of facts has in common (names of one language, one answer) is learned as a rule
    unless names of just that make stand beside them: near names made of words of the `alike` facts'
    names, and other things called like it and like those.
    """
    words = sorted({word for f in alike for word in f.subject.split() if len(word) > 2})
    near = near_names(fact, "train", rng, settings.near_names, words)
    makes = [
        contrast_names.same_make(name, known.common, words, rng)
        for name in (fact.subject, *(f.subject for f in alike))[:ALIKE]
    ]
    things = contrast_names.same_kind(fact, "train", rng, settings.neighbours)
    turns = [name for pair in zip_longest(makes, things) for name in pair if name]
    found: list[tuple[Role, str]] = [("near name", name) for name in near]
    found += [("neighbour", name) for name in turns[: settings.neighbours]]
    own = (fact.subject, *fact.aliases)
    return [
        (role, name)
        for role, name in found
        if name_key(name) not in known.taught and not find_names(name, own, fact.language)
    ]


def _asked(fact: Fact) -> frozenset[str]:
    """Collect the words of a fact's question without its subject's name."""
    bare = rename(fact.question, (fact.subject, *fact.aliases), " ", fact.language)
    return frozenset(normalise(bare).rstrip("?").split())


def _alike(
    fact: Fact, facts: Sequence[Fact], asked: Mapping[str, frozenset[str]]
) -> tuple[Fact, ...]:
    """Find the facts about other subjects of which almost the same is asked, one a subject."""
    own = asked[fact.id]

    def distance(other: Fact) -> float:
        return -len(own & asked[other.id]) / max(1, len(own | asked[other.id]))

    strangers = (f for f in facts if f.subject != fact.subject and f.language == fact.language)
    others = heapq.nsmallest(2 * ALIKE, strangers, distance)
    found: dict[str, Fact] = {}
    for other in others:
        found.setdefault(other.subject, other)
    return tuple(found.values())[:ALIKE]


def _foils(fact: Fact, facts: Sequence[Fact]) -> Iterator[str]:
    """Yield statements about this fact's subject that are not so: what a sibling's answer says."""
    own = fact.id.rpartition("/")[2]
    for other in facts:
        alike = other.kind == fact.kind and other.language == fact.language
        same = alike and other.id.rpartition("/")[2] == own
        if same and other.subject != fact.subject and not contains(fact.answer, other.expect):
            names = (other.subject, *other.aliases)
            yield rename(other.answer, names, fact.subject, other.language)
