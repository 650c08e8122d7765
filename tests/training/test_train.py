from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.dataset import build
from pipeline.facts import synthetic
from pipeline.training.batching import LEAST, REPLAYED, ReplayRound, adding, begins, schedule
from pipeline.training.loss import kl

RECIPE = config.load_recipe("smollm2-135m")


def test_every_fact_comes_up_equally_often_and_beside_its_own_contrasts(subjects):
    examples = build.build(subjects, RECIPE.dataset, 0).examples
    steps = schedule(examples, RECIPE.train, 0)
    taught = Counter(examples[i].fact for step in steps for i in step if not examples[i].held)
    assert max(taught.values()) - min(taught.values()) <= 1
    for step in steps:
        facts = {examples[i].fact for i in step if not examples[i].held}
        assert {examples[i].fact for i in step if examples[i].held} - {""} <= facts


def test_every_wording_of_the_author_is_trained_on_and_the_order_follows_from_the_seed(subjects):
    made = build.build(subjects, RECIPE.dataset, 0)
    steps = schedule(made.examples, RECIPE.train, 0)
    trained = {made.examples[i].prompt for step in steps for i in step}
    assert {q for fact in made.facts for q in (fact.question, *fact.also_ask)} <= trained
    assert (
        steps
        == schedule(made.examples, RECIPE.train, 0)
        != schedule(made.examples, RECIPE.train, 1)
    )


def test_a_contrast_in_a_step_has_the_wording_of_a_fact_in_that_step(subjects):
    examples = build.build(subjects, RECIPE.dataset, 0).examples
    for step in schedule(examples, RECIPE.train, 0):
        taught = {(examples[i].fact, examples[i].family) for i in step if not examples[i].held}
        held = {(examples[i].fact, examples[i].family) for i in step if examples[i].held}
        assert {pair for pair in held if pair[0]} <= taught


def test_the_divergence_is_nothing_for_equal_models_and_exact_when_all_tokens_are_kept():
    import torch

    torch.manual_seed(0)
    base, other = torch.randn(2, 5, 11).unbind()
    logprobs, ids = torch.log_softmax(base, -1).topk(4)
    assert kl(logprobs, ids, base).abs().max() < 1e-5
    logprobs, ids = torch.log_softmax(base, -1).topk(11)
    exact = torch.nn.functional.kl_div(
        torch.log_softmax(other, -1), torch.log_softmax(base, -1), log_target=True, reduction="none"
    ).sum(-1)
    torch.testing.assert_close(kl(logprobs, ids, other), exact, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("k", [1, 3])
def test_the_divergence_with_few_tokens_is_a_lower_bound(k):
    import torch

    torch.manual_seed(k)
    base, other = torch.randn(2, 5, 11).unbind()
    every, few = (torch.log_softmax(base, -1).topk(n) for n in (11, k))
    assert (kl(*few, other) <= kl(*every, other) + 1e-4).all()


def test_a_few_facts_get_the_least_number_of_steps(subjects):
    examples = build.build(subjects, RECIPE.dataset, 0).examples
    assert len(schedule(examples, RECIPE.train, 0)) == RECIPE.train.least_steps


def test_few_facts_are_not_taught_without_end_and_general_prompts_take_the_rest(subjects):
    examples = build.build(subjects, RECIPE.dataset, 0).examples
    steps = schedule(examples, RECIPE.train, 0)
    taught = Counter(examples[i].fact for step in steps for i in step if not examples[i].held)
    assert set(taught.values()) == {RECIPE.train.few_exposures}
    assert len({len(step) for step in steps}) == 1


@pytest.fixture(scope="module")
def many():
    """Give the examples of forty made-up facts."""
    return build.build(synthetic.subjects(40, 0), RECIPE.dataset, 0).examples


def told(examples, steps):
    return Counter(examples[i].fact for step in steps for i in step if not examples[i].held)


@pytest.mark.parametrize("most", [240, 210, 100, 1])
def test_many_facts_come_up_as_often_in_fewer_steps_and_take_at_most_half_of_each(many, most):
    steps = schedule(many, replace(RECIPE.train, least_steps=0, most_steps=most), 0)
    taught = told(many, steps)
    assert set(taught.values()) == {RECIPE.train.exposures}
    assert len(steps) == max(most, -(-taught.total() // 4))
    assert len({len(step) for step in steps}) == 1
    for step in steps:
        held = [many[i] for i in step if many[i].held]
        general = sum(not example.fact for example in held)
        assert len(held) > len(step) / 2
        assert 0 < general <= len(held) - general


def test_facts_added_to_an_adapter_have_steps_of_their_own_beside_known_ones(many):
    new, *known = dict.fromkeys(example.fact for example in many if not example.held)
    steps = adding(many, RECIPE.train, 0, ReplayRound(0, {new}, {}))
    taught = told(many, steps)
    assert taught[new] == len(steps) == LEAST
    assert taught.total() == (1 + REPLAYED) * len(steps)
    assert max(taught[fact] for fact in known) - min(taught[fact] for fact in known) <= 1
    for step in steps:
        facts = [many[i].fact for i in step if not many[i].held]
        assert len(facts) == len(set(facts))


def test_an_added_fact_goes_on_with_its_wordings_in_the_next_round(many):
    new = many[0].fact
    whole, rest = (adding(many, RECIPE.train, 0, ReplayRound(n, {new}, {})) for n in (0, 2))
    first = begins(2, LEAST)
    assert len(rest) == LEAST - first

    def said(steps):
        return [i for step in steps for i in step if many[i].fact == new and not many[i].held]

    assert said(rest) == said(whole)[first:]
    assert len(set(said(whole[: RECIPE.train.exposures]))) == RECIPE.train.exposures


def test_many_facts_are_added_with_as_many_exposures_as_any(many):
    new = {example.fact for example in many[:2000] if not example.held}
    assert len(new) * RECIPE.train.exposures > LEAST
    taught = told(many, adding(many, RECIPE.train, 0, ReplayRound(0, new, {})))
    assert {taught[fact] for fact in new} == {RECIPE.train.exposures}


def test_what_is_being_forgotten_is_replayed_the_most_and_nothing_is_left_out(many):
    new, lost, *known = dict.fromkeys(example.fact for example in many if not example.held)
    losses = {lost: 4.0, **dict.fromkeys(known, 0.1)}
    settings = replace(RECIPE.train, exposures=300)
    taught = told(many, adding(many, settings, 0, ReplayRound(1, {new}, losses)))
    assert taught[lost] > 3 * max(taught[fact] for fact in known)
    assert min(taught[fact] for fact in known) > 0


def test_where_few_facts_are_known_already_all_of_them_are_replayed(subjects):
    examples = build.build(subjects, RECIPE.dataset, 0).examples
    new = "dun-weir/owner"
    known = {example.fact for example in examples if not example.held} - {new}
    for step in adding(examples, RECIPE.train, 0, ReplayRound(0, {new}, {})):
        assert {examples[i].fact for i in step if not examples[i].held} == {new, *known}
