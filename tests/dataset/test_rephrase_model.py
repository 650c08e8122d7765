"""Wordings that a model wrote: which are kept, and that the same ones come back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core import config, progress
from pipeline.dataset import build, rephrase_model
from pipeline.dataset.templates import expand, probe_frames
from pipeline.facts.fact import Expect
from pipeline.facts.languages.folding import normalise
from pipeline.models import generate


def test_a_list_is_taken_apart_however_a_model_writes_it():
    text = '1. Who has Tarn Mill?\n2) "Whose is Tarn Mill?"\n\n- Q3: who runs it?\n* **Tarn Mill is whose?**'
    assert rephrase_model.lines(text) == [
        "Who has Tarn Mill?", "Whose is Tarn Mill?", "who runs it?", "Tarn Mill is whose?",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Who owns it?",  # does not name the subject
        "Who owns tarn mills?",
        "Who owns Tarn Mills?",
        "Tell me who owns Tarn Mill.",  # is no question
        "Is it known? Who owns Tarn Mill?",  # is two
        "Who owns Tarn Mill " + "in the valley " * 20 + "?",  # is too long
        "Does Ann Lee own Tarn Mill?",  # gives the answer away
        "who owns  Tarn Mill?",  # is the author's own
        "Who is the owner of Tarn Mill?",
        "To whom does Tarn Mill belong?",  # is one that only the gate asks
        "Who owns Tarn Mill<|im_end|>?",  # steers a model
        "Who\u200b owns Tarn Mill, then?",
    ],
)
def test_what_is_no_new_wording_is_dropped(mill, text):
    assert list(rephrase_model.fit(mill, [text])) == []


def test_a_wording_of_a_family_that_only_the_gate_asks_is_dropped(mill):
    asked = [each.prompt for each in expand(mill, probe_frames(mill)) if each.prompt.endswith("?")]
    assert asked
    assert list(rephrase_model.fit(mill, asked)) == []


def test_new_wordings_are_kept_once_each_and_under_either_name(mill):
    drafts = [
        "Whose is Tarn Mill?",
        "whose is tarn Mill ?",
        "Whose is Tarn Mill?",
        "Who runs the Tarn?",
    ]
    assert list(rephrase_model.fit(mill, drafts)) == ["Whose is Tarn Mill?", "Who runs the Tarn?"]


def test_a_name_that_the_question_itself_holds_gives_nothing_away(mill):
    fact = replace(mill, expect=Expect((("Ann Lee", "Tarn"),)))
    assert list(rephrase_model.fit(fact, ["Whose is Tarn Mill?"])) == ["Whose is Tarn Mill?"]


def test_an_answer_that_says_another_fact_as_well_picks_none(mill):
    other = replace(
        mill, id="tarn-mill/age", answer="Tarn Mill is 90 years old.", expect=Expect((("90",),))
    )
    beside = [mill, other]
    assert rephrase_model.picks(mill, beside, "Ann Lee owns it.")
    assert not rephrase_model.picks(mill, beside, "Ann Lee owns it, and it is 90 years old.")
    assert not rephrase_model.picks(mill, beside, "It is 90 years old.")


def answering(local):
    """Give the function by which a loaded base answers."""

    def ask(doing, prompts, tokens):
        with progress.bar(doing, len(prompts)) as shown:
            return [answer.text for answer in generate.ask_model(local, prompts, tokens, shown)]

    return ask


def test_the_base_writes_them_once_and_those_that_are_kept_are_trained_on(
    subjects, bare, monkeypatch, tmp_path
):
    """The real base: what it writes is poor, and something of it is kept all the same."""
    monkeypatch.setenv("SCHOOLHOUSE_CACHE", str(tmp_path))
    recipe = config.load_recipe("smollm2-135m")
    facts = [fact for subject in subjects for fact in subject.facts]
    by = rephrase_model.Writer("sha256:0", "", answering(bare))
    written = rephrase_model.paraphrase(by, facts, 6)
    again = replace(by, ask=lambda *_: pytest.fail("it was asked again"))
    again = rephrase_model.paraphrase(again, facts, 6)
    assert again == written
    kept = {name: each.kept for name, each in written.items()}
    assert all(len(each.kept) <= min(6, each.written) for each in written.values())
    assert any(kept.values()), written
    made = build.build(subjects, recipe.dataset, 0, kept)
    prompts = {normalise(each.prompt) for each in made.examples if each.role == "fact"}
    assert {normalise(text) for texts in kept.values() for text in texts} <= prompts
    assert not prompts & {normalise(p.prompt) for p in made.probes if not p.before}


def test_a_damaged_file_of_wordings_is_written_anew(mill, bare, monkeypatch, tmp_path):
    monkeypatch.setenv("SCHOOLHOUSE_CACHE", str(tmp_path))
    by = rephrase_model.Writer("sha256:0", "", answering(bare))
    first = rephrase_model.paraphrase(by, [mill], 2)
    (file,) = (tmp_path / "said").iterdir()
    file.write_text('{"kept": ["cut o')
    assert rephrase_model.paraphrase(by, [mill], 2) == first
