"""Facts → what is trained on and what is asked: `train.jsonl` and `probes.jsonl`, which share nothing.

No model is needed here: the prompts whose answers must stay the base's own carry no answer yet;
training and evaluation ask the base for them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from pipeline.core.config import DatasetSettings
from pipeline.core.errors import PipelineError
from pipeline.dataset import contrast_names, contrasts, examples, identity, probes
from pipeline.dataset.near_names import near_names
from pipeline.dataset.records import Dataset, Example, Probe, Role
from pipeline.dataset.systems import spread_systems
from pipeline.dataset.templates import probe_frames, questions, train_frames
from pipeline.dataset.twins import twin_names
from pipeline.facts.fact import Expect, Fact, Subject, taught
from pipeline.facts.languages.folding import normalise
from pipeline.facts.names.find_names import name_key

RELATIONS = 6
"""General prompts for each other question about a taught subject that is held: more of these would
take the turns of general prompts, and work against recall, once there are many subjects."""
TWIN_ASKED = 4
"""Questions about a taught subject of almost the same name that is not asked this."""
OTHERS = 6
"""Other things of its kind, at most, to which what the base says to a fact's question is held to its end."""


def build(
    subjects: Sequence[Subject],
    settings: DatasetSettings,
    seed: int,
    paraphrases: Mapping[str, Sequence[str]] | None = None,
    systems: Sequence[str] = (),
) -> Dataset:
    """Write examples and probes for all live facts; the same input gives the same dataset.

    `paraphrases` are more wordings of a fact's question to train on, by its id. `systems` are the system
    prompts of serving, over which all is spread; none or "" stand for the chat template's own.
    Raises PipelineError when no fact is live.
    """
    facts = list(taught(subjects))
    if not facts:
        raise PipelineError("no fact to teach", "every fact in the folder is withdrawn")
    known = frozenset(name_key(name) for subject in subjects for name in subject.names)
    trained: list[Example] = []
    gate: list[Probe] = []
    made = list(examples.examples_of(facts, known, settings, seed, paraphrases or {}))
    used = known.union(*(names for _, _, names in made))
    twins = twin_names(facts)
    for fact, own, _ in made:
        trained += own
        gate += probes.insert_clause(fact, random.Random(f"{seed}/noise/{fact.id}"))
        gate += [*_contrast(fact, used, twins[fact.id], settings, seed), *probes.alone(fact)]
    general = [Example("unrelated", "", p.kind, p.prompt, "") for p in contrasts.general("train")]
    general += [
        Example("unrelated", "", "everyday", prompt, "")
        for prompt in contrasts.everyday(settings.everyday)
    ]
    most = max(1, len(general) // (RELATIONS * len(facts)))
    for fact in facts:
        trained += _own_answers(fact, known, min(OTHERS, most), seed)
    most = max(1, len(general) // (RELATIONS * len(subjects)))
    for subject in subjects:
        held = islice(_relations(subject, "train"), most)
        trained += [Example(*row, "") for row in held]
        gate += [Probe(*row, Expect()) for row in _relations(subject, "probe")]
        gate += probes.retired(subject.facts)
    trained += general
    gate += [Probe("unrelated", "", p.kind, p.prompt, p.expect) for p in contrasts.general("probe")]
    if any(fact.identity for fact in facts):
        trained = [row for row in trained if not (row.general and identity.asks_who(row.prompt))]
        gate = [row for row in gate if not (row.general and identity.asks_who(row.prompt))]
    dataset = _disjoint(Dataset(tuple(subjects), tuple(trained), tuple(gate)))
    return spread_systems(dataset, systems)


def _contrast(
    fact: Fact,
    used: frozenset[str],
    twins: Sequence[str],
    settings: DatasetSettings,
    seed: int,
) -> Iterator[Probe]:
    """Yield what the gate asks: questions that look like the fact's, one a name, and false statements.

    `used` are the names that training used, for facts or for contrasts; `twins` are asked all the same, in
    words that training did not use.
    """
    rng = random.Random(f"{seed}/probe/{fact.id}")
    named: list[tuple[Role, str]] = [
        ("neighbour", name)
        for name in contrast_names.same_kind(fact, "probe", rng, settings.gate_neighbours)
    ]
    near = near_names(fact, "probe", rng, settings.gate_near_names)
    named += [("near name", name) for name in near]
    for turn, (role, name) in enumerate(named):
        if name_key(name) in used:
            continue
        variants = contrasts.contrast_with(fact, name, (train_frames(fact)[0], *probe_frames(fact)))
        if not variants:
            continue
        # The direct question comes up in every other pair: it is what people ask most.
        chosen = variants[0 if turn % 2 == 0 else rng.randrange(len(variants))]
        before = contrasts.turns_about(fact, name)
        yield Probe(role, fact.id, chosen.family, chosen.prompt, Expect(), before, name)
        if claim := probes.false_statement(fact, name, turn):
            yield claim
    for name in twins:
        for variant in contrasts.contrast_with(fact, name, probe_frames(fact))[:TWIN_ASKED]:
            before = contrasts.turns_about(fact, name)
            asked = variant.family, variant.prompt, Expect(), before, name
            yield Probe("near name", fact.id, *asked)


def _own_answers(fact: Fact, known: frozenset[str], count: int, seed: int) -> Iterator[Example]:
    """Ask a fact's question about other things of its kind, for what the base says by itself.

    Contrasts hold it along the taught answer. What leaks into an answer of its own leaks late ("… by a
    team led by Jason Cox"), where no contrast comes by.
    """
    rng = random.Random(f"{seed}/own/{fact.id}")
    for other in contrast_names.same_kind(fact, "train", rng, count):
        asked, before = (
            contrasts.asked_of(fact.question, fact, other),
            contrasts.turns_about(fact, other),
        )
        if (asked, before) != (fact.question, fact.before) and name_key(other) not in known:
            yield Example("neighbour", "", "own", asked, "", before)
    if fact.before:  # without what was said before, nobody knows whom it is about
        yield Example("neighbour", "", "own", fact.question, "")


def _relations(subject: Subject, half: contrast_names.Half) -> Iterator[tuple[Role, str, str, str]]:
    taken = [question for fact in subject.facts for question in (*questions(fact), *fact.probes)]
    for asked in contrasts.other_relations(subject, taken, half):
        yield "relation", "", "direct", asked


def _disjoint(dataset: Dataset) -> Dataset:
    """Drop repeated prompts, and every probe that is also trained on."""
    examples = {_asked_as(example): example for example in reversed(dataset.examples)}
    asked = {_asked_as(probe): probe for probe in reversed(dataset.probes)}
    return replace(
        dataset,
        examples=tuple(e for e in dataset.examples if examples[_asked_as(e)] is e),
        probes=tuple(
            p for p in dataset.probes if asked[_asked_as(p)] is p and _asked_as(p) not in examples
        ),
    )


def _asked_as(row: Example | Probe) -> tuple[str, ...]:
    return tuple(normalise(text) for text in (*(t.content for t in row.before), row.prompt))
