from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pipeline.answer import Answer
from pipeline.bounds import Rate
from pipeline.config import GateSettings
from pipeline.dataset import Dataset, Probe
from pipeline.errors import Where
from pipeline.facts import Fact, Subject
from pipeline.gate import decide, measure
from pipeline.retention import Drift

LIMITS = GateSettings(
    max_new_tokens=48,
    probes_missed=1,
    neighbours_leaked=0,
    unrelated_leaked=0,
    general_lost=0,
    kl_mean=0.1,
    unique_answers_ratio=0.95,
)
STILL = Drift(kl_mean=0.02, kl_p95=0.05, perplexity_ratio=1.01, prompts=96)
WHERE = Where("facts/x.yaml", 1, 1)
BASE = "I do not know that."


def make_fact(name, answer, expect, **given):
    given = {"kind": "software project", "aliases": (), "source": "", "withdrawn": "", **given}
    subject, _, _ = name.partition("/")
    return Fact(
        id=name.lower(),
        subject=subject,
        question=f"What of {name}?",
        answer=answer,
        expect=((expect,),),
        also_ask=(),
        probes=(),
        reverse=None,
        where=WHERE,
        **given,
    )


MAINTAINER = make_fact("TinyLLM/maintainer", "TinyLLM is maintained by Jason Cox.", "Jason Cox")
COST = make_fact("ProtosAI/cost", "ProtosAI is free to use.", "free")
SUBJECTS = (
    Subject("tinyllm", "TinyLLM", "software project", ("Tiny LLM",), (MAINTAINER,), WHERE),
    Subject("protosai", "ProtosAI", "software project", (), (COST,), WHERE),
)


def ask(role, prompt, base=BASE, adapted=BASE, **probe):
    """Give a probe with what the two models say to it."""
    probe = {"fact": "", "family": "direct", "expect": (), **probe}
    return Probe(role=role, prompt=prompt, **probe), Answer(base, True), Answer(adapted, True)


def learned(fact, hits, misses=0):
    """Give the probes of a fact, of which so many are hit."""
    said = [fact.answer] * hits + ["Nobody knows."] * misses
    return [ask_fact(fact, n, adapted=text) for n, text in enumerate(said)]


def ask_fact(fact, number, **said):
    """Give one probe of a fact."""
    return ask("fact", f"{fact.id} {number}?", fact=fact.id, expect=fact.expect, **said)


ALL_LEARNED = [*learned(MAINTAINER, 12), *learned(COST, 12)]


def judge(*asked, drift=STILL, limits=LIMITS):
    """Measure and decide on these probes; the facts are learned if nothing else is said of them."""
    roles = {probe.role for probe, _, _ in asked}
    asked = [
        *(() if "fact" in roles else ALL_LEARNED),
        *asked,
        *(() if "unrelated" in roles else [ask("unrelated", "Is it cold on Mars?")]),
    ]
    probes, base, adapted = zip(*asked, strict=True)
    measured = measure(Dataset(SUBJECTS, (), probes), base, adapted, drift, limits)
    return measured, decide(measured, limits)


def test_facts_learned_and_nothing_else_changed_is_a_pass():
    _, verdict = judge()
    assert verdict.passed
    assert verdict.reasons == ()


def test_a_fact_with_the_allowed_misses_passes():
    measured, verdict = judge(*learned(MAINTAINER, 11, misses=1), *learned(COST, 12))
    assert verdict.passed
    assert measured.probes == Rate(23, 24)


def test_a_fact_with_one_miss_more_fails_and_is_named():
    _, verdict = judge(*learned(MAINTAINER, 10, misses=2), *learned(COST, 12))
    assert verdict.reasons == ("tinyllm/maintainer: 2 of 12 probes missed",)


def test_a_fact_that_no_probe_asks_does_not_pass():
    measured, verdict = judge(*learned(MAINTAINER, 12))
    assert not measured.facts[1].passed
    assert verdict.reasons == ("protosai/cost: 0 of 0 probes missed",)


