"""The faults that `make planted` plants still have their place in the code, and a test each."""

from __future__ import annotations

import ast
from pathlib import Path

import planted
import pytest

ROOT = Path(__file__).parents[2]
FAULTS = planted.faults()


def test_there_are_ten_faults_of_different_names():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 10


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_has_one_place_in_code_that_stays_python_with_it(fault):
    before = (ROOT / fault.file).read_text(encoding="utf-8")
    after = planted.planted(fault, before)
    assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_names_a_test_that_is_there(fault):
    file, _, name = fault.test.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert f"def {name}(" in text if name else "def test_" in text
