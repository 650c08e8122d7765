from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from pipeline.core.errors import ConfigError, PipelineError
from serve.state import alias
from serve.state.alias import Adapter, Table

ONE, TWO = (Adapter(f"facts@{n}", f"/state/{n}", f"sha256:{n}") for n in ("1", "2"))


def test_a_table_never_written_is_empty(tmp_path):
    assert alias.read_alias(tmp_path) == alias.Reading(Table())


def test_swapping_counts_the_generation_and_keeps_what_was_written(tmp_path):
    alias.swap(tmp_path, 0, Table(adapter=ONE, since="then"))
    written = alias.swap(tmp_path, 1, Table(adapter=TWO, previous=ONE))
    assert written.generation == 2
    assert alias.read_alias(tmp_path).table == written
    assert written.wanted == (TWO, ONE)


def test_a_swap_from_an_older_generation_is_refused_and_changes_nothing(tmp_path):
    alias.swap(tmp_path, 0, Table(adapter=ONE))
    with pytest.raises(PipelineError, match="generation 1, not 0"):
        alias.swap(tmp_path, 0, Table(adapter=TWO))
    assert alias.read_alias(tmp_path).table.adapter == ONE


def _swap(state):
    try:
        alias.swap(state, 0, Table(adapter=ONE))
    except PipelineError:
        return 0
    return 1


def test_of_many_swaps_at_once_exactly_one_is_done(tmp_path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert sum(pool.map(_swap, [tmp_path] * 8)) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"generation": 1}', '{"generation": "x", "adapter": null}']
)
def test_a_damaged_table_is_told_and_the_last_good_one_read(tmp_path, text):
    good = alias.swap(tmp_path, 0, Table(adapter=ONE))
    (tmp_path / alias.FILE).write_text(text)
    reading = alias.read_alias(tmp_path)
    assert reading.table == good
    assert "is damaged" in reading.damage
    assert alias.swap(tmp_path, 1, Table(adapter=TWO)).generation == 2
    assert alias.read_alias(tmp_path).damage == ""


def test_two_damaged_tables_are_an_error_that_says_what_to_do(tmp_path):
    for name in (alias.FILE, alias.LAST_GOOD):
        Path(tmp_path / name).write_text("{")
    with pytest.raises(ConfigError, match="no good copy") as caught:
        alias.read_alias(tmp_path)
    assert "deploy again" in caught.value.hint
