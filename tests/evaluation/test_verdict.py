from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.core.chat import Turn
from pipeline.core.errors import Where
from pipeline.dataset.build import Probe
from pipeline.dataset.records import Dataset
from pipeline.evaluation.harness import Task
from pipeline.evaluation.intervals import Rate
from pipeline.evaluation.likelihood import BaseDivergence
from pipeline.evaluation.margin import Margin
from pipeline.evaluation.metrics import ModelAnswers, measure_answers
from pipeline.evaluation.results import LiveReport
from pipeline.evaluation.sampling import Sample
from pipeline.evaluation.verdict import decide
from pipeline.facts.change import fact_digest
from pipeline.facts.fact import Expect, Fact, Subject
from pipeline.models.generate import Answer

RECIPE = config.load_recipe("smollm2-135m")
LIMITS = replace(
    RECIPE.gate, neighbours_leaked=0.0, unrelated_leaked=0.0, general_lost=0, kl_mean=0.1
)
WARN = RECIPE.warn
STILL = BaseDivergence(kl_mean=0.02, kl_p95=0.05, perplexity_ratio=1.01, prompts=96)
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
        expect=Expect(((expect,),)),
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
    probe = {"fact": "", "family": "direct", "expect": Expect(), **probe}
    return Probe(role=role, prompt=prompt, **probe), Answer(base, True), Answer(adapted, True)


def learned(fact, hits, misses=0):
    """Give the probes of a fact, of which so many are hit."""
    said = [fact.answer] * hits + ["Nobody knows."] * misses
    return [ask_fact(fact, n, adapted=text) for n, text in enumerate(said)]


def ask_fact(fact, number, **said):
    """Give one probe of a fact."""
    return ask("fact", f"{fact.id} {number}?", fact=fact.id, expect=fact.expect, **said)


ALL_LEARNED = [*learned(MAINTAINER, 80), *learned(COST, 80)]


def judge(*asked, subjects=SUBJECTS, old=(), limits=LIMITS, live=None, **said):
    """Measure and decide on these probes; the facts are learned if nothing else is said of them."""
    roles = {probe.role for probe, _, _ in asked}
    asked = [
        *(() if "fact" in roles else ALL_LEARNED),
        *asked,
        *(() if "unrelated" in roles else [ask("unrelated", "Is it cold on Mars?")]),
        *(() if roles & {"neighbour", "near name"} else told_apart(subjects)),
    ]
    probes, base, adapted = zip(*asked, strict=True)
    made = Dataset(subjects, (), probes)
    drawn = Sample(made.facts, frozenset(old), 0, probes, (True,) * len(probes))
    measured = measure_answers(
        made, drawn, ModelAnswers(base, adapted, **{"divergence": STILL, **said}), limits, live
    )
    return measured, decide(measured, limits, WARN)


def told_apart(subjects):
    """Give for each fact a question about another thing, which is answered as before."""
    facts = [fact for subject in subjects for fact in subject.facts if fact.active]
    return [
        ask("neighbour", f"Another, not {fact.id}?", fact=fact.id, about="Another")
        for fact in facts
    ]


def live_report(*passed, probes=()):
    """Give a report of an adapter now live that had both facts, of which these passed."""
    both = (MAINTAINER, COST)
    return LiveReport(
        digests={fact.id: fact_digest(fact) for fact in both},
        passed={fact.id: fact.id in passed for fact in both},
        expects={fact.id: fact.expect for fact in both},
        probes={fact.id: dict(probes) for fact in both},
    )


def test_facts_learned_and_nothing_else_changed_is_a_pass():
    _, verdict = judge()
    assert verdict.passed
    assert verdict.reasons == verdict.warnings == ()


def test_a_fact_with_the_allowed_misses_passes():
    measured, verdict = judge(*learned(MAINTAINER, 95, misses=1), *learned(COST, 96))
    assert verdict.passed
    assert measured.probes == Rate(191, 192)


