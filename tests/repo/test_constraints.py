"""What is pinned fits what `pyproject.toml` asks for, in each of the environments."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENTS = {"cpu": ("train", "serve", "hub", "dev"), "gpu": ("gpu",)}


HASHED = re.compile(r"(?P<name>[\w.-]+)==(?P<version>\S+)(?: --hash=sha256:[0-9a-f]{64})+")


def read(name):
    """Read the versions of a constraints file by package."""
    lines = (ROOT / "constraints" / f"{name}.txt").read_text().splitlines()
    return {
        canonicalize_name(pinned): version
        for pinned, _, version in (line.partition("==") for line in lines if line[0] != "#")
    }


def test_every_file_that_publishes_is_pinned_by_its_digest_to_the_version_that_is_tested():
    text = (ROOT / "constraints" / "hub.txt").read_text().replace("\\\n    ", "")
    rows = [HASHED.fullmatch(line) for line in text.splitlines() if line[0] != "#"]
    assert all(rows)
    pinned = {canonicalize_name(row["name"]): row["version"] for row in rows}
    assert pinned.items() <= read("cpu").items()
    asked = (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["hub"])
    assert {canonicalize_name(Requirement(line).name) for line in asked} <= pinned.keys()
    assert not pinned.keys() & {"torch", "transformers"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_is_asked_for_is_pinned_to_a_version_that_will_do(name):
    pins = read(name)
    extras = PROJECT["optional-dependencies"]
    for line in (*PROJECT["dependencies"], *(r for e in ENVIRONMENTS[name] for r in extras[e])):
        wanted = Requirement(line)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), line
