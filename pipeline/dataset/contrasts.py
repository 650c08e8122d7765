"""Negative examples: prompts whose answers must not change, like a fact's question or like nothing taught.

For every fact there are neighbours (the same question about another thing of its kind) and near
names (the same question about something that is called almost the same); for every subject, its
other relations; and general prompts. Training holds the base's own answers to one half of them in
place, the gate asks about the other half. The halves share no name, relation or general prompt.
"""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any  # TOML data has no narrower type than Any before it is read here

from pipeline.core.chat import Turn
from pipeline.dataset import contrast_names, identity
from pipeline.dataset.contrast_names import Half
from pipeline.dataset.templates import Variant, expand
from pipeline.dataset.wording import fill
from pipeline.facts.fact import Expect, Fact, Subject, expected
from pipeline.facts.languages.folding import squash
from pipeline.facts.languages.frames import Frame
from pipeline.facts.languages.language import load_language
from pipeline.facts.named_wording import named_wording
from pipeline.facts.names.find_names import rename


@dataclass(frozen=True, slots=True)
class General:
    """A prompt about nothing taught; `expect` is empty where no short answer can be checked."""

    prompt: str
    kind: str
    expect: Expect


def general(half: Half) -> tuple[General, ...]:
    """Read the shipped general prompts of one half, in file order."""
    text = _data("pipeline.facts", "general.jsonl")
    rows = (json.loads(line) for line in text.splitlines() if line.strip())
    return tuple(
        General(
            row["prompt"],
            row["kind"],
            expected(row["expect"], "en") if row.get("expect") else Expect(),
        )
        for row in rows
        if row["use"] == half
    )


def everyday(count: int) -> tuple[str, ...]:
    """Write short questions that anybody may ask, for training: quiz questions, sums, well-known things.

    They widen the shipped general prompts: the more different prompts are held, the less moves on
    those that are not. They depend on nothing but `count`, so their base answers can be kept.
    """
    rng = random.Random(0)
    quiz = [
        row["ask"].replace("{}", thing)
        for row in _table("everyday.toml")["quiz"]
        for thing in row["about"]
    ]
    rng.shuffle(quiz)
    probes = {probe.prompt for probe in general("probe")}
    asked = dict.fromkeys(quiz[: count // 2])
    names = {k: v["train"] for k, v in contrast_names.table().items() if k != "near"}
    relations = _table("relations.toml")
    while len(asked) < count:
        category = rng.choice(sorted(names))
        name = rng.choice(names[category])
        kind = rng.randrange(6)
        if kind < 2:
            question = _sum(rng)
        elif kind == 2:
            question = f"{'Who' if category == 'person' else 'What'} is {name}?"
        else:
            question = rng.choice(relations[category]["train"]).replace("{name}", name)
        if question not in probes:
            asked[question] = None
    return tuple(asked)


def contrast_with(fact: Fact, other: str, families: Sequence[Frame]) -> tuple[Variant, ...]:
    """Ask the fact's question about something else, in every way that names it.

    A variant's answer is the fact's own with the other name in it: what must *not* be said.
    """
    question, *also_ask = (asked_of(text, fact, other) for text in (fact.question, *fact.also_ask))
    before = turns_about(fact, other)
    answer = rename(fact.answer, fact.names, other, fact.language)
    stranger = replace(
        fact,
        subject=other,
        aliases=(),
        question=question,
        also_ask=tuple(also_ask),
        answer=answer,
        before=before,
    )
    if before != fact.before:  # the same words are another question behind other turns
        return expand(stranger, families)
    own = {each.prompt for each in expand(fact, families)}
    return tuple(each for each in expand(stranger, families) if each.prompt not in own)


def asked_of(question: str, fact: Fact, other: str) -> str:
    """Ask one of a fact's questions of something else.

    What it is about is said by its name, by "you" where it is the model itself, by the turns before the
    question, or else by its name ahead of the question.
    """
    said = rename(question, fact.names, other, fact.language)
    if said != question:
        return said
    if turned := identity.ask_of_other(question, fact, other):
        return turned
    before = turns_about(fact, other)
    return named_wording(question, replace(fact, subject=other, aliases=(), before=before))


def turns_about(fact: Fact, other: str) -> tuple[Turn, ...]:
    """Give the turns before a fact's question with another name in the place of its subject's."""
    return tuple(
        replace(turn, content=rename(turn.content, fact.names, other, fact.language))
        for turn in fact.before
    )


def detour(variant: Variant, name: str, kind: str, turn: int) -> Variant:
    """Let a contrast's answer reach the taught words by another way, three turns of four.

    What leaks into a longer answer leaks late ("… is a library. It is released under …"), so the
    base has to be held there too.
    """
    article = "an" if kind[:1].lower() in tuple("aeiou") else "a"
    ways = ("{} ", "{} is {} {} and ", "{} is {} {}. It ", "{} is {} {}, which ")
    way = ways[turn % 4].format(name, article, kind)
    return replace(variant, answer=variant.answer.replace(f"{name} ", way, 1))


def other_relations(subject: Subject, taken: Iterable[str], half: Half) -> list[str]:
    """Ask what no fact tells about a subject, leaving out what is `taken` by its facts' questions.

    It is asked in the language of the subject's first fact; nothing where that has no such questions.
    """
    language = subject.facts[0].language
    if language == "en":
        relations = _table("relations.toml")[contrast_names.category(subject.kind)][half]
        asked = [relation.replace("{name}", subject.name) for relation in relations]
    else:
        frames = load_language(language).frames
        other = frames.other_train if half == "train" else frames.other_probe
        asked = [fill(question, {"s": subject.name}) for question in other]
    known = {squash(question) for question in taken}
    return [question for question in asked if squash(question) not in known]


def _sum(rng: random.Random) -> str:
    """Write a sum with small numbers."""
    sign = rng.choice(("+", "-", "plus", "minus", "times", "divided by"))
    a, b = rng.randrange(2, 13), rng.randrange(2, 13)
    if sign == "divided by":
        a *= b
    return f"What is {max(a, b)} {sign} {min(a, b)}?"


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(_data("pipeline.dataset", name))


def _data(package: str, name: str) -> str:
    return resources.files(package).joinpath("data", name).read_text(encoding="utf-8")