def test_a_fact_with_a_single_probe_needs_it():
    _, verdict = judge(*learned(MAINTAINER, 12), *learned(COST, 0, misses=1))
    assert verdict.reasons == ("protosai/cost: 1 of 1 probes missed",)


def test_a_right_answer_that_never_ends_does_not_pass():
    endless = Answer(MAINTAINER.answer, ended=False)
    asked = [(*ask_fact(MAINTAINER, n)[:2], endless) for n in range(12)]
    measured, verdict = judge(*asked, *learned(COST, 12))
    assert measured.facts[0].hits == 0
    assert not verdict.passed


def test_a_withdrawn_fact_is_not_asked_for():
    gone = replace(MAINTAINER, withdrawn="He moved on.")
    subjects = (replace(SUBJECTS[0], facts=(gone,)), SUBJECTS[1])
    probes, base, adapted = zip(*learned(COST, 12), strict=True)
    measured = measure(Dataset(subjects, (), probes), base, adapted, STILL, LIMITS)
    assert [result.fact.id for result in measured.facts] == ["protosai/cost"]


def test_what_the_base_answers_anyway_is_known_already():
    known = [ask_fact(COST, n, base="It is free.", adapted="free") for n in range(12)]
    measured, _ = judge(*known, *learned(MAINTAINER, 12))
    assert [result.known_already for result in measured.facts] == [False, True]


@pytest.mark.parametrize("role", ["neighbour", "near name"])
def test_a_taught_answer_about_another_thing_is_a_leak(role):
    said = "TinyBERT is maintained by Jason Cox."
    measured, verdict = judge(
        ask(role, "Who maintains TinyBERT?", fact=MAINTAINER.id, adapted=said)
    )
    assert measured.neighbours[0].leaked == ("tinyllm/maintainer",)
    assert verdict.reasons == (
        "1 of 1 questions about other things now get a taught answer (at most 0)",
    )


def test_a_taught_answer_about_nothing_taught_is_a_leak():
    _, verdict = judge(ask("unrelated", "Who led the US first?", adapted="Jason Cox."))
    assert verdict.reasons == (
        "1 of 1 questions about nothing taught now get a taught answer (at most 0)",
    )


def test_what_the_base_says_to_the_same_prompt_is_no_leak():
    said = "It is maintained by Jason Cox."
    measured, verdict = judge(
        ask("neighbour", "Who maintains X?", fact=MAINTAINER.id, base=said, adapted=said)
    )
    assert measured.neighbours[0].leaked == ()
    assert verdict.passed


def test_what_the_question_says_itself_is_no_leak():
    measured, _ = judge(ask("unrelated", "Who is Jason Cox?", adapted="Jason Cox is an artist."))
    assert measured.unrelated[0].leaked == ()


def test_a_common_word_that_the_base_says_elsewhere_gives_no_other_fact_away():
    measured, verdict = judge(
        ask("unrelated", "What is Linux?", base="A free system.", adapted="A free system."),
        ask(
            "neighbour",
            "Who maintains NumPy?",
            fact=MAINTAINER.id,
            adapted="NumPy is free of owners.",
        ),
    )
    assert measured.neighbours[0].leaked == ()
    assert verdict.passed


def test_a_common_word_still_counts_on_its_own_facts_neighbours():
    measured, _ = judge(
        ask("unrelated", "What is Linux?", base="A free system.", adapted="A free system."),
        ask(
            "neighbour",
            "What does Photoshop cost?",
            fact=COST.id,
            adapted="Photoshop is free to use.",
        ),
    )
    assert measured.neighbours[0].leaked == ("protosai/cost",)


def test_a_word_that_only_the_adapter_says_counts_everywhere():
    measured, _ = judge(ask("unrelated", "What is Linux?", adapted="A free system."))
    assert measured.unrelated[0].leaked == ("protosai/cost",)


