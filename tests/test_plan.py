from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import Where
from pipeline.plan import change


def with_fact(subject, **new):
    return replace(subject, facts=(replace(subject.facts[0], **new),))


def test_nothing_changed_where_only_the_file_moved(subjects):
    moved = [with_fact(subject, where=Where("elsewhere.yaml", 9, 9)) for subject in subjects]
    found = change(subjects, moved)
    assert found.added == found.changed == found.retired == ()
    assert not found.only_adds


def test_a_new_fact_is_an_addition(subjects):
    found = change(subjects[:1], subjects)
    assert (found.added, found.only_adds) == (("tarn-mill/owner",), True)


@pytest.mark.parametrize(
    "new", [{"answer": "Dun Weir is owned by Bo."}, {"question": "Whose is Dun Weir?"}]
)
def test_a_fact_that_says_something_else_is_a_change(subjects, new):
    found = change(subjects, (with_fact(subjects[0], **new), subjects[1]))
    assert (found.changed, found.only_adds) == (("dun-weir/owner",), False)


def test_a_withdrawn_fact_and_a_missing_one_are_retired(subjects):
    gone = with_fact(subjects[0], withdrawn="Torn down.")
    assert change(subjects, (gone, subjects[1])).retired == ("dun-weir/owner",)
    assert change(subjects, subjects[1:]).retired == ("dun-weir/owner",)
    assert not change(subjects[:1], subjects[1:]).only_adds
