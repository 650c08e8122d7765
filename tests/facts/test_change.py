from __future__ import annotations

import re
from dataclasses import replace

from pipeline.core.errors import Where
from pipeline.facts.change import diff, fact_digest


def test_a_fact_is_the_same_wherever_it_stands_and_another_in_other_words(mill):
    assert fact_digest(replace(mill, where=Where("other.yaml", 9))) == fact_digest(mill)
    assert fact_digest(replace(mill, answer="Tarn Mill belongs to Ann Lee.")) != fact_digest(mill)


def test_a_fact_is_told_apart_by_its_whole_digest_and_none_of_an_old_report_passes_for_unchanged(
    mill,
):
    """Of sixteen digits somebody can find two facts that share them."""
    digest = fact_digest(mill)
    assert re.fullmatch("sha256:[0-9a-f]{64}", digest)
    for old in (digest[7:23], digest[:23], ""):
        found = diff({mill.id: old}, [mill])
        assert (found.changed, found.old) == ((mill.id,), frozenset())


def test_facts_are_added_changed_retired_or_old(mill):
    new, moved, same = (replace(mill, id=f"tarn-mill/{n}") for n in ("new", "moved", "same"))
    before = {moved.id: "another", same.id: fact_digest(same), "tarn-mill/gone": "x"}
    found = diff(before, [new, moved, same])
    assert (found.added, found.changed, found.retired) == (
        (new.id,),
        (moved.id,),
        ("tarn-mill/gone",),
    )
    assert found.old == {same.id}


def test_without_a_live_adapter_every_fact_is_new(mill):
    assert diff({}, [mill]).added == (mill.id,)
