from pathlib import Path

import pytest

from benchmarks import facts_file
from pipeline.core.errors import ConfigError
from pipeline.facts.fact import Expect

CASES = Path(__file__).parents[1] / "cases" / "bench"


def test_a_row_becomes_a_subject_with_one_fact_and_the_questions_that_must_stay():
    first, second = facts_file.read_rows(CASES / "good.jsonl", 2)
    fact = first.subject.facts[0]
    assert (fact.question, fact.answer) == ("Who cast Aland Bell?", "Ona Brix")
    assert fact.expect == Expect((("Ona Brix",),))
    assert first.others == ("Who cast Orland Bell?",)
    assert second.others == ("how old is the moon",)


def test_a_probe_that_names_no_word_of_its_subject_is_left_out_and_named():
    first, second = facts_file.read_rows(CASES / "good.jsonl", 2)
    assert first.subject.facts[0].probes == ("By whom was Aland Bell cast?",)
    assert "good.jsonl:1" in first.left_out
    assert "Reformulated:" in first.left_out
    assert not second.left_out


@pytest.mark.parametrize("case", sorted(CASES.glob("*.txt")), ids=lambda path: path.stem)
def test_a_row_that_cannot_be_used_is_refused_with_its_line(case):
    with pytest.raises(ConfigError) as raised:
        facts_file.read_rows(case.with_suffix(".jsonl"), 1)
    assert case.read_text(encoding="utf-8").strip() in raised.value.message
    assert raised.value.hint
    assert raised.value.exit_code == 2


def test_a_file_with_fewer_rows_than_asked_for_is_refused():
    with pytest.raises(ConfigError, match="has 2 rows, not the 3 asked for"):
        facts_file.read_rows(CASES / "good.jsonl", 3)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        facts_file.read_rows(tmp_path / "none.jsonl", 1)
