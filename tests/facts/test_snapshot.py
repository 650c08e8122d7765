from __future__ import annotations

import os
import subprocess

import pytest

from pipeline.core.errors import ConfigError
from pipeline.facts import snapshot
from pipeline.facts.files.facts_file import MAX_BYTES

GOOD = b"schema: 1\n"


def plumb(folder, *arguments, given=b""):
    """Run git with bytes on its input; give its output without the last newline."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], input=given, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def blob(folder, raw=GOOD):
    return plumb(folder, "hash-object", "-w", "--stdin", given=raw)


def tree(folder, entries):
    """Write a tree of entries (mode, type, object, raw name)."""
    lines = (f"{mode} {kind} {name}\t".encode() + path for mode, kind, name, path in entries)
    return plumb(
        folder, "mktree", "-z", "--missing", given=b"".join(line + b"\0" for line in lines)
    )


def commit_tree(folder, entries):
    """Commit a facts folder of entries, with plumbing alone: no work tree would take them all."""
    top = tree(folder, [("040000", "tree", tree(folder, entries), b"facts")])
    person = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    return plumb(folder, *person, "commit-tree", top, "-m", "Facts")


@pytest.fixture
def repo(tmp_path):
    plumb(tmp_path, "init", "--quiet")
    return tmp_path


def found(repo, *entries):
    read = snapshot.read_snapshot(repo, commit_tree(repo, entries))
    assert bool(read.files) != bool(read.problems)
    return read


def only_problem(repo, *entries):
    read = found(repo, *entries)
    assert len(read.problems) == 1
    assert read.problems[0].hint
    return read.problems[0]


def test_files_come_back_byte_by_byte_with_their_paths(repo):
    texts = {b"a.yaml": b"", b"b.yaml": b"x\r\n\n", b"c-1.yaml": "ü€\n".encode() * 99}
    read = found(repo, *(("100644", "blob", blob(repo, t), n) for n, t in texts.items()))
    assert {path.removeprefix("facts/").encode(): raw for path, raw in read.files} == texts


@pytest.mark.parametrize(
    ("mode", "kind", "named"),
    [
        ("120000", "blob", "a link"),
        ("100755", "blob", "an executable"),
        ("160000", "commit", "sub"),
    ],
)
def test_links_submodules_and_programs_are_refused_at_their_place(repo, mode, kind, named):
    name = "1" * 40 if kind == "commit" else blob(repo, b"/etc/passwd")
    problem = only_problem(repo, (mode, kind, name, b"a.yaml"))
    assert problem.where.path == "facts/a.yaml"
    assert named in problem.message


@pytest.mark.parametrize(
    "name",
    [
        b".gitattributes", b"a.yml", b"A.yaml", b"a.yaml ", b"a\n::error::b.yaml", b"$(id).yaml",
        b"\xff.yaml", "\u202ea.yaml".encode(), b"-a.yaml", b"a.yaml\x1b[2J", b"README.md",
    ],
)  # fmt: skip
def test_a_name_that_is_no_facts_file_is_refused(repo, name):
    good = ("100644", "blob", blob(repo), b"good.yaml")
    problem = only_problem(repo, good, ("100644", "blob", blob(repo), name))
    assert problem.rule == "file-name"


def test_the_facts_folder_itself_may_be_no_link(repo):
    top = tree(repo, [("120000", "blob", blob(repo, b"/etc"), b"facts")])
    person = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    read = snapshot.read_snapshot(repo, plumb(repo, *person, "commit-tree", top, "-m", "x"))
    assert not read.files


def test_attributes_of_the_tree_neither_hide_nor_rewrite_a_fact(repo):
    fact = blob(repo, b"schema: $Format:%H$ $Id$\n")
    inner = tree(repo, [("100644", "blob", fact, b"a.yaml")])
    rules = blob(repo, b"a.yaml export-ignore export-subst ident working-tree-encoding=UTF-16\n")
    top = tree(
        repo, [("100644", "blob", rules, b".gitattributes"), ("040000", "tree", inner, b"facts")]
    )
    person = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    revision = plumb(repo, *person, "commit-tree", top, "-m", "x")
    read = snapshot.read_snapshot(repo, revision)
    assert read.files == (("facts/a.yaml", b"schema: $Format:%H$ $Id$\n"),)


def test_a_replaced_object_is_read_as_it_was_pushed(repo):
    told = blob(repo, b"true\n")
    plumb(repo, "replace", told, blob(repo, b"lies\n"))
    assert found(repo, ("100644", "blob", told, b"a.yaml")).files[0][1] == b"true\n"


def test_a_huge_file_is_refused_without_being_read(repo):
    large = blob(repo, b"x" * (MAX_BYTES + 1))
    problem = only_problem(repo, ("100644", "blob", large, b"a.yaml"))
    assert (problem.rule, problem.where.path) == ("size", "facts/a.yaml")


@pytest.mark.parametrize("name", ["f%05d.yaml", "%05d" + "x" * 500 + ".yaml"])
def test_ten_thousand_files_are_one_problem(repo, name):
    one = blob(repo)
    entries = [("100644", "blob", one, (name % number).encode()) for number in range(10_000)]
    assert only_problem(repo, *entries).rule == "too-many"


def test_a_thousand_wrong_names_are_told_in_a_few(repo):
    one = blob(repo)
    entries = [("100644", "blob", one, b"%04d.txt" % number) for number in range(1000)]
    problems = found(repo, *entries).problems
    assert len(problems) == snapshot.SHOWN + 1
    assert "980 more" in problems[-1].message


@pytest.mark.parametrize("revision", ["nothing", "--help", "-x", "HEAD:facts", "$(id)", ""])
def test_what_is_no_commit_is_wrong_usage(repo, revision):
    with pytest.raises(ConfigError) as caught:
        snapshot.read_snapshot(repo, revision)
    assert caught.value.hint


def test_an_object_that_is_missing_is_wrong_usage(repo):
    with pytest.raises(ConfigError):
        snapshot.read_snapshot(repo, commit_tree(repo, [("100644", "blob", "1" * 40, b"a.yaml")]))


def test_a_snapshot_is_written_as_plain_files_into_a_new_folder(repo, tmp_path):
    read = found(repo, ("100644", "blob", blob(repo), b"a.yaml"))
    folder = tmp_path / "out" / "facts"
    snapshot.write_snapshot(read, folder)
    assert (folder / "a.yaml").read_bytes() == GOOD
    assert not os.access(folder / "a.yaml", os.X_OK)
    with pytest.raises(ConfigError, match="cannot be written"):
        snapshot.write_snapshot(read, folder)