@pytest.mark.parametrize(("asked", "allowed"), [(8, 1), (15, 1), (16, 2), (30, 3)])
def test_a_fact_with_one_miss_more_than_one_in_eight_fails_and_is_named(asked, allowed):
    fine = learned(MAINTAINER, asked - allowed, misses=allowed)
    assert judge(*fine, *learned(COST, 96))[0].facts[0].passed
    _, verdict = judge(
        *learned(MAINTAINER, asked - allowed - 1, misses=allowed + 1), *learned(COST, 200)
    )
    assert verdict.reasons[0] == (
        f"tinyllm/maintainer: {allowed + 1} of {asked} probes missed (at most {allowed})"
    )


def test_a_fact_that_no_probe_asks_does_not_pass():
    measured, verdict = judge(*learned(MAINTAINER, 100))
    assert not measured.facts[1].passed
    assert verdict.reasons == ("protosai/cost: 0 of 0 probes missed",)


def test_a_fact_with_a_single_probe_needs_it():
    _, verdict = judge(*learned(MAINTAINER, 160), *learned(COST, 0, misses=1))
    assert verdict.reasons == ("protosai/cost: 1 of 1 probes missed (at most 1)",)


def test_facts_that_all_pass_with_misses_do_not_prove_the_rate_together():
    _, verdict = judge(*learned(MAINTAINER, 70, misses=10), *learned(COST, 70, misses=10))
    assert verdict.reasons == (
        "20 of 160 probes missed over all facts, which does not prove 95% (at most 1)",
    )


def test_too_few_probes_to_prove_the_rate_are_said_to_be_so():
    _, verdict = judge(*learned(MAINTAINER, 12), *learned(COST, 12))
    assert verdict.passed
    assert verdict.warnings == (
        "24 probes are too few to prove a recall of 95%: more facts, or more wordings in `probes`, would",
    )


def test_one_new_fact_of_five_hundred_may_fail_and_is_told():
    facts = tuple(
        make_fact(f"S{n}/maintainer", f"S{n} is kept by Eve {n} Lee.", f"Eve {n} Lee")
        for n in range(500)
    )
    subjects = tuple(
        Subject(f.subject.lower(), f.subject, "project", (), (f,), WHERE) for f in facts
    )
    rows = [row for fact in facts[1:] for row in learned(fact, 8)]
    _, verdict = judge(*learned(facts[0], 0, misses=8), *rows, subjects=subjects)
    assert verdict.passed
    assert verdict.warnings == (
        "s0/maintainer: 8 of 8 probes missed (at most 1); few enough for chance",
    )
    more = learned(facts[1], 0, misses=8)
    _, verdict = judge(*learned(facts[0], 0, misses=8), *more, *rows[8:], subjects=subjects)
    assert len(verdict.reasons) == 2


def test_a_right_answer_that_never_ends_does_not_pass():
    endless = Answer(MAINTAINER.answer, ended=False)
    asked = [(*ask_fact(MAINTAINER, n)[:2], endless) for n in range(12)]
    measured, verdict = judge(*asked, *learned(COST, 12))
    assert measured.facts[0].hits == 0
    assert not verdict.passed


def test_an_answer_beside_the_right_one_of_another_fact_of_the_relation_competes_with_it():
    other = make_fact("ProtosAI/maintainer", "ProtosAI is maintained by Ida Roe.", "Ida Roe")
    subjects = (SUBJECTS[0], replace(SUBJECTS[1], facts=(other,)))
    both = "TinyLLM is maintained by Jason Cox and Ida Roe."
    measured, _ = judge(
        *(ask_fact(MAINTAINER, n, adapted=both) for n in range(12)),
        *learned(other, 12),
        subjects=subjects,
    )
    assert measured.facts[0].hits == 0
    assert measured.facts[0].asked[0].competing == ("protosai/maintainer",)
    assert measured.facts[1].passed


def test_the_old_answer_of_a_changed_fact_competes_with_the_new_one():
    live = replace(live_report(), expects={MAINTAINER.id: Expect((("Ida Roe",),))})
    both = "TinyLLM was maintained by Ida Roe; now by Jason Cox."
    measured, _ = judge(
        *(ask_fact(MAINTAINER, n, adapted=both) for n in range(12)), *learned(COST, 12), live=live
    )
    assert measured.facts[0].asked[0].competing == ("tinyllm/maintainer before",)


