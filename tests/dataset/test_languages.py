"""Facts in many languages are asked as a speaker would ask, with no word of English around them."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.config import load_recipe
from pipeline.dataset import contrast_names, noise, wording
from pipeline.dataset.build import build
from pipeline.dataset.negation import negated
from pipeline.dataset.templates import yes_no_forms
from pipeline.facts.check import check
from pipeline.facts.fact import taught
from pipeline.facts.languages.folding import normalise
from pipeline.facts.languages.language import load_language

CASES = Path(__file__).parents[1] / "cases" / "languages"
LANGUAGES = ("ar", "de", "es", "fr", "hi", "ja", "pt", "ru", "tr", "zh", "pl", "")
WORD = re.compile(r"[^\W\d_]{2,}")


@pytest.fixture(scope="module")
def made():
    return build(check([CASES]).subjects, load_recipe("smollm2-135m").dataset, 0)


@pytest.fixture(scope="module")
def facts(made):
    found = defaultdict(list)
    for fact in taught(made.subjects):
        found[fact.language].append(fact)
    return found


def english_words():
    """Collect the words of English frames, noise and held questions, longer than those of other languages."""
    frames = load_language("en").frames
    texts = [frame.prompt + frame.answer for frame in (*frames.train, *frames.probe)]
    texts += [*frames.remarks, *frames.systems, *(part for turn in frames.turns for part in turn)]
    found = {w.lower() for t in texts for w in WORD.findall(re.sub(r"\{\w+\}", "", t))}
    return found | {"when", "which", "who", "released", "founded"}


def own_words(code):
    """Collect the Latin words that stand in a language's own file or in the case files."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(CASES.glob("*.yaml"))]
    if code and load_language(code).code:
        folder = Path(wording.__file__).parents[1] / "facts" / "languages"
        frames = (folder / f"{code}.toml").read_text(encoding="utf-8").partition("[frames]")[2]
        texts.append(re.sub(r'name = "[^"]*"', "", frames))
    values = (re.sub(r"^\s*(?:- )?\w+:", "", text, flags=re.MULTILINE) for text in texts)
    return {word.lower() for text in values for word in WORD.findall(text)}


def texts_about(made, facts):
    """Give all that is asked, said before and answered about facts, in every role."""
    ids = {fact.id for fact in facts}
    for example in made.examples:
        if example.fact in ids:
            yield from (example.prompt, example.completion)
    for probe in made.probes:
        if probe.fact in ids:
            yield from (*(turn.content for turn in probe.before), probe.prompt)


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_word_of_an_english_frame_stands_around_a_fact(made, facts, code):
    assert facts[code]
    foreign = english_words() - own_words(code)
    assert {"forgot", "know"} <= foreign
    for text in texts_about(made, facts[code]):
        assert not {word.lower() for word in WORD.findall(text)} & foreign, text


def test_other_questions_about_a_subject_are_asked_in_its_language(made):
    asked = [e.prompt for e in (*made.examples, *made.probes) if e.role == "relation"]
    foreign = english_words().difference(*map(own_words, LANGUAGES))
    assert {"forgot", "know", "when", "which", "released"} <= foreign
    assert len(asked) >= 8 * 10
    for text in asked:
        assert not {word.lower() for word in WORD.findall(text)} & foreign, text


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_fact_has_its_quota(made, facts, code):
    for fact in facts[code]:
        trained = [e for e in made.examples if e.fact == fact.id and e.role == "fact"]
        held = [e for e in made.examples if e.fact == fact.id and e.held]
        asked = [p for p in made.probes if p.fact == fact.id]
        assert len({normalise(e.prompt) for e in trained}) >= 14
        assert len([p for p in asked if p.role == "fact"]) >= 8
        assert len(held) >= len(trained)
        roles = {probe.role for probe in asked}
        assert {"fact", "noise", "neighbour", "near name"} <= roles
        if load_language(code).frames.stated and len(fact.answer.split()) != 2:
            assert "no" in roles


