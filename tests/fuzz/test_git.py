"""Trees that somebody pushed: whatever stands in them, only plain facts files come out, byte by byte."""

from __future__ import annotations

import hashlib
import re
import subprocess
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.mutations import outcome

from pipeline.core import problems
from pipeline.core.errors import ConfigError
from pipeline.facts import snapshot

MODES = (
    b"100644",
    b"100644",
    b"100644",
    b"100755",
    b"120000",
    b"160000",
    b"40000",
    b"100664",
    b"0",
    b"777777",
)
NAMES = st.one_of(
    st.sampled_from(
        [b"a.yaml", b"b.yaml", b"A.yaml", b"a.yml", b".git", b"..", b".", b".gitattributes", b"facts",
        b"-x.yaml",
         b"a.yaml\n", b"\xff.yaml", b"::error::x", b"\x1b[2J.yaml", "\u202e.yaml".encode(), b"a b.yaml",
         b"x" * 99]
    ),
    st.from_regex(rb"[a-z0-9][a-z0-9-]{0,8}\.yaml", fullmatch=True),
    st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"\0", b"0")),
)  # fmt: skip
BLOBS = st.one_of(st.binary(max_size=30), st.just(70_000).map(bytes), st.just(b"schema: 1\n"))
TREES = st.recursive(
    st.tuples(st.sampled_from(MODES), BLOBS),
    lambda below: st.tuples(st.just(b"40000"), st.dictionaries(NAMES, below, max_size=6)),
    max_leaves=12,
)
ENTRIES = st.dictionaries(NAMES, TREES, max_size=8)


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    """Give an empty repository."""
    folder = tmp_path_factory.mktemp("repo")
    subprocess.run(["git", "-C", folder, "init", "--quiet"], check=True)
    return folder


def store(repo, kind, raw):
    """Write an object as it stands: git itself would refuse some of these trees."""
    whole = f"{kind} {len(raw)}\0".encode() + raw
    name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    file = repo / ".git" / "objects" / name[:2] / name[2:]
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(whole))
    return name


def store_tree(repo, entries):
    """Write a tree of entries: name → (mode, bytes of a file or entries of a tree)."""
    lines = []
    for name, (mode, what) in sorted(entries.items()):
        stored = store(repo, "blob", what) if isinstance(what, bytes) else store_tree(repo, what)
        lines.append(mode + b" " + name + b"\0" + bytes.fromhex(stored))
    return store(repo, "tree", b"".join(lines))


def store_commit(repo, tree):
    person = "A <a@example.org> 0 +0000"
    return store(
        repo, "commit", f"tree {tree}\nauthor {person}\ncommitter {person}\n\nx\n".encode()
    )


@given(entries=ENTRIES)
@example(entries={b"a.yaml": (b"100644", b"x"), b"p": (b"40000", {b"b.yaml": (b"100644", b"y")})})
@example(entries={b"a.yaml": (b"40000", b"x")})
def test_any_tree_gives_plain_facts_files_or_problems(repo, entries):
    top = store_tree(repo, {b"facts": (b"40000", entries)})
    found, error = outcome(snapshot.read_snapshot, repo, store_commit(repo, top), kind=ConfigError)
    if error:
        assert error.hint
        return
    assert not (found.files and found.problems)
    for path, raw in found.files:
        assert re.fullmatch(r"facts/(?:[a-z0-9_-]+/)*[a-z0-9][a-z0-9-]*\.yaml", path)
        what = {b"facts": (b"40000", entries)}
        for step in path.encode().split(b"/"):
            mode, what = what[step]
        assert mode in {b"100644", b"100664"}  # of old, which git takes for the same
        assert what == raw
    shown = problems.as_text(found.problems)
    assert shown.replace("\n", "").isprintable()


@given(raw=st.binary(max_size=120))
def test_objects_that_are_no_trees_are_wrong_usage(repo, raw):
    top = store(repo, "tree", b"40000 facts\0" + bytes.fromhex(store(repo, "tree", raw)))
    found, error = outcome(snapshot.read_snapshot, repo, store_commit(repo, top), kind=ConfigError)
    assert error.hint if error else not found.files


@given(
    revision=st.one_of(
        st.binary(max_size=20).map(
            lambda raw: raw.replace(b"\0", b"").decode(errors="surrogateescape")
        ),
        st.from_regex(r"(--?|HEAD|:/|@\{|\.\.)[!-~]{0,9}", fullmatch=True),
    )
)
def test_any_name_that_is_no_commit_is_wrong_usage(repo, revision):
    with pytest.raises(ConfigError) as caught:
        snapshot.read_snapshot(repo, revision)
    assert caught.value.hint
