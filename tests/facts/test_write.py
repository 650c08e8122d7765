from __future__ import annotations

import pytest

from pipeline.core.errors import ConfigError
from pipeline.facts.authoring.write import Change, write_all


def state(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "old.yaml").write_bytes(b"old\n")
    (tmp_path / "old.yaml").chmod(0o600)
    return tmp_path


def test_new_files_and_additions_are_written_and_rights_stay(folder):
    write_all(
        [
            Change(folder / "a" / "new.yaml", None, b"new\n"),
            Change(folder / "old.yaml", b"old\n", b"old\nmore\n"),
        ]
    )
    assert (folder / "a" / "new.yaml").read_bytes() == b"new\n"
    assert (folder / "old.yaml").read_bytes() == b"old\nmore\n"
    assert (folder / "old.yaml").stat().st_mode & 0o777 == 0o600
    assert len(list(folder.rglob("*"))) == 3


@pytest.mark.parametrize(
    "last",
    [("old.yaml", None), ("old.yaml", b"other\n"), ("gone.yaml", b"x"), ("old.yaml/x.yaml", None)],
)
def test_where_one_cannot_be_written_none_is(folder, last):
    before = state(folder)
    name, old = last
    with pytest.raises(ConfigError) as caught:
        write_all(
            [
                Change(folder / "a" / "b" / "new.yaml", None, b"new\n"),
                Change(folder / "more.yaml", None, b"new\n"),
                Change(folder / name, old, b"lost\n"),
            ]
        )
    assert name.partition("/")[0] in caught.value.message
    assert caught.value.hint
    assert state(folder) == before


def test_what_was_added_before_the_fault_is_taken_back(folder):
    before = state(folder)
    with pytest.raises(ConfigError):
        write_all(
            [
                Change(folder / "old.yaml", b"old\n", b"old\nmore\n"),
                Change(folder / "gone.yaml", b"x", b"y"),
            ]
        )
    assert state(folder) == before


def test_a_link_is_not_written_through(folder):
    (folder / "link.yaml").symlink_to("old.yaml")
    with pytest.raises(ConfigError):
        write_all([Change(folder / "link.yaml", b"old\n", b"old\nmore\n")])
    assert (folder / "old.yaml").read_bytes() == b"old\n"
