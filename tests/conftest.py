"""Fixtures that several test files share."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

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

    model, tokenizer, _ = base.load(base.find(config.load("smollm2-135m").base))
    return LocalModel(model, tokenizer)


@pytest.fixture(scope="session")
def live():
    """Give the doubles of the live side (tests are found by path, so they cannot import each other)."""
    spec = importlib.util.spec_from_file_location("livedoubles", CASES.parent / "livedoubles.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["livedoubles"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
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


class Api:
    """A real HTTP server on loopback; `reply` gives (status, body, seconds to wait) for a request."""

    def __init__(self, reply):
        self.reply, self.requests, self.at_once, self.most = reply, [], 0, 0
        self.lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            """Hands each request to `reply`, and keeps it."""

            protocol_version = "HTTP/1.1"

            def do_POST(self):
                """Answer a chat completion."""
                length = int(self.headers["Content-Length"])
                self.respond(json.loads(self.rfile.read(length)))

            def do_GET(self):
                """Answer a list."""
                self.respond(None)

            def respond(self, body):
                """Send what `reply` says."""
                with api.lock:
                    api.requests.append((self.path, dict(self.headers), body))
                    api.at_once += 1
                    api.most = max(api.most, api.at_once)
                status, said, wait = api.reply(body)
                time.sleep(wait)
                data = (said if isinstance(said, str) else json.dumps(said)).encode()
                with api.lock:
                    api.at_once -= 1
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture(scope="session")
def serving():
    """Give a function that runs an `Api` for a while."""

    @contextmanager
    def run(reply):
        api = Api(reply)
        thread = threading.Thread(target=api.http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield api
        finally:
            api.http.shutdown()
            api.http.server_close()
            thread.join()

    return run


@pytest.fixture(scope="session")
def doubles():
    """Give the module of the Hub to test against."""
    spec = importlib.util.spec_from_file_location("hubdouble", CASES.parent / "hubdouble.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["hubdouble"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def hub(doubles, tmp_path):
    """Give a Hub with the empty repository ours/mills."""
    with doubles.serving(tmp_path / "hub") as hub:
        hub.create("ours/mills")
        yield hub


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    """Give a base of one layer: real files of real kinds, with numbers that mean nothing."""
    from pipeline import base, manifest

    folder = tmp_path_factory.mktemp("base")
    shapes = {
        "model.embed_tokens.weight": (32, 8),
        "model.layers.0.self_attn.q_proj.weight": (8, 8),
        "model.layers.0.mlp.down_proj.weight": (8, 16),
        "model.norm.weight": (8,),
    }
    save_file(
        {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()},
        folder / "model.safetensors",
    )
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}\n")
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    return base.Base("Tiny", folder, manifest.digest_folder(folder))


@pytest.fixture(scope="session")
def write_adapter():
    """Give a function that writes the adapter of a config and tensors, like PEFT, for the tiny base."""

    def write(folder, changed=None, tensors=None):
        config = json.loads((CASES / "adapters" / "good.json").read_text()) | (changed or {})
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "adapter_config.json").write_text(json.dumps(config))
        save_file(
            good_tensors() if tensors is None else tensors, folder / "adapter_model.safetensors"
        )
        return folder

    return write


@pytest.fixture
def good_weights():
    """Give the tensors that `write_adapter` writes."""
    return good_tensors()


def good_tensors():
    """Give LoRA weights of rank 2 for the tiny base."""
    layer = "base_model.model.model.layers.0"
    shapes = {
        f"{layer}.self_attn.q_proj.lora_A.weight": (2, 8),
        f"{layer}.self_attn.q_proj.lora_B.weight": (8, 2),
        f"{layer}.mlp.down_proj.lora_A.weight": (2, 16),
        f"{layer}.mlp.down_proj.lora_B.weight": (8, 2),
    }
    return {name: np.full(shape, 0.25, np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def _learned_once(tmp_path_factory, tiny_base, write_adapter):
    """Make a run as `facts learn` leaves it; made up are the weights and what the models answered."""
    from pipeline import config, gate, judge, learn, manifest, measure, report, sample, validate
    from pipeline.answer import Answer
    from pipeline.measure import Said
    from pipeline.report import Run
    from pipeline.retention import Drift

    root = tmp_path_factory.mktemp("run") / "repo"
    shutil.copytree(CASES / "mills", root)
    recipe = root / "tiny.toml"
    shipped = (config.RECIPES / "smollm2-135m.toml").read_text()
    for key, value in (
        ("name", "Tiny"), ("hub", "ours/tiny"), ("wheel", ""), ("folder", str(tiny_base.folder)),
    ):  # fmt: skip
        shipped = re.sub(
            rf'^{key} = ".*?"', f'{key} = "{value}"', shipped, count=1, flags=re.MULTILINE
        )
    recipe.write_text(shipped)
    session = learn.Session(config.load(str(recipe)), root / "build", 0)
    made = learn.prepare(validate.load(root / "facts"), session)
    made_from = {"examples": made.examples_digest, "base": tiny_base.digest}
    folder = session.out / "adapter"
    with manifest.stage(folder, made_from, rank=2, base="Tiny") as scratch:
        write_adapter(scratch, {"base_model_name_or_path": "Tiny"})
    drawn = sample.draw(made, (), session.recipe.gate)
    facts = {fact.id: fact for fact in made.facts}
    taught = {"fact", "noise", "reverse"}
    adapted = [
        Answer(facts[p.fact].answer if p.role in taught else "No.", True) for p in drawn.probes
    ]
    said = Said([Answer("No.", True)] * len(drawn.probes), adapted, Drift(0.01, 0.02, 1.0, 9))
    measured = measure.measure(made, drawn, said, session.recipe.gate)
    done = manifest.read(folder)
    trained = {"examples": 1, "tokens": 1, "steps": 1, "seconds": 1.0}
    run = Run(
        recipe=session.recipe,
        seed=0,
        base=tiny_base,
        made=made,
        adapter={"digest": done["digest"], "rank": 2, "bytes": 1, "train": trained},
        seconds={"build": 0.0, "train": 0.0, "gate": 0.0},
        reproduce="facts learn",
    )
    verdict = gate.decide(measured, session.recipe.gate, session.recipe.warn)
    judge.write_reports(session.out, report.as_data(run, measured, verdict))
    return root


@pytest.fixture
def learned(_learned_once, tmp_path):
    """Give a git repository with facts, a recipe and, in build/, a run that passed."""
    root = tmp_path / "repo"
    shutil.copytree(_learned_once, root)
    commit(root, "Facts about mills", first=True)
    return root


def git(folder, *arguments):
    """Run git as somebody."""
    person = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(folder), *person, *arguments], check=True, capture_output=True, text=True
    ).stdout


def commit(folder, message, *, first=False):
    """Commit all that is there."""
    if first:
        git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "remote", "add", "origin", "git@example.org:ours/facts.git")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", f"--message={message}")


@pytest.fixture(scope="session")
def start():
    """Give a function that starts the command against a Hub, with the Hub's client as it comes."""

    def start(hub, *argv, cwd, **env):
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SCHOOL", "ACTIONS"))
        }
        own = {
            "PYTHONPATH": str(CASES.parent.parent), "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_writer",
            "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(hub.root / "client"),
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", *argv],
            cwd=cwd, env={**kept, **own, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    return start


@pytest.fixture
def facts(hub, start):
    """Give a function that runs the command against the Hub to its end."""

    def run(*argv, cwd, **env):
        process = start(hub, *argv, cwd=cwd, **env)
        hub.victim = process.pid
        out, err = process.communicate(timeout=120)
        hub.victim = 0
        assert "Traceback" not in err
        assert not re.search("hf_(writer|reader|stranger)", out + err), "a token was shown"
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    return run


@pytest.fixture(scope="session")
def _published_once(doubles, tmp_path_factory, _learned_once, start, keys):
    """Publish and promote a signed release once; give the Hub's folder."""
    root = tmp_path_factory.mktemp("published")
    shutil.copytree(_learned_once, root / "repo")
    commit(root / "repo", "Facts about mills", first=True)
    with doubles.serving(root / "hub") as hub:
        hub.create("ours/mills")
        for argv in (("--recipe", "tiny.toml", "--to", "ours/mills"), ("--promote",)):
            process = start(
                hub, "publish", *argv, cwd=root / "repo", SCHOOLHOUSE_SIGNING_KEY=keys.private
            )
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
    return hub.root


@pytest.fixture
def published(hub, _published_once):
    """Give the files of a signed release, which is main of ours/mills."""
    shutil.copytree(_published_once, hub.root, dirs_exist_ok=True)
    return {n: d for n, d in hub.files("ours/mills", "main").items() if n != ".gitattributes"}


@pytest.fixture(name="commit")
def _commit():
    """Give the function that commits all that is there."""
    return commit


@pytest.fixture(scope="session")
def make_keys():
    """Give a function that writes a new key pair and gives its paths."""
    from types import SimpleNamespace

    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    def make(folder):
        key = ec.generate_private_key(ec.SECP256R1())
        private, public = folder / "private.pem", folder / "public.pem"
        private.write_bytes(
            key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        )
        public.write_bytes(
            key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
        )
        return SimpleNamespace(private=str(private), public=str(public))

    return make


@pytest.fixture(scope="session")
def keys(tmp_path_factory, make_keys):
    """Give the paths of a key pair."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(name="git")
def _git():
    """Give the function that runs git."""
    return git


@pytest.fixture(scope="session", name="until")
def _until():
    """Give the function that waits for something to become true."""
    return until


def until(true, seconds, every=0.5):
    """Wait for something to become true, looking again after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s")


def free_port():
    """Give a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def serve_config():
    """Give a function that writes `serve.toml` into a folder: a site with free ports, its state beside it."""
    from serve import settings

    def write(folder):
        text = settings.SHIPPED.read_text(encoding="utf-8")
        for old, new in (
            ("port = 8000", f"port = {free_port()}"),
            ("127.0.0.1:8011", f"127.0.0.1:{free_port()}"),
            ("soak_seconds = 5.0", "soak_seconds = 1.0"),
            # The machine may be busy with other things.
            ("answer_seconds = 5.0", "answer_seconds = 60.0"),
            ('state = "state"', f'state = "{folder / "state"}"'),
            ('python = "', f'python = "{ROOT}/'),
        ):
            assert old in text
            text = text.replace(old, new)
        path = folder / "serve.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="session")
def serve_site():
    """Give a function that runs `facts serve` with a real vLLM for a while, by a `serve.toml`.

    It gives the site. SIGTERM must end all of it cleanly.
    """
    from serve import engine, settings

    @contextmanager
    def run(config):
        site = settings.site(settings.load(config))
        told = config.with_name("said")
        with told.open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "serve", "--config", config],
                cwd=ROOT, stderr=said,
            )  # fmt: skip
        try:
            until(lambda: engine.healthy(site.engines[0]), 900)
            yield site
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)
        assert process.returncode == 0
        assert told.read_text().endswith("stopped\n")
        assert not engine.healthy(site.engines[0])

    return run


@pytest.fixture(scope="session")
def run_act():
    """Give a function that runs a workflow of a clone for an event with act; exit code and log."""

    def run(clone, scratch, workflow, event, *options, env=None):
        known = scratch / workflow.name  # act does not know the key `queue`
        known.write_text(workflow.read_text().replace(", queue: max}", "}"))
        (scratch / "event.json").write_text(json.dumps(event[1]))
        done = subprocess.run(
            [
                Path(sys.executable).parent / "act", event[0], "--workflows", known,
                "--eventpath", scratch / "event.json", *options,
                *(f"--platform={label}=-self-hosted" for label in ("ubuntu-24.04", "self-hosted")),
            ],
            cwd=clone, capture_output=True, text=True, check=False, timeout=1800, env=env,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run