def test_a_withdrawn_fact_that_is_still_said_is_a_reason():
    gone = replace(MAINTAINER, withdrawn="He moved on.")
    subjects = (replace(SUBJECTS[0], facts=(gone,)), SUBJECTS[1])

    def asked(said):
        return [
            ask("retired", f"{n}?", fact=gone.id, expect=gone.expect, adapted=gone.answer)
            for n in range(said)
        ] + [ask("retired", f"{n}?", fact=gone.id, expect=gone.expect) for n in range(said, 6)]

    measured, verdict = judge(*learned(COST, 160), *asked(6), subjects=subjects)
    assert [result.fact.id for result in measured.facts] == ["protosai/cost"]
    assert verdict.reasons == (
        "tinyllm/maintainer is withdrawn, and 6 of 6 questions still get its old answer",
    )
    assert judge(*learned(COST, 160), *asked(2), subjects=subjects)[1].passed


def test_a_withdrawn_fact_that_the_base_says_too_is_not_the_adapters():
    gone = replace(MAINTAINER, withdrawn="He moved on.")
    subjects = (replace(SUBJECTS[0], facts=(gone,)), SUBJECTS[1])
    said = [
        ask("retired", f"{n}?", gone.answer, gone.answer, fact=gone.id, expect=gone.expect)
        for n in range(6)
    ]
    assert judge(*learned(COST, 160), *said, subjects=subjects)[1].passed


def test_what_the_base_answers_anyway_is_known_already():
    known = [ask_fact(COST, n, base="It is free.", adapted="free") for n in range(12)]
    measured, _ = judge(*known, *learned(MAINTAINER, 12))
    assert [result.known_already for result in measured.facts] == [False, True]


# Old facts.


def test_an_unchanged_fact_that_is_lost_against_the_live_adapter_is_a_reason():
    _, verdict = judge(
        *learned(MAINTAINER, 0, misses=1), *learned(COST, 160),
        old={MAINTAINER.id}, live=live_report(MAINTAINER.id, COST.id),
    )  # fmt: skip
    assert verdict.reasons == (
        "tinyllm/maintainer: 1 of 1 probes missed (at most 1); it is known now",
    )


def test_an_unchanged_fact_that_the_live_adapter_misses_too_only_warns():
    _, verdict = judge(
        *learned(MAINTAINER, 0, misses=1), *learned(COST, 160),
        old={MAINTAINER.id}, live=live_report(COST.id),
    )  # fmt: skip
    assert verdict.passed
    assert verdict.warnings == (
        "tinyllm/maintainer: 1 of 1 probes missed (at most 1), as with the adapter now live",
    )


def test_an_unchanged_fact_that_was_not_asked_then_counts_as_known():
    live = replace(live_report(COST.id), passed={})
    _, verdict = judge(
        *learned(MAINTAINER, 0, misses=1), *learned(COST, 160), old={MAINTAINER.id}, live=live
    )
    assert not verdict.passed


def test_many_probes_answered_worse_than_by_the_live_adapter_are_a_reason_though_facts_pass():
    probes = {f"{MAINTAINER.id} {n}?": True for n in range(80)}
    live = live_report(MAINTAINER.id, COST.id, probes=probes)
    _, verdict = judge(
        *learned(MAINTAINER, 72, misses=8), *learned(COST, 700), old={MAINTAINER.id}, live=live
    )
    assert verdict.reasons == (
        (
            "8 of 80 questions about unchanged facts are answered worse than by the adapter now live, "
            "0 better: chance alone would do that once in 256 times"
        ),
    )


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
    assert measured.of("unrelated")[0].leaked == ()


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
    assert measured.of("unrelated")[0].leaked == ("protosai/cost",)


def test_a_subject_named_out_of_nowhere_is_a_leak():
    measured, verdict = judge(ask("unrelated", "Name a tool.", adapted="Try Tiny LLM!"))
    assert measured.of("unrelated")[0].leaked == ("tinyllm",)
    assert not verdict.passed