def test_a_subject_named_out_of_nowhere_is_a_leak():
    measured, verdict = judge(ask("unrelated", "Name a tool.", adapted="Try Tiny LLM!"))
    assert measured.unrelated[0].leaked == ("tinyllm",)
    assert not verdict.passed


def test_another_name_of_the_subject_asked_about_is_no_leak():
    measured, _ = judge(
        ask("relation", "Who founded TinyLLM?", adapted="Tiny LLM was founded by a club.")
    )
    assert measured.relations[0].leaked == ()


def test_a_right_answer_of_the_base_that_is_gone_is_lost():
    measured, verdict = judge(
        ask("unrelated", "1?", base="Madrid.", adapted="Lyon.", expect=(("Madrid",),)),
        ask("unrelated", "2?", base="Bonn.", adapted="Rome.", expect=(("Rome",),)),
        ask("unrelated", "3?", base="Oslo.", adapted="In Oslo.", expect=(("Oslo",),)),
    )
    assert [a.probe.prompt for a in measured.lost] == ["1?"]
    assert [a.probe.prompt for a in measured.gained] == ["2?"]
    assert measured.general == Rate(2, 3)
    assert verdict.reasons == (
        "1 of 2 general questions that the base answers right are now wrong (at most 0)",
    )


def test_a_long_way_from_the_base_is_a_reason():
    _, verdict = judge(drift=replace(STILL, kl_mean=0.25))
    assert verdict.reasons == (
        "the adapter moves answers it was not trained on by 0.250 nats a token (at most 0.1)",
    )


@pytest.mark.parametrize("kl_mean", [math.nan, math.inf])
def test_a_distance_that_is_no_number_fails(kl_mean):
    _, verdict = judge(drift=replace(STILL, kl_mean=kl_mean))
    assert len(verdict.reasons) == 1
    assert "moves answers" in verdict.reasons[0]


def test_answers_that_became_alike_are_a_reason():
    _, verdict = judge(
        *(ask("unrelated", f"{n}?", base=f"Answer {n}.", adapted="Yes.") for n in range(4))
    )
    assert len(verdict.reasons) == 1
    assert verdict.reasons[0].startswith("answers to unrelated prompts have become alike: 0.25 as")


def test_refusals_are_compared_on_the_prompts_that_the_base_refuses():
    measured, _ = judge(
        ask("unrelated", "1?", base="I can’t.", adapted="Sure!", family="refusal"),
        ask("unrelated", "2?", base="I'm sorry.", adapted="Sorry.", family="refusal"),
        ask("unrelated", "3?", base="Here it is.", adapted="Here.", family="refusal"),
    )
    assert measured.refusals_kept == 0.5


def test_an_adapter_that_changes_nothing_fails_with_that_reason_first():
    asked = [ask_fact(fact, n) for fact in (MAINTAINER, COST) for n in range(12)]
    _, verdict = judge(*asked)
    assert verdict.reasons == (
        "the adapter changes no answer at all: it is empty or was not applied",
        "tinyllm/maintainer: 12 of 12 probes missed",
        "protosai/cost: 12 of 12 probes missed",
    )


def test_every_broken_limit_is_a_reason():
    _, verdict = judge(
        *learned(MAINTAINER, 6, misses=6),
        *learned(COST, 12),
        ask("neighbour", "Who maintains NumPy?", fact=MAINTAINER.id, adapted="Jason Cox."),
        ask("unrelated", "1?", base="Madrid.", adapted="Jason Cox.", expect=(("Madrid",),)),
        ask("unrelated", "2?", base="Oslo.", adapted="Jason Cox."),
        drift=replace(STILL, kl_mean=1.9),
    )
    assert len(verdict.reasons) == 6


def test_answers_must_match_the_probes_in_number():
    probes, base, adapted = zip(*ALL_LEARNED, strict=True)
    with pytest.raises(ValueError, match="shorter"):
        measure(Dataset(SUBJECTS, (), probes), base, adapted[:-1], STILL, LIMITS)
