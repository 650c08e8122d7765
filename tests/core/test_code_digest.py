from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pipeline.core import code_digest
from pipeline.core.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(repo, commit):
    """Give a repository with all kinds of code in it, committed."""
    for name in ("pipeline/recipes/x.toml", "schema/x.json", "constraints/x.txt", "pyproject.toml"):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(f"{name}\n")
    (repo / "pipeline" / "run.sh").write_text("true\n")
    (repo / "pipeline" / "run.sh").chmod(0o755)
    (repo / "pipeline" / "link").symlink_to("recipes/x.toml")
    (repo / "pipeline" / "é.bin").write_bytes(bytes(range(256)))
    (repo / "pipeline" / os.fsdecode(b"\xff.txt")).write_text("a name that is no text")
    commit(repo, "Code")
    return repo


@pytest.fixture
def cloned(git, tmp_path_factory):
    """Give a function that checks a repository's commit out anew and gives its digest."""

    def digest(repository):
        clone = tmp_path_factory.mktemp("clones") / "clone"
        git(repository, "clone", "--quiet", "--no-hardlinks", str(repository), str(clone))
        return code_digest.of_folder(clone)

    return digest


def test_a_commit_has_the_same_digest_wherever_it_is_checked_out(tree, cloned):
    assert code_digest.of_folder(tree) == cloned(tree)


def test_this_very_checkout_has_the_digest_of_its_commit(tmp_path, git, cloned):
    """As it is, with the attributes and the caches that there are."""
    clone = tmp_path / "clone"
    git(ROOT, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    (clone / "pipeline" / "__pycache__").mkdir()
    (clone / "pipeline" / "__pycache__" / "x.pyc").write_bytes(b"made")
    assert code_digest.of_folder(clone) == cloned(clone)
    assert code_digest.digest() == code_digest.of_folder(ROOT)


@pytest.mark.parametrize(
    "name", ["pipeline/x.py", "pipeline/new.py", "pipeline/recipes/x.toml", "schema/x.json",
             "constraints/x.txt", "pyproject.toml", "pipeline/link"],
)  # fmt: skip
def test_one_byte_of_any_file_of_it_makes_another_digest(tree, commit, cloned, name):
    """A link counts for where it leads."""
    before = code_digest.of_folder(tree)
    path = tree / name
    if path.is_symlink():
        path.unlink()
        path.symlink_to("recipes/y.toml")
    else:
        path.write_text("#" + (path.read_text() if path.exists() else ""))
    assert code_digest.of_folder(tree) != before
    commit(tree, "Change")
    assert cloned(tree) == code_digest.of_folder(tree)


def test_a_file_with_the_text_of_a_link_is_another_thing_and_so_is_a_file_moved(tree):
    digests = {code_digest.of_folder(tree)}
    link = tree / "pipeline" / "link"
    text = str(link.readlink())
    link.unlink()
    link.write_text(text)
    digests.add(code_digest.of_folder(tree))
    (tree / "schema" / "x.json").rename(tree / "schema" / "y.json")
    digests.add(code_digest.of_folder(tree))
    assert len(digests) == 3


def test_what_teaches_nothing_does_not_count(tree, commit, cloned):
    before = code_digest.of_folder(tree)
    for name in ("README.md", "serve/x.py", "pipelines/x.py", "facts/mills/x.txt"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("x")
    commit(tree, "Else")
    assert cloned(tree) == before == code_digest.of_folder(tree)


def test_a_pipe_is_refused(tree):
    os.mkfifo(tree / "pipeline" / "pipe")
    with pytest.raises(ConfigError, match="neither a file nor a link"):
        code_digest.of_folder(tree)
    shutil.rmtree(tree / "pipeline")
    assert code_digest.of_folder(tree)
