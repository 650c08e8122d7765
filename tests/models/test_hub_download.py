"""A base on the Hub: refused in seconds where it cannot be had, and its weights fetched only when needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core import config

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
REPO = "ours/base"
FILES = {
    "config.json": b"{}",
    "tokenizer_config.json": b"{}",
    "model-1.safetensors": b"one",
    "model-2.safetensors": b"two",
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    ).encode(),
    "original/consolidated.safetensors": b"the same once more",
}
FIND = """
import json, sys
from dataclasses import replace
from pipeline.core import config
from pipeline.core.errors import PipelineError
from pipeline.models import base_model
settings = config.load_recipe("llama-3.1-8b").base
try:
    found = base_model.find_base(replace(settings, hub=sys.argv[1], revision=sys.argv[2]))
    if "weights" in sys.argv:
        base_model.complete(found)
    files = [str(p.relative_to(found.folder)) for p in found.folder.rglob("*") if p.is_file()]
    print(json.dumps([sorted(files), found.digest]))
except PipelineError as error:
    sys.exit(f"{error.exit_code} {error.message} hint: {error.hint}")
"""


@pytest.fixture
def place(hub):
    hub.create(REPO, files=FILES)
    return hub


@pytest.fixture
def find(place, tmp_path):
    def find(*argv, **env):
        own = {
            "PYTHONPATH": str(ROOT), "HF_ENDPOINT": place.url, "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(tmp_path / "client"),
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, "-c", FIND, *argv],
            env={**own, **env}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return find


def commit(place):
    return place.refs(REPO)["branches"]["main"]


def test_what_describes_it_comes_at_once_and_the_weights_when_they_are_needed(place, find):
    files, digest = json.loads(find(REPO, commit(place)).stdout)
    assert files == ["config.json", "model.safetensors.index.json", "tokenizer_config.json"]
    whole, same = json.loads(find(REPO, commit(place), "weights").stdout)
    assert whole == sorted(name for name in FILES if not name.startswith("original/"))
    assert digest == same


def test_what_is_there_is_not_asked_for_again(place, find):
    find(REPO, commit(place), "weights")
    place.calls.clear()
    assert find(REPO, commit(place), "weights").returncode == 0
    assert place.calls == []


def test_a_download_that_broke_off_goes_on(place, doubles, find):
    place.faults = [doubles.Fault("file", "truncate", nth=4, times=9)]
    broken = find(REPO, commit(place), "weights")
    assert broken.stderr.splitlines()[-1].startswith("2 ")
    assert "Traceback" not in broken.stderr
    place.faults = []
    assert len(json.loads(find(REPO, commit(place), "weights").stdout)[0]) == len(FILES) - 1


def test_a_gated_base_says_how_to_be_let_in(place, doubles, find):
    place.faults = [doubles.Fault("*", "gated", times=99)]
    done = find(REPO, commit(place))
    assert done.stderr.startswith(f"2 {REPO}: its licence has not been accepted")
    assert "accept it on the model's page" in done.stderr


def test_without_a_network_the_folder_can_be_named(place, find):
    done = find(REPO, commit(place), HF_HUB_OFFLINE="1")
    assert done.stderr.startswith(
        f"2 {REPO}: is not on this machine, and the Hub cannot be reached"
    )
    assert "hf download" in done.stderr
    assert "[base] folder" in done.stderr


def test_a_branch_is_no_pin(find):
    done = find(REPO, "main")
    assert done.stderr.splitlines()[-1].startswith("2 ")
    assert "'main' is no commit" in done.stderr


@pytest.mark.parametrize(("repo", "revision"), [(REPO, "0" * 40), ("ours/none", "1" * 40)])
def test_a_commit_or_a_model_that_is_not_there_is_named(find, repo, revision):
    done = find(repo, revision)
    assert done.stderr.splitlines()[-1].startswith(
        f"2 {repo}@{revision[:12]}: the Hub has no such model"
    )


def test_every_shipped_recipe_says_where_its_base_comes_from():
    for path in config.RECIPES.glob("*.toml"):
        base = config.load_recipe(path.stem).base
        assert base.wheel or len(base.revision) == 40
        assert base.hub
        assert base.license


@pytest.mark.parametrize("name", ["config.json", "model-2.safetensors"])
@pytest.mark.parametrize("how", ["changed", "replaced"])
def test_a_file_that_was_changed_in_the_cache_is_fetched_again(name, how, place, find, tmp_path):
    first = json.loads(find(REPO, commit(place), "weights").stdout)
    kept = next(p for p in (tmp_path / "client").rglob(name) if "snapshots" in p.parts)
    if how == "replaced":
        kept.unlink()
    kept.write_bytes(b"{ }")
    done = find(REPO, commit(place), "weights")
    assert done.returncode == 0, done.stderr
    assert "is damaged, or was changed; it is fetched again" in done.stderr
    assert name in done.stderr
    assert json.loads(done.stdout) == first
    assert kept.read_bytes() == FILES[name]


def test_a_changed_file_is_not_used_where_it_cannot_be_fetched_again(place, find, tmp_path):
    find(REPO, commit(place), "weights")
    kept = next(p for p in (tmp_path / "client").rglob("config.json") if "snapshots" in p.parts)
    kept.write_bytes(b"{ }")
    done = find(REPO, commit(place), "weights", HF_HUB_OFFLINE="1")
    assert "2 ours/base: is not on this machine, and the Hub cannot be reached" in done.stderr
