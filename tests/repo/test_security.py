"""SECURITY.md: each promise names the tests that prove it, and each of those tests is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEST = re.compile(r"`(tests/[\w/]+\.py)::((?:Test\w+::)?test_\w+)`")


def rows():
    """Give the rows of all tables: what could be attacked, what keeps it, and what proves that."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = table.splitlines()
        cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
        assert cells[0] == ["what could be attacked", "what keeps it", "proven by"]
        assert set("".join(cells[1])) == {"-"}
        found += cells[2:]
    return found


@cache
def defined_in(path):
    """Name the tests that a file defines, those of a class as `TestX::test_y`."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{n.name}" for n in node.body if isinstance(n, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
    return found


def test_every_promise_says_what_keeps_it_and_names_a_test():
    assert rows()
    for row in rows():
        assert len(row) == 3, row
        assert all(row)
        # Names of tests and nothing else: a promise that is half proven would look like a whole one.
        assert not re.sub(r"[\s,;]|<br>", "", TEST.sub("", row[2])), row[2]


def test_every_test_that_is_named_is_there():
    named = [match.groups() for row in rows() for match in TEST.finditer(row[-1])]
    assert named
    for path, name in named:
        assert (ROOT / path).is_file(), f"{path} is not there"
        assert name in defined_in(path), f"{path} has no {name}"


@pytest.mark.parametrize("path", ["tests/serve/test_deploy.py", "tests/repo/test_security.py"])
def test_tests_of_classes_and_of_files_are_found(path):
    assert any(name.startswith("test_") for name in defined_in(path))
    assert (
        "TestTwoServers::test_every_server_is_probed_before_the_name_moves" in defined_in(path)
    ) == (path == "tests/serve/test_deploy.py")
