from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from pipeline.core.errors import ConfigError, Where
from pipeline.evaluation.live_report import Live, change, fact_digest, read


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
        found = change(Live(digests={mill.id: old}), [mill])
        assert (found.changed, found.old) == ((mill.id,), frozenset())


def test_facts_are_added_changed_retired_or_old(mill):
    new, moved, same = (replace(mill, id=f"tarn-mill/{n}") for n in ("new", "moved", "same"))
    live = Live(digests={moved.id: "another", same.id: fact_digest(same), "tarn-mill/gone": "x"})
    found = change(live, [new, moved, same])
    assert (found.added, found.changed, found.retired) == (
        (new.id,),
        (moved.id,),
        ("tarn-mill/gone",),
    )
    assert found.old == {same.id}


def test_without_a_live_adapter_every_fact_is_new(mill):
    assert change(Live(), [mill]).added == (mill.id,)


@pytest.mark.parametrize("as_folder", [True, False])
def test_a_report_is_read_by_its_name_or_its_folder(tmp_path, as_folder):
    detail = {"id": "a/b", "status": "known", "expect": [["x", "y"]],
              "probes": [{"prompt": "p?", "passed": False}]}  # fmt: skip
    data = {"facts": {"digests": {"a/b": "0123"}}, "details": [detail]}
    file = tmp_path / "report.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    live = read(tmp_path if as_folder else file)
    assert live == Live(
        {"a/b": "0123"}, {"a/b": True}, {"a/b": (("x", "y"),)}, {"a/b": {"p?": False}}
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"facts": {}, "details": []}', '{"details": [1], "facts": 2}']
)
def test_what_is_no_report_is_refused(tmp_path, text):
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="is not a report of an adapter"):
        read(tmp_path)


def test_a_report_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is not a report of an adapter"):
        read(tmp_path / "nowhere.json")
