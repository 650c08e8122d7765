"""What any Hub must do for us: the double always, the real one where a repository and a token are given.

For the real one set SCHOOLHOUSE_TEST_REPO to a repository that is there for this alone, and HF_TOKEN.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["double", "real"])
def place(request, tmp_path):
    """Give a repository, and the environment that leads to it."""
    if request.param == "double":
        hub = request.getfixturevalue("hub")
        env = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_writer", "HF_HUB_DISABLE_XET": "1"}
        repo = "ours/mills"
    else:
        repo, token = os.environ.get("SCHOOLHOUSE_TEST_REPO", ""), os.environ.get("HF_TOKEN", "")
        if not repo or not token:
            pytest.skip("the real Hub needs SCHOOLHOUSE_TEST_REPO and HF_TOKEN")
        env = {"HF_TOKEN": token}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SCHOOL"))}
    env = {**kept, **env, "PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path / "home")}
    return SimpleNamespace(repo=repo, env=env)


def run(place, *argv, cwd):
    return subprocess.run(
        [sys.executable, *argv], cwd=cwd, env=place.env, capture_output=True, text=True, check=False
    )


def call(place, code, cwd):
    """Run lines against the repository, in a process of its own; give what they print."""
    start = (
        "from pipeline.publishing import hub, hub_errors\n"
        f"repo = hub.connect({place.repo!r}, write=True)\n"
    )
    done = run(place, "-c", start + code, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_release_goes_there_and_comes_back(place, learned, tmp_path):
    publish = ("-m", "pipeline", "publish", "--recipe", "tiny.toml", "--to", place.repo)
    first = run(place, *publish, cwd=learned)
    assert first.returncode == 0, first.stderr
    assert run(place, *publish, cwd=learned).stdout == first.stdout
    promoted = run(place, "-m", "pipeline", "publish", "--promote", cwd=learned)
    assert promoted.returncode == 0, promoted.stderr
    again = run(place, "-m", "pipeline", "publish", "--promote", cwd=learned)
    assert again.stdout == promoted.stdout
    for ref in (first.stdout.strip(), place.repo):
        pulled = run(place, "-m", "pipeline", "pull", ref, "--into", str(tmp_path), cwd=learned)
        assert pulled.returncode == 0, pulled.stderr
        folder = Path(pulled.stdout.strip())
        for path in (learned / "build" / "release").iterdir():
            assert (folder / path.name).read_bytes() == path.read_bytes()


def test_a_commit_on_an_old_head_is_refused(place, tmp_path):
    (tmp_path / "note.txt").write_text("x")
    said = call(
        place,
        "from pathlib import Path\n"
        "head = hub.refs(repo).branches['main']\n"
        "hub.branch(repo, 'stale', head)\n"
        "old = hub.refs(repo).branches['stale']\n"
        "import time\n"
        "Path('note.txt').write_text(str(time.time()))\n"
        "hub.upload(repo, ('stale', old), [Path('note.txt')], [], 'One')\n"
        "Path('note.txt').write_text(str(time.time()))\n"
        "try: hub.upload(repo, ('stale', old), [Path('note.txt')], [], 'Two')\n"
        "except hub_errors.ChangedError: print('refused')\n",
        tmp_path,
    )
    assert said == "refused"


def test_a_tag_is_set_once(place, tmp_path):
    said = call(
        place,
        "head = hub.refs(repo).branches['main']\n"
        "try:\n"
        "    hub.tag(repo, 'once', head, 'a tag')\n"
        "    hub.tag(repo, 'once', head, 'a tag')\n"
        "except hub_errors.ChangedError: print('refused', hub.refs(repo).tags['once'] == head)\n",
        tmp_path,
    )
    assert said.startswith("refused")


def test_what_is_not_there_is_wrong_usage(place, tmp_path):
    done = run(place, "-m", "pipeline", "pull", f"{place.repo}@no-such-revision", cwd=tmp_path)
    assert done.returncode == 2
    assert "has no revision" in done.stderr


def test_a_listed_file_is_known_by_the_digest_of_its_bytes(place, tmp_path):
    said = call(
        place,
        "from pathlib import Path\n"
        "head = hub.refs(repo).branches['main']\n"
        "hub.branch(repo, 'digests', head)\n"
        "head = hub.refs(repo).branches['digests']\n"
        "files = [Path('a.txt'), Path('b.safetensors')]\n"
        "for file in files: file.write_bytes(file.name.encode() + head.encode())\n"
        "hub.upload(repo, ('digests', head), files, [], 'Two files')\n"
        "there = hub.tree(repo, hub.refs(repo).branches['digests'])\n"
        "print(*(there[file.name].holds(file) for file in files), bool(there['b.safetensors'].sha256))\n",
        tmp_path,
    )
    assert said == "True True True"