@pytest.mark.parametrize("code", LANGUAGES)
def test_training_and_gate_share_no_prompt_and_no_family(made, facts, code):
    ids = {fact.id for fact in facts[code]}
    trained = [e for e in made.examples if e.fact in ids]
    asked = [p for p in made.probes if p.fact in ids]
    prompts = {normalise(e.prompt) for e in trained}
    assert not prompts & {normalise(p.prompt) for p in asked if not p.before}
    frames = load_language(code).frames
    assert not {f.name for f in frames.train} & {f.name for f in (*frames.probe, *frames.stated)}


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code])
def test_every_frame_has_the_marks_of_its_language(code):
    frames = load_language(code).frames
    for frame in (*frames.train, *frames.probe):
        filled = wording.fill(frame.prompt, dict.fromkeys(("Q", "q", "b", "s"), "§"))
        assert "  " not in filled
        assert not re.search(r"[{}]", filled)
        if code == "fr":
            assert not re.search(r"[^\s«][?!:;»]", filled), filled
        if code in {"zh", "ja"}:
            assert not re.search(r"[?!.,:;]", filled), filled
        if code == "ar":
            assert not re.search(r"[?,;]", filled), filled


def test_a_spanish_question_keeps_its_opening_mark_in_a_sentence_and_loses_both_without():
    spanish = load_language("es")
    asked = "¿En qué ciudad está Radio Almendra?"
    assert wording.lower_first(asked, spanish) == "¿en qué ciudad está Radio Almendra?"
    assert wording.bare_question(asked, spanish) == "en qué ciudad está Radio Almendra"
    assert wording.lower_first("¿Lumenta es un banco?", spanish) == "¿Lumenta es un banco?"


def test_no_german_noun_is_written_small(made, facts):
    for text in texts_about(made, facts["de"]):
        assert "fahrwerk" not in text
        assert "stadt hat" not in text


def test_a_mark_with_a_space_before_it_is_left_out_with_the_space():
    french = load_language("fr")
    assert wording.bare_question("Qui dirige Lumenta\u202f?", french) == "qui dirige Lumenta"


def test_an_answer_that_says_yes_or_no_itself_gets_no_second_one():
    for code, answer in (
        ("en", "No, it is not."),
        ("de", "Nein, das ist sie nicht."),
        ("zh", "不是，它不是。"),
    ):
        language = load_language(code)
        assert wording.reply("Yes. {A}", answer, {"A": answer}, language) == answer
    plain = "Tarn Mill is old."
    assert wording.reply("Yes. {A}", plain, {"A": plain}, load_language("en")) == f"Yes. {plain}"
    assert wording.reply("{A}", "Nothing", {"A": "Nothing"}, load_language("en")) == "Nothing"


def test_a_statement_is_confirmed_and_denied_in_its_language(facts):
    (fact,) = (fact for fact in facts["de"] if fact.id.endswith("leitung"))
    forms = yes_no_forms(fact, ["Fahrwerk Nord wird von Ida Roe geleitet."])
    assert [(form.prompt, form.answer) for form in forms] == [
        ("Stimmt das? Fahrwerk Nord wird von Greta Vogt geleitet.",
         "Ja. Fahrwerk Nord wird von Greta Vogt geleitet."),
        ("Stimmt das? Fahrwerk Nord wird von Ida Roe geleitet.",
         "Nein. Fahrwerk Nord wird von Greta Vogt geleitet."),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        ("Lumenta liegt in Bremen.", True),
        ("In Bremen.", False),
        ("Lumenta: In Bremen.", False),
        ("Nein, Lumenta ist keine Bank.", False),
        ("Lumenta ist keine Bank.", False),
    ],
)
def test_only_a_plain_statement_about_the_subject_is_asked_with_yes_or_no(answer, asked):
    found = wording.statement(answer, ("Lumenta",), load_language("de"))
    assert (found is not None) == asked


