"""What is pinned fits what `pyproject.toml` asks for, in each of the environments."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENTS = {"cpu": ("train", "serve", "hub", "dev"), "gpu": ("gpu",)}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_is_asked_for_is_pinned_to_a_version_that_will_do(name):
    lines = (ROOT / "constraints" / f"{name}.txt").read_text().splitlines()
    pins = {
        canonicalize_name(pinned): version
        for pinned, _, version in (line.partition("==") for line in lines if line[0] != "#")
    }
    extras = PROJECT["optional-dependencies"]
    for line in (*PROJECT["dependencies"], *(r for e in ENVIRONMENTS[name] for r in extras[e])):
        wanted = Requirement(line)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), line
