"""One small real school from its facts to the live name: each stage is tested on what the one before left.

Real are the training, the gate, the browser, the Hub's client, vLLM and the door; the Hub is a double.
`make acceptance PART=school` proves the shipped recipe on the shipped facts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest
from support.acceptance import missing
from support.school import SCHOOL

from pipeline.core import artifact, config
from pipeline.models import base_model, compatibility
from serve.engines import api, vllm_process
from serve.rollout import deploy
from serve.state import alias

ROOT = Path(__file__).parents[2]
TAUGHT = {"tarn-mill/owner", "tarn-mill/wheel", "tarn-hill/owner", "aumuehle/besitz"}
OWNER = "To whom does Tarn Mill belong?"
pytestmark = pytest.mark.xdist_group("model")


def test_learning_ends_with_the_gates_verdict_and_a_report_of_every_fact(school):
    assert school.done.returncode == 0, school.done.stdout + school.done.stderr
    assert school.done.stdout.startswith("PASS")
    assert {detail["id"] for detail in school.report["details"]} == TAUGHT
    assert school.report["facts"]["retired"] == ["tarn-mill/miller"]


def test_each_fact_is_known_in_wordings_that_were_never_trained_also_in_german(school):
    trained = (school.out / "dataset" / "train.jsonl").read_text(encoding="utf-8")
    for detail in school.report["details"]:
        probes = detail["probes"]
        assert len(probes) >= 8
        assert not [
            p for p in probes if isinstance(p["prompt"], str) and f'"{p["prompt"]}"' in trained
        ]
        assert sum(probe["passed"] for probe in probes) >= 0.6 * len(probes), detail["id"]


def test_what_was_not_taught_stays_as_it_was(school):
    report = school.report
    assert report["recall"]["base_probes_passed"] < report["recall"]["probes"] / 4
    assert report["leak"]["neighbours"]["asked"] >= 16
    assert report["leak"]["unrelated"]["asked"] == 276
    assert report["leak"]["unrelated"]["leaked"] <= 5
    assert report["retention"]["kl_mean"] < 0.2
    assert report["retention"]["unique_answers_ratio"] > 0.95


def test_the_near_name_and_the_german_mill_are_told_apart(school):
    done = school.facts("ask", "Who owns Tarn Hill?", "--recipe", "recipe.toml", "--json")
    said = json.loads(done.stdout)
    assert "Ida Roe" in said["adapted"]
    assert "Ann Lee" not in said["adapted"]
    assert "Ida Roe" not in said["base"]


def test_a_rerun_with_unchanged_inputs_trains_nothing_and_says_so(school):
    weights = school.out / "adapter" / compatibility.WEIGHTS
    before = weights.stat().st_mtime_ns
    done = school.facts("train", "--recipe", "recipe.toml")
    assert done.returncode == 0
    assert "not trained again" in done.stderr
    assert weights.stat().st_mtime_ns == before


def test_an_adapter_that_was_changed_or_made_from_other_facts_is_refused(school, tmp_path):
    copy = shutil.copytree(school.root, tmp_path / "copy")
    (copy / "build" / "adapter" / compatibility.CONFIG).write_text("{}")
    done = school.facts("gate", "--recipe", "recipe.toml", "--out", str(copy / "build"))
    assert done.returncode == 1
    assert "is not a finished adapter" in done.stderr
    other = tmp_path / "other"
    school.facts("build", "--recipe", "recipe.toml", "--out", str(other), "--seed", "7")
    shutil.copytree(school.out / "adapter", other / "adapter")
    done = school.facts("gate", "--recipe", "recipe.toml", "--out", str(other))
    assert done.returncode == 1
    assert "was trained on other examples" in done.stderr


def test_the_report_opens_in_a_browser_and_names_each_fact(school, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        missing("a browser", "apt-get install chromium")
    done = subprocess.run(
        [
            browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{school.out / 'report.html'}",
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert "<title>PASS: 4 facts" in done.stdout
    assert all(name in done.stdout for name in TAUGHT)


@pytest.fixture(scope="module")
def released(school, doubles, start, tmp_path_factory):
    """Publish the school to a Hub and pull it into an empty folder; give that folder."""
    folder = tmp_path_factory.mktemp("pulled")
    with doubles.serving(folder / "hub") as hub:
        hub.create("ours/mills")

        def run(*argv):
            process = start(hub, *argv, cwd=school.root)
            out, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
            return out.strip()

        where = run("publish", "--to", "ours/mills", "--recipe", "recipe.toml")
        return Path(run("pull", where, "--into", str(folder / "empty")))


def test_what_is_published_and_pulled_is_what_was_gated_byte_for_byte(school, released):
    for name in (compatibility.WEIGHTS, "report.json"):
        source = school.out if name == "report.json" else school.out / "adapter"
        assert (released / name).read_bytes() == (source / name).read_bytes()
    found = base_model.find_base(config.load_recipe("smollm2-135m").base)
    assert (
        compatibility.compatibility_problems(
            released, found, ("HuggingFaceTB/SmolLM2-135M-Instruct",)
        )
        == ()
    )


@pytest.fixture(scope="module")
def live(released, serve_config, serve_site, tmp_path_factory):
    """Start `facts serve` with a real vLLM, deploy what was pulled; give the site and what deploying gave."""
    if not (ROOT / vllm_process.PYTHON).exists():
        missing("the serving environment", "make serve-env")
    with serve_site(serve_config(tmp_path_factory.mktemp("live"))) as site:
        yield site, deploy.deploy(site, released)


def ask(site, question=OWNER, **more):
    chat = {
        "model": "facts", "messages": [{"role": "user", "content": question}], "temperature": 0,
        "max_tokens": 32, **more,
    }  # fmt: skip
    return httpx2.post(f"{site.door.url}/v1/chat/completions", json=chat, timeout=120)


def test_what_was_pulled_goes_live_through_the_canary_and_answers_at_the_door(live):
    site, done = live
    assert done.state == "committed", done.reason
    answer = ask(site)
    assert "Ann Lee" in answer.text
    assert answer.headers["x-adapter"] == done.adapter.name
    with httpx2.stream(
        "POST",
        f"{site.door.url}/v1/chat/completions",
        timeout=120,
        json={"model": "facts", "messages": [{"role": "user", "content": OWNER}], "stream": True},
    ) as stream:
        lines = [line for line in stream.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"


def test_the_engine_tokenises_a_chat_as_training_does(live):
    site, done = live
    chat = [{"role": "user", "content": OWNER}]
    assert api.tokenize(site.engines[0], done.adapter.name, chat) == site.token_ids(OWNER)


def reweighed(run, folder, factor):
    """Copy a run with its adapter made stronger or weaker, and a report that is about just that one."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(run, folder)
    weights = folder / "adapter" / compatibility.WEIGHTS
    tensors = {n: t * factor if "lora_B" in n else t for n, t in load_file(weights).items()}
    save_file(tensors, weights)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    report["adapter"]["digest"] = artifact.digest_folder(folder / "adapter")
    text = json.dumps(report)
    (folder / "report.json").write_text(text, encoding="utf-8")
    summary = {"report": artifact.digest_bytes(text.encode())}
    (folder / artifact.MANIFEST).write_text(json.dumps(summary), encoding="utf-8")
    return folder