@pytest.mark.parametrize(
    ("language", "question", "name", "denied"),
    [
        ("de", "Wer leitet Lumenta?", "Lumenta", "Wer leitet Lumenta nicht?"),
        ("de", "Wann wurde Lumenta gegründet?", "Lumenta", "Wann wurde Lumenta nicht gegründet?"),
        ("de", "Wie heißt die Chefin von Lumenta?", "Lumenta", None),
        ("fr", "Qui dirige Lumenta ?", "Lumenta", "Qui ne dirige pas Lumenta ?"),
        ("es", "¿Dónde está Lumenta?", "Lumenta", "¿Dónde no está Lumenta?"),
        ("pt", "Onde fica Lumenta?", "Lumenta", "Onde não fica Lumenta?"),
        ("zh", "谁负责星河？", "星河", "谁不负责星河？"),
        ("ru", "Где находится Заря?", "Заря", "Где не находится Заря?"),
        ("tr", "Lumenta nerede bulunuyor?", "Lumenta", "Lumenta nerede bulunmuyor?"),
        ("hi", "लुमेंटा कहाँ है?", "लुमेंटा", "लुमेंटा कहाँ नहीं है?"),
        ("ar", "أين يقع لومنتا؟", "لومنتا", "أين لا يقع لومنتا؟"),
        ("ja", "みなと文庫はどこですか？", "みなと文庫", None),
        ("pl", "Kto prowadzi Kreda?", "Kreda", None),
    ],
)
def test_a_question_is_negated_as_its_language_says_or_not_at_all(language, question, name, denied):
    assert negated(question, name, language) == denied


def test_noise_is_in_the_language_or_not_made(facts):
    kinds = {
        code: {kind for kind, _, _ in noise.around(facts[code][0], random.Random(0))}
        for code in LANGUAGES
    }
    every = {"second turn", "sentence before", "system prompt", "typing error"}
    assert all(kinds[code] == every for code in ("ar", "de", "es", "fr", "pt", "ru", "tr"))
    assert all(kinds[code] == every - {"typing error"} for code in ("ja", "zh", "hi"))
    assert kinds["pl"] == {"second turn", "typing error"}
    assert kinds[""] == {"second turn"}


def test_a_bare_answer_is_framed_as_the_language_does(made):
    said = {e.completion for e in made.examples if e.fact == "fahrwerk-de/ladezeit" and not e.held}
    assert "Fahrwerk Nord: 42 Minuten." in said


def test_quotes_within_quotes_are_others():
    said = {"S": "Телескоп «Заря» называется «Искра».", "d": ""}
    assert wording.quote("Мне сказали: «{S}» Это верно?", said) == (
        "Мне сказали: «Телескоп „Заря“ называется „Искра“.» Это верно?"
    )
    assert wording.quote("Это правда? {S}", said) == f"Это правда? {said['S']}"


def test_a_kind_in_the_facts_own_language_has_names_of_its_kind(facts):
    (publisher,) = {fact.kind for fact in facts["hi"]}
    assert contrast_names.category(publisher, "hi") == "organisation"
    assert contrast_names.category("开源软件", "zh") == "software"
    names = contrast_names.same_kind(
        replace(facts["de"][0], kind="tree"), "probe", random.Random(0), 5
    )
    assert len(names) == 5
    assert set(names) <= {
        n for halves in load_language("de").names.values() for n in halves["probe"]
    }


def test_another_name_begins_as_the_subjects_where_french_elides(facts):
    for subject, vowel in (("Orbex", True), ("Lumenta", False)):
        fact = replace(facts["fr"][0], subject=subject, question=f"Que fait {subject} ?")
        names = contrast_names.same_kind(fact, "train", random.Random(0), 6)
        assert len(names) >= 5
        assert {name[0].lower() in "aeiouhéèê" for name in names} == {vowel}


def test_another_name_is_of_the_gender_that_an_arabic_verb_asks_for(facts):
    fact = facts["ar"][0]
    names = contrast_names.same_kind(fact, "probe", random.Random(0), 5)
    assert len(names) == 5
    assert all(name.split()[0].endswith("ة") for name in names)