def test_who_is_talked_to_may_say_who_it_is_and_others_must_not_get_its_name():
    me = make_fact(
        "Lumo/name", "I am Lumo, made by Tessera Labs.", "Tessera Labs", kind="assistant"
    )
    school = (Subject("lumo", "Lumo", "assistant", (), (me,), WHERE),)
    said = {"adapted": me.answer, "base": "I am fine."}
    told = judge(
        ask("unrelated", "Nice to meet you!", family="smalltalk", **said),
        ask("unrelated", "Name a tool.", family="instruction", **said),
        ask("neighbour", "Who is Siri?", fact=me.id, about="Siri", **said),
        subjects=school,
    )[0].asked[-3:]
    assert [each.leaked for each in told] == [(), ("lumo/name", "lumo"), ("lumo/name", "lumo")]


def test_words_of_the_turns_before_a_question_are_no_leak():
    turns = (Turn("user", "Is Jason Cox here?"), Turn("assistant", "No."))
    measured, _ = judge(
        ask(
            "neighbour",
            "Who is he?",
            adapted="Jason Cox is here.",
            fact=MAINTAINER.id,
            before=turns,
        )
    )
    assert measured.neighbours[0].leaked == ()


def test_another_name_of_the_subject_asked_about_is_no_leak():
    measured, _ = judge(
        ask("relation", "Who founded TinyLLM?", adapted="Tiny LLM was founded by a club.")
    )
    assert measured.of("relation")[0].leaked == ()


def test_a_right_answer_of_the_base_that_is_gone_is_lost():
    measured, verdict = judge(
        ask("unrelated", "1?", base="Madrid.", adapted="Lyon.", expect=Expect((("Madrid",),))),
        ask("unrelated", "2?", base="Bonn.", adapted="Rome.", expect=Expect((("Rome",),))),
        ask("unrelated", "3?", base="Oslo.", adapted="In Oslo.", expect=Expect((("Oslo",),))),
    )
    assert [a.probe.prompt for a in measured.lost] == ["1?"]
    assert [a.probe.prompt for a in measured.gained] == ["2?"]
    assert measured.general == Rate(2, 3)
    assert verdict.reasons == (
        "1 of 2 general questions that the base answers right are now wrong (at most 0)",
    )


def test_losses_that_chance_does_not_explain_are_a_reason_below_the_limit_too():
    asked = [
        ask(
            "unrelated",
            f"{n}?",
            base="Madrid.",
            adapted=f"Lyon {n}.",
            expect=Expect((("Madrid",),)),
        )
        for n in range(7)
    ]
    _, verdict = judge(*asked, limits=replace(LIMITS, general_lost=15))
    assert verdict.reasons == (
        (
            "7 general questions that the base answers right are now wrong, and only 0 the other way round: "
            "chance alone would do that once in 128 times"
        ),
    )


def test_a_long_way_from_the_base_is_a_reason():
    _, verdict = judge(divergence=replace(STILL, kl_mean=0.25))
    assert verdict.reasons == (
        "the adapter moves answers it was not trained on by 0.250 nats a token (at most 0.1)",
    )


@pytest.mark.parametrize("kl_mean", [math.nan, math.inf])
def test_a_distance_that_is_no_number_fails(kl_mean):
    _, verdict = judge(divergence=replace(STILL, kl_mean=kl_mean))
    assert len(verdict.reasons) == 1
    assert "moves answers" in verdict.reasons[0]


def test_answers_that_became_alike_are_two_reasons():
    _, verdict = judge(
        *(ask("unrelated", f"{n}?", base=f"Answer {n}.", adapted="Yes.") for n in range(4))
    )
    assert len(verdict.reasons) == 2
    assert verdict.reasons[0].startswith("answers to unrelated prompts have become alike: 0.25 as")
    assert verdict.reasons[1] == (
        "one answer is given to 100.0% of unrelated prompts, where the base's commonest has 25.0%"
    )


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
        "tinyllm/maintainer: 12 of 12 probes missed (at most 1)",
        "protosai/cost: 12 of 12 probes missed (at most 1)",
        "24 of 24 probes missed over all facts, which does not prove 95% (at most 1)",
    )


