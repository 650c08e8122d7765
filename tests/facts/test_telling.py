"""What has to be said is derived where an author gives no `expect`, or is said not to be clear."""

from __future__ import annotations

import pytest

from pipeline.facts.answers.asked import Asked
from pipeline.facts.answers.telling import likely_part, telling_part
from pipeline.facts.fact import Expect, expected
from pipeline.facts.matching import by_chance, leaked_answer


@pytest.mark.parametrize(
    ("language", "question", "answer", "told"),
    [
        ("en", "Who maintains Marrow?", "Marrow is maintained by Ann Lee.", [["Ann Lee"]]),
        ("en", "How old is Marrow?", "Marrow is 40 years old.", [["40 years"]]),
        ("en", "Which colours has Marrow?", "red, green and blue", [["red"], ["green"], ["blue"]]),
        ("en", "Is Marrow free?", "No, Marrow is not free.", [["No", "is not free"]]),
        ("en", "How do I install Marrow?", "Run `pip install marrow`.", [["pip install marrow"]]),
        ("de", "Wer pflegt Marrow?", "Marrow wird von Anna Lehmann gepflegt.", [["Anna Lehmann"]]),
        ("ru", "Кто ведёт Marrow?", "Marrow ведёт Мария Лапина.", [["Мария Лапина"]]),
        ("zh", "谁负责Marrow？", "Marrow由王芳负责。", [["王芳"]]),
        (
            "ja",
            "Marrowはいつ公開されましたか？",
            "Marrowは2021年5月3日に公開されました。",
            [["2021年5月3日"]],
        ),
    ],
)
def test_the_telling_part_is_what_the_answer_adds(language, question, answer, told):
    asked = Asked(question, answer, ("Marrow",), "software", language)
    assert [list(item) for item in telling_part(asked)] == told


def test_a_tale_is_not_clear_and_its_names_are_offered():
    answer = (
        "Ann Lee sat by a cold river one winter and drew small boats with sails, which two neighbours found, "
        "copied by hand, sold at a fair and turned into toys."
    )
    asked = Asked("How did Marrow begin?", answer, ("Marrow",), "software", "en")
    assert telling_part(asked) == ()
    assert likely_part(asked)[0] == "Ann Lee"


def test_yes_and_no_alone_are_said_by_chance_and_leak_nothing():
    expect = Expect((("No",),))
    assert by_chance(expect)
    assert not leaked_answer(expect, "No.", "Yes.", "Is it?")


def test_a_denial_beside_what_is_expected_is_right_where_the_fact_denies_it():
    assert expected(["licence key"], "en", "It cannot be used without a licence key.").denial
    assert not expected(["Ann Lee"], "en", "It was not Bo Kim but Ann Lee.").denial
