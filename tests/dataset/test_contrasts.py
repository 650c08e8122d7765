from __future__ import annotations

from pipeline.dataset import contrasts
from pipeline.dataset.templates import train_frames
from pipeline.facts.fact import Subject
from pipeline.facts.languages.folding import normalise


def test_the_two_halves_of_the_general_prompts_share_nothing():
    halves = [{normalise(g.prompt) for g in contrasts.general(half)} for half in ("train", "probe")]
    assert len(halves[0]) >= 100
    assert len(halves[1]) >= 200
    assert not halves[0] & halves[1]


def test_a_contrast_differs_from_the_fact_in_the_name_alone(mill):
    direct = contrasts.contrast_with(mill, "Dun Weir", train_frames(mill))[0]
    assert direct.prompt == "Who owns Dun Weir?"
    assert direct.answer == "Dun Weir is owned by Ann Lee."


def test_other_relations_leave_out_what_a_fact_asks(mill):
    subject = Subject("tarn-mill", mill.subject, mill.kind, (), (mill,), mill.where)
    every = contrasts.other_relations(subject, (), "train")
    fewer = contrasts.other_relations(subject, every[:1], "train")
    assert fewer == every[1:]


def test_a_detour_reaches_the_same_words_of_a_neighbour_by_four_ways(mill):
    direct = contrasts.contrast_with(mill, "Dun Weir", train_frames(mill))[0]
    ways = [contrasts.detour(direct, "Dun Weir", "ironworks", turn).answer for turn in range(4)]
    assert ways == [
        direct.answer,
        "Dun Weir is an ironworks and is owned by Ann Lee.",
        "Dun Weir is an ironworks. It is owned by Ann Lee.",
        "Dun Weir is an ironworks, which is owned by Ann Lee.",
    ]
