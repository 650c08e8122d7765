from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.dataset import build
from pipeline.dataset.probes import AUTHOR
from pipeline.evaluation.sampling import BASE_ASKED, draw
from pipeline.facts import synthetic

pytestmark = pytest.mark.slow

RECIPE = config.load_recipe("smollm2-135m")


@pytest.fixture(scope="module")
def made():
    """Give a dataset of a hundred facts."""
    return build.build(synthetic.subjects(100, 0), RECIPE.dataset, 0)


def few(seed):
    """Give a dataset of thirty facts, by a seed: what an author's wordings change, too."""
    return build.build(synthetic.subjects(30, 0), RECIPE.dataset, seed)


def roles(drawn):
    return Counter(probe.role for probe in drawn.probes)


def test_few_facts_are_asked_more_often_each_than_many(subjects, made):
    two = draw(build.build(subjects, RECIPE.dataset, 0), (), RECIPE.gate)
    hundred = draw(made, (), RECIPE.gate)
    asked = Counter(probe.fact for probe in two.probes if probe.role == "fact")
    assert min(asked.values()) > RECIPE.gate.probes_per_fact
    asked = Counter(probe.fact for probe in hundred.probes if probe.role == "fact")
    assert set(asked.values()) == {RECIPE.gate.probes_per_fact}
    assert len(asked) == 100


def test_what_stands_beside_the_facts_does_not_grow_with_them(made):
    asked = roles(draw(made, (), RECIPE.gate))
    assert asked["neighbour"] == asked["near name"] == RECIPE.gate.contrasts
    assert asked["relation"] == RECIPE.gate.relations
    assert asked["noise"] == RECIPE.gate.noise
    assert asked["yes"] == asked["no"] == RECIPE.gate.forms
    assert asked["unrelated"] == 276


def test_unchanged_facts_beyond_the_limit_are_drawn_and_new_ones_are_all_asked(made):
    ids = [fact.id for fact in made.facts]
    settings = replace(RECIPE.gate, old_facts=20)
    drawn = draw(made, ids[:90], settings)
    assert len(drawn.old) == 20
    assert drawn.left_out == 70
    assert {fact.id for fact in drawn.facts} == {*drawn.old, *ids[90:]}
    assert {probe.fact for probe in drawn.probes if probe.role == "fact"} == {
        f.id for f in drawn.facts
    }


def test_the_sample_of_unchanged_facts_holds_every_kind_in_proportion(made):
    drawn = draw(made, [fact.id for fact in made.facts], replace(RECIPE.gate, old_facts=50))
    kinds = Counter(fact.kind for fact in made.facts)
    for kind, count in Counter(fact.kind for fact in drawn.facts).items():
        assert abs(count - kinds[kind] / 2) <= 1


def test_the_same_dataset_is_asked_the_same_and_another_one_something_else():
    three = [few(seed) for seed in range(3)]
    ids = [fact.id for fact in three[0].facts]
    settings = replace(RECIPE.gate, old_facts=3)
    assert draw(three[0], ids, settings) == draw(three[0], ids, settings)
    # One in ten of two draws of every tenth fact begins where the other does.
    assert len({draw(each, ids, settings).old for each in three}) > 1


def test_the_key_alone_decides_which_unchanged_facts_are_drawn_and_no_wording_of_an_author():
    """An author who tries wordings changes the dataset's digest, and with a key draws the same sample."""
    tried = [few(seed) for seed in range(8)]
    made = tried[0]
    ids = [fact.id for fact in made.facts]
    settings = replace(RECIPE.gate, old_facts=10)
    assert len({each.digest for each in tried}) == 8
    assert len({draw(each, ids, settings).old for each in tried}) > 1, "the digest can be chosen"
    assert len({draw(each, ids, settings, "c0ffee-41").old for each in tried}) == 1
    keys = [f"{number:040x}-{number}" for number in range(40)]
    drawn = [draw(made, ids, settings, key).old for key in keys]
    assert frozenset.union(*drawn) == frozenset(ids), "another key asks others; none is never asked"


def test_the_base_is_asked_a_few_probes_of_each_fact_and_all_that_is_judged_against_it(made):
    drawn = draw(made, (), RECIPE.gate)
    compared = drawn.of_base
    assert [each for each in drawn.beside(compared) if each] == compared
    own = Counter(probe.fact for probe in compared if probe.role == "fact")
    assert set(own.values()) == {BASE_ASKED}
    for role in ("neighbour", "near name", "relation", "unrelated", "no", "negation", "retired"):
        assert roles(drawn)[role] == sum(probe.role == role for probe in compared)


def test_the_authors_own_probes_are_always_asked(subjects):
    made = build.build(subjects, RECIPE.dataset, 0)
    drawn = draw(made, (), replace(RECIPE.gate, probes=0))
    assert [probe.prompt for probe in drawn.probes if probe.family == AUTHOR] == [
        "To whom does Tarn Mill belong?"
    ]


def by_author(probe):
    return probe.family.startswith(AUTHOR)


@pytest.mark.parametrize("written", [3, 30])
@pytest.mark.parametrize("least", [0, 360])
def test_no_more_than_half_of_what_is_asked_of_a_fact_comes_from_its_author(
    subjects, written, least
):
    weir, mill = subjects
    own = tuple(f"Wording {number} of who Tarn Mill belongs to?" for number in range(written))
    fact = replace(mill.facts[0], also_ask=(), probes=own)
    made = build.build((weir, replace(mill, facts=(fact,))), RECIPE.dataset, 0)
    drawn = draw(made, (), replace(RECIPE.gate, probes=least))
    asked = [p for p in drawn.probes if p.role == "fact" and p.fact == fact.id]
    assert 0 < 2 * sum(map(by_author, asked)) <= len(asked)
    compared = [p for p in drawn.of_base if p.role == "fact" and p.fact == fact.id]
    assert sum(map(by_author, compared)) <= BASE_ASKED - BASE_ASKED // 2


def test_an_authors_probes_come_before_families_over_them(subjects):
    weir, mill = subjects
    own = tuple(f"Wording {number} of who Tarn Mill belongs to?" for number in range(4))
    fact = replace(mill.facts[0], probes=own)
    made = build.build((weir, replace(mill, facts=(fact,))), RECIPE.dataset, 0)
    drawn = draw(made, (), replace(RECIPE.gate, probes=0))
    assert [p.prompt for p in drawn.probes if p.family == AUTHOR] == list(own)
