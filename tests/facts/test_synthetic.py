import pytest

from pipeline.core import config
from pipeline.dataset import build
from pipeline.facts import synthetic


@pytest.mark.parametrize("count", [1, 10, 101, 1000])
def test_as_many_facts_as_asked_for_are_made_up(count):
    subjects = synthetic.subjects(count, seed=0)
    assert sum(len(subject.facts) for subject in subjects) == count


def test_a_seed_gives_the_same_facts_and_another_seed_others():
    assert synthetic.subjects(40, seed=0) == synthetic.subjects(40, seed=0)
    assert synthetic.subjects(40, seed=0) != synthetic.subjects(40, seed=1)


def test_no_name_and_no_question_comes_twice():
    subjects = synthetic.subjects(1000, seed=0)
    facts = [fact for subject in subjects for fact in subject.facts]
    assert len({subject.name for subject in subjects}) == len(subjects)
    assert len({fact.id for fact in facts}) == len({fact.question for fact in facts}) == 1000


def test_twins_have_almost_the_same_name():
    subjects = synthetic.subjects(32, seed=0)
    for one, twin in zip(subjects[::2], subjects[1::2], strict=True):
        assert one.kind == twin.kind
        assert one.name[:3] == twin.name[:3]
        assert one.name[-2:] == twin.name[-2:]


def test_every_answer_says_what_is_expected_and_made_up_facts_make_a_dataset():
    subjects = synthetic.subjects(16, seed=0)
    made = build.build(subjects, config.load_recipe("smollm2-135m").dataset, seed=0)
    assert len(made.facts) == 16
    assert all(fact.expect.items[0][0] in fact.answer for fact in made.facts)
    assert {probe.fact for probe in made.probes if probe.role == "fact"} == {
        fact.id for fact in made.facts
    }
