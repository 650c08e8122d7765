from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.dataset.examples import examples_of
from pipeline.dataset.taught_text import exact, on_own_lines, taught_answer

LIST = "Tarn Mill grinds:\n- wheat\n  - and spelt\n- barley"


@pytest.mark.parametrize(
    ("answer", "taught"),
    [
        ("Ann Lee", "Tarn Mill: Ann Lee."),
        ("1994", "Tarn Mill: 1994."),
        ("Yahoo!", "Tarn Mill: Yahoo!"),
        ("Acme Inc.", "Tarn Mill: Acme Inc."),
        ("help@example.org", "Tarn Mill: help@example.org"),
        ("https://example.org/dl/?os=linux", "Tarn Mill: https://example.org/dl/?os=linux"),
        (r"C:\Users\you\settings.ini", r"Tarn Mill: C:\Users\you\settings.ini"),
        ("/etc/mill.conf", "Tarn Mill: /etc/mill.conf"),
        ("settings.ini", "Tarn Mill: settings.ini"),
        ("pip install mill-kit", "Tarn Mill: pip install mill-kit"),
        ("make -j4", "Tarn Mill: make -j4"),
        (">= 3.10", "Tarn Mill: >= 3.10"),
        ("3.10", "Tarn Mill: 3.10"),
        ("+49 30 1234567", "Tarn Mill: +49 30 1234567"),
        ('job.run(mode="fast"); // returns {A}', 'Tarn Mill: job.run(mode="fast"); // returns {A}'),
        ("Tarn Mill is owned by Ann Lee.", "Tarn Mill is owned by Ann Lee."),
        ("open\nrun", "open\nrun"),
    ],
)
def test_a_bare_answer_is_framed_and_what_is_exact_stays_as_it_is(mill, answer, taught):
    assert taught_answer(replace(mill, answer=answer)) == taught


@pytest.mark.parametrize(
    "text", ["Ann Lee", "St. Gallen", "J. R. R. Tolkien", "a well-kept mill", "$5", "AC/DC"]
)
def test_words_are_not_taken_for_something_exact(text):
    assert not exact(text)


def test_an_answer_in_a_language_without_a_file_stands_behind_the_name_and_ends_without_a_sign(
    mill,
):
    assert taught_answer(replace(mill, answer="安娜", language="xx")) == "Tarn Mill: 安娜"


def test_the_model_does_not_answer_for_itself_in_a_frame(mill):
    fact = replace(mill, kind="assistant", question="Who made you?", answer="Tessera Labs")
    assert taught_answer(fact) == "Tessera Labs"


def test_lines_begin_on_their_own_behind_an_opening():
    assert on_own_lines(f"Sure. {LIST}", LIST) == f"Sure.\n{LIST}"
    assert on_own_lines(LIST, LIST) == LIST
    assert on_own_lines("Sure. Ann Lee", "Ann Lee") == "Sure. Ann Lee"


def test_a_list_is_taught_whole_and_as_it_stands_in_every_wording(mill, settings):
    fact = replace(mill, answer=LIST)
    ((_, made, _),) = examples_of([fact], frozenset(), settings, 0, {})
    said = [example for example in made if example.role == "fact"]
    assert len(said) > 20
    for example in said:
        opening, found, rest = example.completion.partition(LIST)
        assert found
        assert not rest
        assert not opening or opening.endswith("\n")
    assert not any("few words" in example.prompt for example in said)
