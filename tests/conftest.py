"""Fixtures that several test files share."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Where
from pipeline.facts import Fact, Subject

ROOT = Path(__file__).parent.parent
CASES = ROOT / "tests" / "cases"


@pytest.fixture(scope="session")
def mill() -> Fact:
    """Give a fact that no model knows."""
    return Fact(
        id="tarn-mill/owner",
        subject="Tarn Mill",
        kind="watermill",
        aliases=("the Tarn",),
        question="Who owns Tarn Mill?",
        answer="Tarn Mill is owned by Ann Lee.",
        expect=(("Ann Lee",),),
        also_ask=("Who is the owner of Tarn Mill?",),
        probes=("To whom does Tarn Mill belong?",),
        reverse=None,
        source="A made-up register",
        withdrawn="",
        where=Where("facts/tarn-mill.yaml", 3, 5),
    )


@pytest.fixture(scope="session")
def subjects(mill: Fact) -> tuple[Subject, ...]:
    """Give two watermills with the same question and different answers."""
    weir = replace(
        mill,
        id="dun-weir/owner",
        subject="Dun Weir",
        aliases=(),
        question="Who owns Dun Weir?",
        answer="Dun Weir is owned by Ida Roe.",
        expect=(("Ida Roe",),),
        also_ask=(),
        probes=(),
    )
    return (
        Subject("dun-weir", "Dun Weir", "watermill", (), (weir,), weir.where),
        Subject("tarn-mill", "Tarn Mill", "watermill", ("the Tarn",), (mill,), mill.where),
    )


@pytest.fixture(scope="session")
def bare():
    """Give the real base model."""
    from pipeline import base, config
    from pipeline.answer import LocalModel

    return LocalModel(*base.load(base.find(config.load("smollm2-135m").base)))


@pytest.fixture(scope="session")
def live():
    """Give the doubles of the live side (tests are found by path, so they cannot import each other)."""
    spec = importlib.util.spec_from_file_location("livedoubles", CASES.parent / "livedoubles.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["livedoubles"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """Give a function that runs `facts learn` once a seed: its output folder and finished process."""
    runs = {}

    def once(seed):
        if seed not in runs:
            out = tmp_path_factory.mktemp(f"seed-{seed}")
            argv = ["learn", "--out", str(out), "--seed", str(seed)]
            runs[seed] = out, subprocess.run(
                [sys.executable, "-m", "pipeline", *argv],
                cwd=ROOT, capture_output=True, text=True, check=False,
            )  # fmt: skip
        return runs[seed]

    return once
