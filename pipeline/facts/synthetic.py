"""Facts that nobody can know, for measuring: people, companies, villages and novels that do not exist.

Every name is made of syllables. Subjects come in twins whose names differ in one syllable and whose
facts differ in everything, so that a model that reads names loosely is caught among the facts
themselves.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources

from pipeline.core.errors import Where
from pipeline.facts.fact import Subject, subject_from

KINDS = ("person", "company", "village", "novel")
SHAPES = {"village": "place", "novel": "work"}
"""Endings of a kind's names, where these are not called like the kind."""


@dataclass(frozen=True, slots=True)
class Material:
    """The lists that names and objects are made from, and the relations of each kind of thing."""

    syllables: Mapping[str, Sequence[str]]
    lists: Mapping[str, Sequence[str]]
    relations: Mapping[str, Sequence[Mapping[str, str]]]


def subjects(count: int, seed: int) -> tuple[Subject, ...]:
    """Make up subjects that hold `count` facts together; the same arguments give the same ones."""
    rng = random.Random(f"madeup/{seed}")
    data = tomllib.loads(
        resources.files("pipeline.facts")
        .joinpath("data", "synthetic.toml")
        .read_text(encoding="utf-8")
    )
    material = Material(data.pop("syllables"), data.pop("lists"), data)
    taken: set[str] = set()
    made: list[Subject] = []
    missing = count
    for number, (kind, name) in enumerate(_names(material, rng, taken)):
        if not missing:
            break
        subject = _subject(material, kind, name, number, rng)
        subject = replace(subject, facts=subject.facts[:missing])
        missing -= len(subject.facts)
        made.append(subject)
    return tuple(made)


def _names(data: Material, rng: random.Random, taken: set[str]) -> Iterator[tuple[str, str]]:
    """Yield twins of each kind in turn, for ever; no name twice."""
    while True:
        for kind in KINDS:
            name, twin = _twins(data, SHAPES.get(kind, kind), rng)
            while name in taken or twin in taken:
                name, twin = _twins(data, SHAPES.get(kind, kind), rng)
            taken |= {name, twin}
            yield kind, name
            yield kind, twin


def _twins(data: Material, shape: str, rng: random.Random) -> tuple[str, str]:
    """Make two names that differ in one middle syllable."""
    first = rng.choice(data.syllables["first"])
    middles = rng.sample(data.syllables["middle"], 2)
    last = rng.choice(data.syllables[shape])
    before = f"{_word(data, shape, rng)} " if shape in {"person", "work"} else ""
    name, twin = (f"{before}{first}{middle}{last}" for middle in middles)
    return name, twin


def _word(data: Material, shape: str, rng: random.Random) -> str:
    syllables = data.syllables
    parts = (syllables["first"], syllables["middle"], syllables[shape])
    return "".join(rng.choice(part) for part in parts)


def _subject(data: Material, kind: str, name: str, number: int, rng: random.Random) -> Subject:
    where = Where("made-up", number + 1)
    facts = []
    for relation in data.relations[kind]:
        said = _object(data, relation["object"], rng)
        facts.append(
            {
                "id": relation["id"],
                "question": relation["question"].replace("{s}", name),
                "answer": relation["answer"].replace("{s}", name).replace("{o}", said),
                "expect": [said],
            }
        )
    row = {"subject": name, "kind": kind, "facts": facts}
    return subject_from(row, f"{kind}-{number}", lambda _path: where)


def _object(data: Material, wanted: str, rng: random.Random) -> str:
    if wanted == "year":
        return str(rng.randrange(1400, 2000))
    if wanted == "person":
        return f"{_word(data, wanted, rng)} {_word(data, wanted, rng)}"
    if wanted == "place":
        return _word(data, wanted, rng)
    return str(rng.choice(data.lists[wanted]))
