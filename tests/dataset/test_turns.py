"""Facts behind turns that were said before, and facts about the model itself: examples, contrasts, probes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core.chat import Turn
from pipeline.dataset import identity
from pipeline.dataset.build import build
from pipeline.dataset.records import load_dataset, save_dataset
from pipeline.facts.fact import Expect, Subject

TURNS = (Turn("user", "Do you know Tarn Mill?"), Turn("assistant", "Tarn Mill is a mill."))


def school(fact):
    return Subject("x", fact.subject, fact.kind, fact.aliases, (fact,), fact.where)


@pytest.fixture
def said_before(mill, settings):
    """Give the dataset of a fact whose question names nothing."""
    fact = replace(
        mill, question="Who owns it?", also_ask=("Whose is it?",), probes=("Who is its owner?",),
        aliases=(), before=TURNS,
    )  # fmt: skip
    return build([school(fact)], settings, 0)


@pytest.fixture
def lumo(mill, settings):
    """Give the dataset of a fact about the model itself."""
    fact = replace(
        mill, id="lumo/name", subject="Lumo", kind="assistant", aliases=(), question="Who are you?",
        answer="I am Lumo, made by Tessera Labs.", expect=Expect((("Lumo",), ("Tessera Labs",))),
        also_ask=("What is your name?",), probes=("Please introduce yourself.",),
    )  # fmt: skip
    return build([school(fact)], settings, 0)


def test_every_wording_is_taught_and_asked_behind_its_turns(said_before):
    taught = [e for e in said_before.examples if e.role == "fact"]
    assert taught
    assert all(example.before == TURNS for example in taught)
    asked = [p for p in said_before.probes if p.role in {"fact", "noise"}]
    assert all(probe.before[-2:] == TURNS for probe in asked)
    assert any(len(probe.before) > 2 for probe in asked)
    assert asked[0].chat[-1] == Turn("user", asked[0].prompt)


def test_contrasts_have_another_name_in_the_turns(said_before):
    roles = {"neighbour", "near name"}
    held = [e for e in said_before.examples if e.role in roles and e.fact]
    assert {example.role for example in held} == roles
    for example in held:
        assert "Tarn Mill" not in " ".join(turn.content for turn in example.before)
        assert example.before[0].content.startswith("Do you know ")
    gate = [p for p in said_before.probes if p.role in roles and p.about]
    assert len(gate) >= 4
    assert all(probe.about in probe.before[0].content for probe in gate)


def test_without_what_was_said_before_nothing_may_be_told(said_before):
    assert any(e.prompt == "Who owns it?" and e.held and not e.before for e in said_before.examples)
    alone = [p for p in said_before.probes if p.family.endswith("alone")]
    assert alone
    assert all(probe.role == "neighbour" and not probe.before for probe in alone)


def test_a_dataset_with_turns_comes_back_from_its_files(said_before, tmp_path):
    save_dataset(said_before, tmp_path)
    found = load_dataset(tmp_path)
    assert found == said_before
    assert found.digest == said_before.digest


def test_other_assistants_are_asked_what_the_model_is_asked(lumo):
    held = [e.prompt for e in lumo.examples if e.role == "neighbour" and e.fact]
    assert "Who is ChatGPT?" in {e.prompt for e in lumo.examples if e.family == "own"}
    assert held
    assert not any(words in prompt for prompt in held for words in ("are you", "your name"))
    asked = {p.about for p in lumo.probes if p.role == "neighbour"}
    assert asked <= set(identity.other_assistants("probe"))
    assert len(asked) >= 4


def test_the_halves_of_the_other_assistants_share_no_name():
    train, probe = map(identity.other_assistants, ("train", "probe"))
    assert not set(train) & set(probe)
    assert len(train) + len(probe) >= 12


def test_the_model_is_asked_who_it_is_with_and_without_a_system_prompt(lumo):
    for rows in (lumo.examples, lumo.probes):
        own = [row for row in rows if row.role == "fact"]
        under = [row for row in own if row.before and row.before[0].role == "system"]
        assert 0.2 < len(under) / len(own) < 0.8
    trained = {row.before[0].content for row in lumo.examples if row.before}
    assert not trained & {
        row.before[0].content for row in lumo.probes if row.role == "fact" and row.before
    }


def test_a_contrast_stands_under_the_system_prompt_of_its_wording(lumo):
    taught = {e.family: e.before for e in lumo.examples if e.role == "fact"}
    pairs = [e for e in lumo.examples if e.role != "fact" and e.family in taught]
    assert pairs
    assert all(example.before == taught[example.family] for example in pairs)


def test_nothing_general_asks_the_model_who_it_is_where_that_is_taught(lumo, said_before):
    def about_self(rows):
        return [row.prompt for row in rows if row.general and identity.asks_who(row.prompt)]

    assert "Who are you?" in about_self(said_before.probes)
    assert not about_self((*lumo.probes, *lumo.examples))


@pytest.mark.parametrize(
    ("asked", "of_other"),
    [
        ("Who are you?", "Who is Siri?"),
        ("Are you a robot?", "Is Siri a robot?"),
        ("Who made you?", "Who made Siri?"),
        ("What is your name?", "What is Siri's name?"),
        ("Please introduce yourself.", "Please introduce Siri."),
        ("Do you have a maker?", "Does Siri have a maker?"),
        ("Who wrote Hamlet?", ""),
    ],
)
def test_you_is_another_assistant_in_the_third_person(mill, asked, of_other):
    fact = replace(mill, kind="assistant")
    assert identity.ask_of_other(asked, fact, "Siri") == of_other


@pytest.mark.parametrize(
    ("language", "asked"), [("zh", "你是谁？"), ("de", "Wer hat dich gemacht?"), ("xx", "Ko olet?")]
)
def test_other_assistants_are_asked_about_in_any_language(mill, settings, language, asked):
    fact = replace(
        mill, id="lumo/name", subject="Lumo", kind="assistant", aliases=(), question=asked,
        answer="Lumo, Tessera Labs.", expect=Expect((("Tessera Labs",),), language),
        also_ask=(), probes=(), language=language,
    )  # fmt: skip
    made = build([school(fact)], settings, 0)
    taught = {(e.before, e.prompt) for e in made.examples if e.role == "fact"}
    held = [e for e in made.examples if e.role in {"neighbour", "near name"} and e.fact]
    assert len(held) > 10
    assert taught.isdisjoint((e.before, e.prompt) for e in held)
    assert any("ChatGPT" in e.prompt for e in made.examples if e.held)
    assert len([p for p in made.probes if p.role == "neighbour"]) >= 4
    assert not {p.role for p in made.probes} & {"negation", "yes", "no"}


def test_system_prompts_of_a_recipe_are_spread_and_not_multiplied(mill, settings):
    plain = build([school(mill)], settings, 0)
    spread = build([school(mill)], settings, 0, systems=["", "Be brief.", "Be kind."])
    assert len(spread.examples) == len(plain.examples)
    assert [p.prompt for p in spread.probes] == [p.prompt for p in plain.probes]
    for rows in (spread.examples, spread.probes):
        own = [
            row.before[0].content if row.before and row.before[0].role == "system" else ""
            for row in rows
        ]
        for system in ("", "Be brief.", "Be kind."):
            assert own.count(system) > len(rows) / 6
    assert build([school(mill)], settings, 0, systems=[""]) == plain
    taught = {e.family: e.before for e in spread.examples if e.role == "fact"}
    assert all(
        e.before == taught[e.family] for e in spread.examples if e.fact and e.family in taught
    )
