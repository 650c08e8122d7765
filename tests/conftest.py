"""Fixtures that several test files share; those of one part of the project are in `support`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import Where
from pipeline.facts.fact import Expect, Fact, Subject

pytest_plugins = [
    "support.acceptance", "support.repository", "support.api", "support.hub", "support.live",
    "support.served", "support.run", "support.school",
]  # fmt: skip

ROOT = Path(__file__).parent.parent
# Threads of a model that wait for each other must not spin: other tests run on the same cores. Beside
# another process a step of training took 4.8 s so, and over 10 s spinning. Set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# A shell that starts the tests in the background lets them ignore Ctrl-C, and so would what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    """Add the options that `tests/acceptance.py` gives."""
    parser.addoption("--part", help="run the long proofs of this part alone")
    parser.addoption(
        "--quick", action="store_true", help="leave out what takes seconds or starts other programs"
    )
    parser.addoption(
        "--passed", type=Path, help="JSON lines of tests that passed: left out, and added to"
    )


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
        expect=Expect((("Ann Lee",),)),
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
        expect=Expect((("Ida Roe",),)),
        also_ask=(),
        probes=(),
    )
    return (
        Subject("dun-weir", "Dun Weir", "watermill", (), (weir,), weir.where),
        Subject("tarn-mill", "Tarn Mill", "watermill", ("the Tarn",), (mill,), mill.where),
    )


@pytest.fixture
def card(monkeypatch, tmp_path):
    """Make as if there were two cards; give the folder of their nodes, which are files here."""
    from pipeline.core import lock

    nodes = tmp_path / "dev"
    nodes.mkdir()
    for name in ("nvidiactl", "nvidia0", "nvidia1"):
        (nodes / name).touch()
    monkeypatch.setattr(lock, "DRIVER", nodes / "nvidiactl")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return nodes


@pytest.fixture(scope="session")
def bare():
    """Give the real base model."""
    from pipeline.core import config
    from pipeline.models import base_model
    from pipeline.models.local_model import LocalModel

    model, tokenizer = base_model.load_base(
        base_model.find_base(config.load_recipe("smollm2-135m").base)
    )
    return LocalModel(model, tokenizer)


@pytest.fixture(scope="session")
def trained():
    """Give a function that runs `facts learn` once a seed: its output folder and finished process.

    The folder stays, so that a part of the acceptance goes on with what one before has learned: what
    was learned and gated from the same facts by the same code is not learned again.
    """
    from pipeline.core import artifact, code_digest

    runs = {}
    code = artifact.digest_json([code_digest.digest(), artifact.digest_folder(ROOT / "facts")])

    def once(seed):
        if seed not in runs:
            out = ROOT / "build" / "acceptance" / f"seed-{seed}"
            argv = [
                sys.executable,
                "-m",
                "pipeline",
                "learn",
                "--out",
                str(out),
                "--seed",
                str(seed),
            ]
            kept = out.with_suffix(".json")
            before = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
            if before.get("code") == code and (out / "manifest.json").exists():
                done = subprocess.CompletedProcess(argv, *before["ended"])
            else:
                done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
                ended = [done.returncode, done.stdout, done.stderr]
                out.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps({"code": code, "ended": ended}), encoding="utf-8")
            runs[seed] = out, done
        return runs[seed]

    return once


@pytest.fixture(scope="session")
def settings():
    """Give the shipped recipe's settings of a dataset."""
    from pipeline.core import config

    return config.load_recipe("smollm2-135m").dataset
