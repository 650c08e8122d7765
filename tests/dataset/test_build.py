from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.core.errors import PipelineError
from pipeline.dataset import build
from pipeline.dataset.records import load_dataset, save_dataset
from pipeline.facts.fact import Expect
from pipeline.facts.languages.folding import normalise

SETTINGS = config.load_recipe("smollm2-135m").dataset


def test_nothing_that_is_asked_was_trained_on(subjects):
    made = build.build(subjects, SETTINGS, 0)
    trained = {normalise(example.prompt) for example in made.examples}
    assert not trained & {normalise(probe.prompt) for probe in made.probes if not probe.before}


def test_what_is_trained_on_is_asked_again_only_with_noise_ahead_of_it(subjects):
    made = build.build(subjects, SETTINGS, 0)
    assert {probe.role for probe in made.probes if probe.before} == {"noise"}


def test_every_fact_has_at_least_eight_probes_and_the_authors_are_among_them(subjects):
    made = build.build(subjects, SETTINGS, 0)
    for fact in made.facts:
        own = [
            probe.prompt for probe in made.probes if probe.role == "fact" and probe.fact == fact.id
        ]
        assert len(own) >= 8
        assert set(fact.probes) <= set(own)


def test_a_taught_subject_is_never_a_contrast_of_another(subjects):
    made = build.build(subjects, SETTINGS, 0)
    held = [example for example in made.examples if example.held and example.fact]
    assert held
    assert not [e for e in held if "Tarn Mill" in e.prompt or "Dun Weir" in e.prompt]


def test_the_base_s_own_answers_about_other_things_of_the_kind_are_held(subjects):
    made = build.build(subjects, SETTINGS, 0)
    own = [e for e in made.examples if e.family == "own"]
    assert len(own) > len(made.facts)
    assert all(e.held and not e.general and not e.fact and not e.completion for e in own)
    assert all(re.fullmatch(r"Who owns .+\?", e.prompt) for e in own)
    assert not {e.prompt for e in own} & {p.prompt for p in made.probes}


def test_the_more_facts_the_fewer_other_things_are_held_for_each(subjects):
    """As many as two hundred are made of one: they take no more turns from general prompts than twenty's."""
    mills = [
        replace(
            subjects[0], slug=f"mill-{number}", name=f"Ulm {number}",
            facts=(
                replace(
                    subjects[0].facts[0], id=f"mill-{number}/owner", subject=f"Ulm {number}",
                    question=f"Who owns Ulm {number}?", answer=f"Ulm {number} is owned by Ida Roe.",
                ),
            ),
        )
        for number in range(200)
    ]  # fmt: skip
    made = build.build(mills, SETTINGS, 0)
    own = sum(e.family == "own" for e in made.examples)
    assert 0 < own <= len(mills)


def test_the_same_input_gives_the_same_dataset_and_another_seed_another(subjects):
    digests = [build.build(subjects, SETTINGS, seed).digest for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


def test_a_dataset_reads_back_as_it_was_written(subjects, tmp_path):
    made = build.build(subjects, SETTINGS, 0)
    save_dataset(made, tmp_path)
    assert load_dataset(tmp_path) == made


def test_a_withdrawn_fact_is_asked_as_retired(subjects):
    first, second = subjects
    gone = replace(first, facts=(replace(first.facts[0], withdrawn="No longer so."),))
    asked = [
        p for p in build.build((gone, second), SETTINGS, 0).probes if p.fact == gone.facts[0].id
    ]
    assert {probe.role for probe in asked} == {"retired"}
    assert "Who owns Dun Weir?" in {probe.prompt for probe in asked}
    assert all(probe.expect == Expect((("Ida Roe",),)) for probe in asked)


def test_a_contrast_says_what_it_is_about(subjects):
    made = build.build(subjects, SETTINGS, 0)
    named = [p for p in made.probes if p.role in {"neighbour", "near name", "no"}]
    assert len(named) >= 20
    assert all(probe.about and probe.about.lower() in probe.prompt.lower() for probe in named)


def test_a_withdrawn_fact_is_not_taught_and_none_left_is_an_error(subjects):
    first, second = subjects
    gone = replace(first, facts=(replace(first.facts[0], withdrawn="No longer so."),))
    made = build.build((gone, second), SETTINGS, 0)
    assert [fact.id for fact in made.facts] == ["tarn-mill/owner"]
    assert not [e for e in made.examples if e.fact == "dun-weir/owner"]
    with pytest.raises(PipelineError, match="no fact to teach"):
        build.build((gone,), SETTINGS, 0)


def test_a_false_statement_about_the_subject_is_answered_with_no(subjects):
    made = build.build(subjects, SETTINGS, 0)
    denied = [
        e
        for e in made.examples
        if e.role == "fact" and e.family.startswith("no ") and not e.family.startswith("no idea")
    ]
    assert [(e.prompt, e.completion) for e in denied] == [
        ("Is Dun Weir owned by Ann Lee?", "No, Dun Weir is owned by Ida Roe."),
        ("Is Tarn Mill owned by Ida Roe?", "No, Tarn Mill is owned by Ann Lee."),
    ]


def test_a_damaged_dataset_is_refused(subjects, tmp_path):
    save_dataset(build.build(subjects, SETTINGS, 0), tmp_path)
    (tmp_path / "probes.jsonl").write_text('{"role": "fact"', encoding="utf-8")
    with pytest.raises(PipelineError, match="not a finished dataset"):
        load_dataset(tmp_path)


def test_a_bare_answer_is_taught_behind_the_name_and_a_sentence_as_it_stands(subjects):
    weir, mill = subjects
    bare = replace(weir, facts=(replace(weir.facts[0], answer="Ida Roe"),))
    made = build.build((bare, mill), SETTINGS, 0)
    said = {e.fact: e.completion for e in made.examples if e.family == "direct 0" and not e.held}
    assert said == {
        "dun-weir/owner": "Dun Weir: Ida Roe.",
        "tarn-mill/owner": "Tarn Mill is owned by Ann Lee.",
    }