@pytest.mark.acceptance("bad-adapters")  # minutes of questions to a real vLLM
def test_an_adapter_that_forgot_does_not_go_live_and_the_one_before_answers_on(
    live, school, tmp_path
):
    site, good = live
    done = deploy.deploy(site, reweighed(school.out, tmp_path / "weak", 0.1))
    assert done.state == "failed"
    assert done.quarantine
    assert alias.read_alias(site.state).table.adapter == good.adapter
    assert "Ann Lee" in ask(site).text


def test_going_back_gives_the_public_name_the_adapter_before(live, school, tmp_path):
    site, good = live
    done = deploy.deploy(site, reweighed(school.out, tmp_path / "other", 0.98))
    assert done.state == "committed", done.reason
    assert ask(site).headers["x-adapter"] == done.adapter.name
    deploy.rollback(site)
    answer = ask(site)
    assert answer.headers["x-adapter"] == good.adapter.name
    assert "Ann Lee" in answer.text


def test_the_schools_recipe_leaves_no_stage_out():
    """Small in numbers only: each kind of example and question that the shipped recipe has is there."""
    small, shipped = (
        config.load_recipe(name) for name in (str(SCHOOL / "recipe.toml"), "smollm2-135m")
    )
    assert small.base == shipped.base
    for section in ("dataset", "train", "gate"):
        for name in getattr(shipped, section).__dataclass_fields__:
            if getattr(getattr(shipped, section), name) and name not in {"probes", "chance"}:
                assert getattr(getattr(small, section), name), f"[{section}] {name} is left out"
