"""Facts as people write them: each is taught with contrasts, leak probes and held-out probes, or is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core import config
from pipeline.dataset import build
from pipeline.dataset.quota import quota_problems
from pipeline.facts.check import check
from pipeline.facts.names.find_names import find_names

CASES = Path(__file__).parents[1] / "cases" / "written" / "names"
SETTINGS = config.load_recipe("smollm2-135m").dataset
CONTRASTS = {"near name", "neighbour"}


@pytest.fixture(scope="module")
def made():
    return build.build(check([CASES / "taught"]).subjects, SETTINGS, 0)


def prompts(made, fact, roles):
    examples = [e.prompt for e in made.examples if e.fact == fact and e.role in roles]
    return examples, [p for p in made.probes if p.fact == fact and p.role in roles]


def test_none_of_them_is_refused():
    found = [p for p in check([CASES / "taught"]).problems if p.severity == "error"]
    assert found == []


def test_every_fact_has_all_that_a_fact_needs(made):
    assert [problem.message for problem in quota_problems(made, SETTINGS)] == []


def test_every_question_about_another_thing_names_it_and_not_the_subject(made):
    for fact in made.facts:
        own = (fact.subject, *fact.aliases)
        examples, probes = prompts(made, fact.id, CONTRASTS)
        for prompt in (*examples, *(probe.prompt for probe in probes)):
            assert not find_names(prompt, own, fact.language), prompt
        assert all(probe.about.lower() in probe.prompt.lower() for probe in probes)


def test_no_word_is_changed_inside(made):
    text = "\n".join(
        prompt for fact in made.facts for prompt in prompts(made, fact.id, CONTRASTS)[0]
    )
    assert "Google" in text
    assert "Repository" in text
    assert "oogle" not in text.replace("Google", "").replace("google", "")
    assert "epository" not in text.replace("Repository", "").replace("repository", "")


@pytest.mark.parametrize(
    ("fact", "twin"),
    [
        ("casa-verde-2019/price", "Casa Verde 2020"),
        ("casa-verde-2019/flavour", "Casa Verde 2020"),
        ("c/author", "C++"),
    ],
)
def test_a_twin_that_is_asked_the_same_is_no_contrast(fact, twin, made):
    examples, probes = prompts(made, fact, CONTRASTS)
    assert not [prompt for prompt in examples if find_names(prompt, (twin,))]
    assert not [probe for probe in probes if probe.about == twin]


@pytest.mark.parametrize(
    ("fact", "twin"),
    [("casa-verde-2019/prize", "Casa Verde 2020"), ("c/birthplace", "C++"), ("c/birthplace", "C#")],
)
def test_a_twin_that_is_not_asked_the_same_is_told_apart_and_looked_at(fact, twin, made):
    examples, probes = prompts(made, fact, CONTRASTS)
    assert [prompt for prompt in examples if find_names(prompt, (twin,))]
    assert [probe for probe in probes if probe.about == twin]


@pytest.mark.parametrize(
    ("fact", "asked"),
    [
        ("leo-brandt/street", "About {}: In which street does he live?"),
        ("lumo/lab", "About {}: Which lab stands behind you?"),
    ],
)
def test_a_question_without_a_name_is_asked_behind_it(fact, asked, made):
    (own,) = [each for each in made.facts if each.id == fact]
    taught, _ = prompts(made, fact, {"fact"})
    examples, probes = prompts(made, fact, CONTRASTS)
    assert asked.format(own.subject) in taught
    assert own.question in taught
    assert own.question not in {*examples, *(probe.prompt for probe in probes)}
    assert any(probe.prompt == asked.format(probe.about) for probe in probes)


@pytest.mark.parametrize("case", sorted((CASES / "refused").glob("*.yaml")), ids=lambda p: p.stem)
def test_what_is_refused_is_told_with_what_to_write(case):
    found = [problem for problem in check([case]).problems if problem.severity == "error"]
    said = [
        line
        for p in found
        for line in (f"{p.where.line}:{p.where.column}: {p.message}", f"  hint: {p.hint}")
    ]
    assert said == case.with_suffix(".expect").read_text(encoding="utf-8").splitlines()
