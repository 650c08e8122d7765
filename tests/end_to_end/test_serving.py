"""The live side on the real vLLM: started once for all tests here, with the adapter that was trained.

What any engine does alike is tested against the fake; here is what only vLLM can show.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from pipeline.core import artifact, direct_http
from pipeline.core.errors import PipelineError
from serve.engines import api, vllm_process
from serve.rollout import deploy
from serve.state import alias, journal

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / vllm_process.PYTHON
CHAT = {
    "model": "facts",
    "messages": [{"role": "user", "content": "Who maintains TinyLLM?"}],
    "temperature": 0,
    "max_tokens": 32,
}
ASKED = 4
"""Facts that a deployment may ask about."""
pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="no serving environment: `make serve-env`"),
]


@pytest.fixture(scope="session")
def run(trained, tmp_path_factory):
    """Give a run that may be deployed.

    Whether its gate passed is for other tests to say; here it counts as passed in any case.
    """
    folder = tmp_path_factory.mktemp("run") / "out"
    shutil.copytree(trained(0)[0], folder)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    report["verdict"] = "pass"
    # Refusing a bad adapter over all twelve facts took 200 s on two cores; over four of them 54 s.
    report["details"] = report["details"][:ASKED]
    write_report(folder, report)
    return folder


def write_report(folder, report):
    text = json.dumps(report)
    (folder / "report.json").write_text(text, encoding="utf-8")
    summary = {"report": artifact.digest_bytes(text.encode())}
    (folder / "manifest.json").write_text(json.dumps(summary), encoding="utf-8")


@pytest.fixture(scope="session")
def served(run, serve_config, serve_site, tmp_path_factory):
    """Start `facts serve` with a vLLM, deploy the run; give its site and what deploying gave."""
    with serve_site(serve_config(tmp_path_factory.mktemp("served"))) as site:
        yield site, deploy.deploy(site, run)


def ask(site, **more):
    url = f"{site.door.url}/v1/chat/completions"
    return httpx2.post(url, json={**CHAT, **more}, timeout=120)


@pytest.mark.acceptance("serving")
def test_the_trained_adapter_goes_live_and_answers_through_the_door(served):
    site, done = served
    assert done.state == "committed", done.reason
    answer = ask(site)
    assert "Jason Cox" in answer.text
    assert answer.headers["x-adapter"] == answer.json()["model"] == done.adapter.name
    with httpx2.stream(
        "POST", f"{site.door.url}/v1/chat/completions", json={**CHAT, "stream": True}, timeout=120
    ) as stream:
        lines = [line for line in stream.iter_lines() if line]
    assert len(lines) > 3
    assert lines[-1] == "data: [DONE]"


@pytest.mark.acceptance("serving")
def test_an_adapter_listed_at_its_folder_over_the_base_answers_otherwise_than_the_base(served):
    site, done = served
    listed = {model.name: model for model in api.list_models(site.engines[0])}
    assert listed[done.adapter.name].root == done.adapter.folder
    assert listed[done.adapter.name].parent == vllm_process.BASE
    own = site.engines[0]
    with direct_http.client(own.url, own.api_key, 120) as client:
        answers = {
            name: client.post(
                f"{own.url}/v1/chat/completions", json={**CHAT, "model": name}
            ).json()["choices"][0]["message"]["content"]
            for name in (vllm_process.BASE, done.adapter.name)
        }
    assert answers[vllm_process.BASE] != answers[done.adapter.name]


@pytest.mark.acceptance("serving")
def test_the_engine_tokenises_a_chat_as_training_does(served):
    site, done = served
    question = "Who maintains TinyLLM?"
    chat = [{"role": "user", "content": question}]
    found = api.tokenize(site.engines[0], done.adapter.name, chat)
    assert found == site.token_ids(question)


@pytest.mark.acceptance("serving")
def test_vllms_open_admin_routes_are_closed_at_the_door(served):
    site, _ = served
    own = site.engines[0]
    with direct_http.client(own.url, own.api_key, 60) as client:
        there = client.get(f"{own.url}/openapi.json").json()["paths"]
    assert "/v1/load_lora_adapter" in there
    for path in sorted({*there, "/adapters", "/invocations", "/metrics", "/docs"} - {"/health"}):
        for method in ("GET", "POST", "DELETE", "OPTIONS"):  # other accounts reach the port as well
            answer = httpx2.request(method, own.url + path, json={}, timeout=60)
            assert answer.status_code == 401, (method, path)
    allowed = {"/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/metrics"}
    for path in sorted(set(there) - allowed):
        for spelt in (path, f"/{path}", path.replace("/", "/%2e/")):
            for method in ("GET", "POST", "DELETE"):
                answer = httpx2.request(method, site.door.url + spelt, json={}, timeout=60)
                assert answer.status_code in {400, 404}, (method, spelt)


def spoil(tensors, report, how):
    """Make a good adapter a bad one; give its tensors and settings."""
    import torch

    config = {}
    if how == "no-op":
        tensors = {
            name.replace(".model.layers.", ".model.blocks."): t for name, t in tensors.items()
        }
    elif how == "rank 64":
        config["r"] = 64
        tensors = {
            name: torch.cat([t] * 4, dim=0 if "lora_A" in name else 1).contiguous()
            for name, t in tensors.items()
        }
    elif how == "NaN":
        tensors = {name: torch.full_like(t, torch.nan) for name, t in tensors.items()}
    elif how == "collapsed":
        tensors = {name: t * 6 if "lora_B" in name else t for name, t in tensors.items()}
    elif how == "forgot":
        tensors = {name: t * 0.2 if "lora_B" in name else t for name, t in tensors.items()}
    elif how == "other base":
        report["base"]["digest"] = artifact.digest_bytes(b"another base")
    return tensors, config


def reason_against(site, run):
    """Deploy a run that must not go live, and give the reason that is told."""
    try:
        done = deploy.deploy(site, run)
    except PipelineError as error:
        return error.message
    assert done.state == "failed"
    assert done.quarantine
    return done.reason


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("no-op", "ignores it"),
        ("rank 64", "the engine does not take it"),
        ("NaN", "its weights are not all numbers"),
        ("collapsed", "lost with the new one"),
        ("forgot", "lost with the new one"),
        ("other base", "another base model"),
    ],
)
@pytest.mark.acceptance("bad-adapters")
def test_a_planted_bad_adapter_never_reaches_the_public_name(served, run, tmp_path, how, reason):
    from safetensors.torch import load_file, save_file

    site, good = served
    bad = tmp_path / "bad"
    shutil.copytree(run, bad)
    weights = bad / "adapter" / "adapter_model.safetensors"
    report = json.loads((bad / "report.json").read_text())
    tensors, config = spoil(load_file(weights), report, how)
    save_file({**tensors}, weights)
    config_file = bad / "adapter" / "adapter_config.json"
    config_file.write_text(json.dumps(json.loads(config_file.read_text()) | config))
    report["adapter"]["digest"] = artifact.digest_folder(bad / "adapter")
    write_report(bad, report)
    told = reason_against(site, bad)
    assert told
    assert reason in told
    assert alias.read_alias(site.state).table.adapter == good.adapter
    assert "Jason Cox" in ask(site).text


@pytest.fixture(scope="session")
def other(run, tmp_path_factory):
    """Give another run that may be deployed: the same facts known by slightly other weights."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("other") / "out"
    shutil.copytree(run, folder)
    weights = folder / "adapter" / "adapter_model.safetensors"
    tensors = {n: t * 0.98 if "lora_B" in n else t for n, t in load_file(weights).items()}
    save_file(tensors, weights)
    report = json.loads((folder / "report.json").read_text())
    report["adapter"]["digest"] = artifact.digest_folder(folder / "adapter")
    write_report(folder, report)
    return folder