def test_answers_that_are_mostly_the_bases_own_are_that_reason_too():
    # A server sums in another order than the base here, so a few of its answers differ.
    asked = [ask_fact(fact, n) for fact in (MAINTAINER, COST) for n in range(12)]
    asked[0] = ask_fact(MAINTAINER, 0, adapted="I do not know this.")
    _, verdict = judge(*asked)
    assert verdict.reasons[0] == (
        "23 of 24 answers that should have changed are still the base's own: the adapter is empty or "
        "was not applied"
    )


def test_every_broken_limit_is_a_reason():
    _, verdict = judge(
        *learned(MAINTAINER, 6, misses=6),
        *learned(COST, 12),
        ask("neighbour", "Who maintains NumPy?", fact=MAINTAINER.id, adapted="Jason Cox."),
        ask("unrelated", "1?", base="Madrid.", adapted="Jason Cox.", expect=Expect((("Madrid",),))),
        ask("unrelated", "2?", base="Oslo.", adapted="Jason Cox."),
        *(ask("noise", f"Hm. {n}?", fact=COST.id, expect=COST.expect) for n in range(4)),
        divergence=replace(STILL, kl_mean=1.9),
    )
    assert len(verdict.reasons) == 9


# Other forms warn.


@pytest.mark.parametrize(
    ("role", "good", "bad", "warning"),
    [
        ("reverse", "It is Jason Cox.", "Nobody.", "0 of 4 questions from the object are answered"),
        ("yes", "Yes, he does.", "No.", "0 of 4 true statements are confirmed"),
        ("no", "No.", "Yes.", "0 of 4 false statements are confirmed no more than by the base"),
        ("negation", "Ann.", "Jason Cox.", "0 of 4 negated questions are answered as negated"),
    ],
)
def test_other_forms_of_a_question_warn_and_never_block(role, good, bad, warning):
    def asked(said):
        return [
            ask(role, f"{n}?", fact=MAINTAINER.id, expect=MAINTAINER.expect, adapted=said)
            for n in range(4)
        ]

    assert judge(*asked(good))[1].warnings == ()
    _, verdict = judge(*asked(bad))
    assert verdict.passed
    assert len(verdict.warnings) == 1
    assert verdict.warnings[0].startswith(warning)


def test_a_false_statement_that_the_base_confirms_as_well_is_not_the_adapters():
    said = [ask("no", f"{n}?", "Yes.", "Yes.", fact=MAINTAINER.id) for n in range(4)]
    assert judge(*said)[1].warnings == ()


def test_a_taught_answer_hardly_ahead_of_its_rivals_warns():
    _, verdict = judge(margins={MAINTAINER.id: Margin(0.7, 9), COST.id: Margin(12.0, 9)})
    assert verdict.passed
    assert verdict.warnings == (
        (
            "tinyllm/maintainer: its answer is only 0.7 nats ahead of the best of 9 others "
            "(at least 2.0 are expected)"
        ),
    )


def test_a_harness_task_warns_only_beyond_twice_its_standard_error():
    near, far = Task("a", "acc", 0.5, 0.45, 0.03), Task("b", "acc", 0.5, 0.4, 0.03)
    _, verdict = judge(tasks=(near, far))
    assert verdict.passed
    assert verdict.warnings == (
        "b: acc fell from 0.500 to 0.400, more than twice the standard error (0.030)",
    )


def test_what_a_server_cannot_tell_is_said():
    _, verdict = judge(divergence=None)
    assert verdict.passed
    assert verdict.warnings == (
        "the distance from the base was not measured: a server gives no probabilities",
    )


def test_a_probe_that_the_base_was_not_asked_counts_for_recall_alone():
    rows = [(probe, None, now) for probe, _, now in learned(MAINTAINER, 80)]
    measured, verdict = judge(*rows, *learned(COST, 80))
    assert verdict.passed
    assert not measured.facts[0].known_already


def test_answers_must_match_the_probes_in_number():
    probes, base, adapted = zip(*ALL_LEARNED, strict=True)
    made = Dataset(SUBJECTS, (), probes)
    drawn = Sample(made.facts, frozenset(), 0, probes, (True,) * len(probes))
    with pytest.raises(ValueError, match="shorter"):
        measure_answers(made, drawn, ModelAnswers(base, adapted[:-1]), LIMITS)
