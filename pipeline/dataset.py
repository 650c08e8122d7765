"""Facts → what is trained on and what is asked: `train.jsonl` and `probes.jsonl`, which share nothing.

No model is needed here: the prompts whose answers must stay the base's own carry no answer yet;
`train` and `gate` ask the base for them.
"""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice, zip_longest
from pathlib import Path
from typing import Any  # JSON rows have no narrower type before they are read

from pipeline import contrast, probes
from pipeline.config import DatasetSettings
from pipeline.errors import PipelineError
from pipeline.facts import Fact, Subject, as_expect, subject_from_json
from pipeline.manifest import digest_json
from pipeline.probes import Probe, Role
from pipeline.prompt import Turn
from pipeline.recall import contains, mentions, normalise, squash
from pipeline.reword import reword
from pipeline.variants import PROBE, TRAIN, Variant, expand, questions, reversed_forms, yes_no_forms

__all__ = ["Dataset", "Example", "Probe", "Role", "build", "load", "save"]

ALIKE = 12
"""Subjects whose names a fact's contrasts are made of: those of the most similar questions."""

RELATIONS = 6
"""General prompts for each other question about a taught subject that is held: more of these would
take the turns of general prompts, and work against recall, once there are many subjects."""
BARE = 8
"""Words that an answer may have at most to count as bare, like an answer that needs no `expect`."""


@dataclass(frozen=True, slots=True)
class Example:
    """Something trained on: a fact to say, or a prompt whose answer is held as the base's.

    `completion` is what a fact answers. For a held prompt it is the path along which the base's
    distribution is held: the taught answer with the other name in it, so that the two differ where
    it matters, or empty for the base's own answer.
    """

    role: Role
    fact: str
    family: str
    prompt: str
    completion: str

    @property
    def held(self) -> bool:
        """Whether the base's distribution is the target."""
        return self.role != "fact"