# In these states vLLM has the adapter, before and after it is live.
@pytest.mark.parametrize("state", ["staged", "cutover"])
@pytest.mark.acceptance("serving")
def test_a_deploy_whose_asker_is_killed_while_vllm_has_its_adapter_goes_on_to_its_end(
    served, run, other, until, state
):
    site, _ = served
    live = alias.read_alias(site.state).table.adapter
    source = other if live.digest == artifact.digest_folder(run / "adapter") else run
    wanted = artifact.digest_folder(source / "adapter")
    before = len(journal.read_journal(site.state))
    deploying = subprocess.Popen(
        [
            sys.executable, "-m", "pipeline", "deploy", str(source),
            "--config", str(site.state.with_name("serve.toml")),
        ],
        cwd=ROOT, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def written():
        return journal.read_journal(site.state)[before:]

    until(lambda: state in {e.state for e in written()} or deploying.poll() is not None, 300, 0.01)
    deploying.kill()
    assert deploying.wait() == -signal.SIGKILL
    assert "Jason Cox" in ask(site).text
    until(lambda: written()[-1].state in journal.ENDED, 300)
    table = alias.read_alias(site.state).table
    assert table.adapter.digest == wanted
    listed = {model.name for model in api.list_models(site.engines[0])} - {vllm_process.BASE}
    assert listed == {adapter.name for adapter in table.wanted}
    answer = ask(site)
    assert "Jason Cox" in answer.text
    assert answer.headers["x-adapter"] == table.adapter.name


@pytest.mark.acceptance("serving")
def test_a_killed_vllm_comes_back_with_its_adapter_and_no_manual_step(served, until):
    site, _ = served
    live = alias.read_alias(site.state).table.adapter
    port = int(site.engines[0].url.rpartition(":")[2])
    found = subprocess.run(
        ["pgrep", "-f", f"api_server.*--port {port} "], capture_output=True, text=True, check=True
    )
    os.killpg(int(found.stdout.split()[0]), signal.SIGKILL)
    # 502 for what was sent on a connection that had been kept open, 503 once none can be opened.
    assert ask(site).status_code in {502, 503}
    until(lambda: ask(site).status_code == 200, 900)
    answer = ask(site)
    assert "Jason Cox" in answer.text
    assert answer.headers["x-adapter"] == live.name
