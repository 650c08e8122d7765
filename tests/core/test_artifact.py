from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pipeline.core import artifact
from pipeline.core.errors import ConfigError


def test_a_stage_that_ends_well_is_finished_for_its_inputs_only(tmp_path):
    folder = tmp_path / "stage"
    with artifact.stage(folder, {"from": 1}) as scratch:
        (scratch / "a").write_text("x")
    assert artifact.finished(folder, {"from": 1})
    assert not artifact.finished(folder, {"from": 2})
    (folder / "a").write_text("y")
    assert not artifact.finished(folder, {"from": 1})


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_a_stage_cut_short_leaves_what_was_there_and_nothing_else(tmp_path, failure):
    folder = tmp_path / "stage"
    with artifact.stage(folder, {}) as scratch:
        (scratch / "a").write_text("old")

    def cut_short():
        with artifact.stage(folder, {}) as scratch:
            (scratch / "a").write_text("new")
            raise failure

    with pytest.raises((KeyboardInterrupt, ConfigError)):
        cut_short()
    assert (folder / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["stage"]


def test_a_full_disk_while_writing_a_file_keeps_the_old_one(tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    file = tmp_path / "report.json"
    artifact.write_text(file, "old")
    with pytest.raises(ConfigError, match="cannot be written") as caught:
        artifact.write_text(full / "x", "new")
    assert "df -h" in caught.value.hint
    assert file.read_text() == "old"


def test_a_place_that_is_no_folder_is_a_configuration_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError), artifact.stage(tmp_path / "file" / "stage", {}):
        pass