@dataclass(frozen=True, slots=True)
class Dataset:
    """All examples and probes of a set of facts, and the facts themselves."""

    subjects: tuple[Subject, ...]
    examples: tuple[Example, ...]
    probes: tuple[Probe, ...]

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that are taught, in file order."""
        return tuple(fact for subject in self.subjects for fact in subject.facts if fact.live)

    @property
    def digest(self) -> str:
        """Digest of what is trained on and asked."""
        return digest_json([self.examples_digest, [asdict(p) for p in self.probes]])

    @property
    def examples_digest(self) -> str:
        """Digest of what is trained on alone: an adapter outlives a change of what is asked."""
        return digest_json([asdict(example) for example in self.examples])


def build(subjects: Sequence[Subject], settings: DatasetSettings, seed: int) -> Dataset:
    """Write examples and probes for all live facts; the same input gives the same dataset.

    Raises PipelineError when no fact is live.
    """
    facts = [_named(fact) for subject in subjects for fact in subject.facts if fact.live]
    if not facts:
        raise PipelineError("no fact to teach", "every fact in the folder is withdrawn")
    taught = frozenset(squash(name) for subject in subjects for name in subject.names)
    examples: list[Example] = []
    gate: list[Probe] = []
    asked = {fact.id: _asked(fact) for fact in facts}
    for fact in facts:
        rng = random.Random(f"{seed}/train/{fact.id}")
        variants = _teach(fact, facts, settings, rng)
        examples += [Example("fact", fact.id, v.family, v.prompt, v.answer) for v in variants]
        others = _others(fact, taught, _alike(fact, facts, asked), settings, rng)
        examples += _pairs(fact, variants, others)
        gate += probes.about(fact, random.Random(f"{seed}/noise/{fact.id}"))
        used = taught | {squash(name) for _role, name in others}
        gate += _contrast(fact, used, settings, seed)
    general = [Example("unrelated", "", p.kind, p.prompt, "") for p in contrast.general("train")]
    general += [
        Example("unrelated", "", "everyday", prompt, "")
        for prompt in contrast.everyday(settings.everyday)
    ]
    most = max(1, len(general) // (RELATIONS * len(subjects)))
    for subject in subjects:
        held = islice(_relations(subject, "train"), most)
        examples += [Example(*row, "") for row in held]
        gate += [Probe(*row, ()) for row in _relations(subject, "probe")]
        gate += probes.retired(subject.facts)
    examples += general
    gate += [Probe("unrelated", "", p.kind, p.prompt, p.expect) for p in contrast.general("probe")]
    return _disjoint(Dataset(tuple(subjects), tuple(examples), tuple(gate)))


def save(dataset: Dataset, folder: Path) -> None:
    """Write `train.jsonl`, `probes.jsonl` and `subjects.jsonl` into a folder."""
    _write_rows(folder / "train.jsonl", dataset.examples)
    _write_rows(folder / "probes.jsonl", dataset.probes)
    _write_rows(folder / "subjects.jsonl", dataset.subjects)


def load(folder: Path) -> Dataset:
    """Read what `save` wrote.

    Raises PipelineError when a file is missing or is not what `save` writes.
    """
    try:
        examples = tuple(Example(**row) for row in _read_rows(folder / "train.jsonl"))
        asked = tuple(
            Probe(
                **{
                    **row,
                    "expect": as_expect(row["expect"]),
                    "before": tuple(Turn(**turn) for turn in row["before"]),
                }
            )
            for row in _read_rows(folder / "probes.jsonl")
        )
        subjects = tuple(subject_from_json(row) for row in _read_rows(folder / "subjects.jsonl"))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PipelineError(
            f"{folder}: is not a finished dataset: {error}", "make it with `facts build`"
        ) from error
    return Dataset(subjects, examples, asked)


def _named(fact: Fact) -> Fact:
    """Let a bare answer be taught behind its subject's name: "Ann Lee" as "Tarn Mill: Ann Lee.".

    Whether the name is one that was taught is then decided right behind it, whatever the wording of
    the question, and it is told from names almost the same where it was read a moment ago.
    """
    named = any(mentions(fact.answer, name) for name in (fact.subject, *fact.aliases))
    if named or len(fact.answer.split()) > BARE:
        return fact
    return replace(fact, answer=f"{fact.subject}: {fact.answer.rstrip('.')}.")


def _teach(
    fact: Fact, facts: Sequence[Fact], settings: DatasetSettings, rng: random.Random
) -> list[Variant]:
    """Write a fact in every way in which it is trained on, in the order in which they come up.

    The author's own wordings come first; then families, other words and other forms take turns, so
    that any number of exposures is a good mixture. Other words stand in where the author gave none,
    and are not needed beside the author's own. Every family gets a number, since a contrast goes with
    exactly its variant.
    """
    foils = list(islice(_foils(fact, facts), 1))
    written = expand(fact, TRAIN)
    asked = questions(fact)
    own = [variant for variant in written if variant.prompt in asked]
    families = [variant for variant in written if variant.prompt not in asked]
    rng.shuffle(families)
    others = () if fact.also_ask else reword(fact.question, fact.subject, rng)
    forms = [Variant("reworded", prompt, fact.answer) for prompt in others[: settings.rewordings]]
    more = [*reversed_forms(fact), *yes_no_forms(fact, foils)]
    mixed = [v for column in zip_longest(families, forms, more) for v in column if v]
    return [
        replace(variant, family=f"{variant.family} {number}")
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
    names = {role: cycle([name for own, name in others if own == role]) for role in turns}
    for turn, variant in enumerate(variants):
        said = next((n for n in (fact.subject, *fact.aliases) if n in variant.prompt), None)
        if not said:
            continue
        for role in turns:
            for other in islice(names[role], 1):
                answer = variant.answer.replace(fact.subject, other)
                pair = Variant(variant.family, variant.prompt.replace(said, other), answer)
                if role == "neighbour":
                    pair = contrast.detour(pair, other, fact.kind, turn)
                yield Example(role, fact.id, pair.family, pair.prompt, pair.answer)


def _others(
    fact: Fact,
    taught: frozenset[str],
    alike: Sequence[Fact],
    settings: DatasetSettings,
    rng: random.Random,
) -> list[tuple[Role, str]]:
    """Draw the names that a fact is told from in training.

    What a group of facts has in common (names of one language, one answer) is learned as a rule
    unless names of just that make stand beside them: made of words of the `alike` facts' names, or
    almost those names.
    """
    words = sorted({word for f in alike for word in f.subject.split() if len(word) > 2})
    near = contrast.near_names(fact, "train", rng, settings.near_names, words)
    makes = [rng.choice(contrast.near_names(f, "train", rng, 4) or [f.subject]) for f in alike]
    things = contrast.same_kind(fact, "train", rng, settings.neighbours)
    turns = [name for pair in zip_longest(makes, things) for name in pair if name]
    found: list[tuple[Role, str]] = [("near name", name) for name in near]
    found += [("neighbour", name) for name in turns[: settings.neighbours]]
    return [(role, name) for role, name in found if squash(name) not in taught]


def _asked(fact: Fact) -> frozenset[str]:
    """Collect the words of a fact's question without its subject's name."""
    return frozenset(normalise(fact.question.replace(fact.subject, " ")).rstrip("?").split())


def _alike(
    fact: Fact, facts: Sequence[Fact], asked: Mapping[str, frozenset[str]]
) -> tuple[Fact, ...]:
    """Find the facts about other subjects of which almost the same is asked, one a subject."""
    own = asked[fact.id]

    def distance(other: Fact) -> float:
        return -len(own & asked[other.id]) / max(1, len(own | asked[other.id]))

    others = heapq.nsmallest(2 * ALIKE, (f for f in facts if f.subject != fact.subject), distance)
    found: dict[str, Fact] = {}
    for other in others:
        found.setdefault(other.subject, other)
    return tuple(found.values())[:ALIKE]


def _foils(fact: Fact, facts: Sequence[Fact]) -> Iterator[str]:
    """Yield statements about this fact's subject that are not so: what a sibling's answer says."""
    own = fact.id.rpartition("/")[2]
    for other in facts:
        same = other.kind == fact.kind and other.id.rpartition("/")[2] == own
        if same and other.subject != fact.subject and not contains(fact.answer, other.expect):
            yield other.answer.replace(other.subject, fact.subject)


def _contrast(
    fact: Fact, used: frozenset[str], settings: DatasetSettings, seed: int
) -> Iterator[Probe]:
    """Yield what the gate asks: questions that look like the fact's, one a name, and false statements.

    `used` are the names that training used, for facts or for contrasts.
    """
    rng = random.Random(f"{seed}/probe/{fact.id}")
    named: list[tuple[Role, str]] = [
        ("neighbour", name)
        for name in contrast.same_kind(fact, "probe", rng, settings.gate_neighbours)
    ]
    near = contrast.near_names(fact, "probe", rng, settings.gate_near_names)
    named += [("near name", name) for name in near]
    for turn, (role, name) in enumerate(named):
        variants = contrast.about(fact, name, (TRAIN[0], *PROBE))
        if variants and squash(name) not in used:
            # The direct question comes up in every other pair: it is what people ask most.
            chosen = variants[0 if turn % 2 == 0 else rng.randrange(len(variants))]
            yield Probe(role, fact.id, chosen.family, chosen.prompt, (), about=name)
        if squash(name) not in used and (claim := probes.false_statement(fact, name, turn)):
            yield claim


def _relations(subject: Subject, half: contrast.Half) -> Iterator[tuple[Role, str, str, str]]:
    taken = [question for fact in subject.facts for question in (*questions(fact), *fact.probes)]
    for asked in contrast.other_relations(subject.name, subject.kind, taken, half):
        yield "relation", "", "direct", asked


def _disjoint(dataset: Dataset) -> Dataset:
    """Drop repeated prompts, and every probe that is also trained on."""
    examples = {normalise(example.prompt): example for example in reversed(dataset.examples)}
    asked = {_asked_as(probe): probe for probe in reversed(dataset.probes)}
    return replace(
        dataset,
        examples=tuple(e for e in dataset.examples if examples[normalise(e.prompt)] is e),
        probes=tuple(
            p
            for p in dataset.probes
            if asked[_asked_as(p)] is p and (p.before or normalise(p.prompt) not in examples)
        ),
    )


def _asked_as(probe: Probe) -> tuple[str, ...]:
    return tuple(normalise(text) for text in (*(t.content for t in probe.before), probe.prompt))


def _write_rows(path: Path, rows: Sequence[Example] | Sequence[Probe] | Sequence[Subject]) -> None:
    lines = (json.dumps(asdict(row), ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
