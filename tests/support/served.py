"""`facts serve` in a process of its own, before a fake engine, and the command beside it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx2
import livedoubles
import pytest
from support.live import free_port

ROOT = Path(__file__).parent.parent.parent
SERVE = """
import sys
sys.path.insert(0, sys.argv[1])
import livedoubles
from pipeline.__main__ import main
from serve import settings
from serve.site import Site

def site(found):
    return Site(found.state, settings.engines(found), settings.door(found), livedoubles.BASE,
                livedoubles.tokens, soak_seconds=0.1)

settings.site = site  # the real one looks for the base model, which the fake engines do without
raise SystemExit(main(["serve", "--config", sys.argv[2]]))
"""


@pytest.fixture
def served_by(tmp_path):
    """Give a function that starts `facts serve` before an engine; its processes are killed at the end.

    It gives the `serve.toml`, the state folder, the process, its log, and a function that starts a verb
    of the command with that `serve.toml`.
    """
    running = []

    def start(fake, **changed):
        text = Path(ROOT / "serve" / "serve.toml").read_text(encoding="utf-8")
        for old, new in {
            "port = 8000": f"port = {free_port()}",
            "http://127.0.0.1:8011": fake.url,
            "start = true": "start = false",
            'state = "state"': f'state = "{tmp_path / "state"}"',
            **changed,
        }.items():
            assert old in text
            text = text.replace(old, new)
        config = tmp_path / "serve.toml"
        config.write_text(text)
        served = again(config)
        running.append(served.process)
        return served

    def again(config):
        log = config.with_name("serve.log")
        with log.open("a") as said:
            process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(ROOT / "tests"), str(config)],
                cwd=ROOT, stderr=said,
            )  # fmt: skip
        running.append(process)
        served = SimpleNamespace(
            config=config, state=tmp_path / "state", socket=tmp_path / "state" / "admin.sock",
            process=process, log=log, start=lambda *argv: command(config, *argv),
            again=lambda: again(config),
        )  # fmt: skip
        _await_door(config, process)
        return served

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def engine():
    """Give a fake engine."""
    fake = livedoubles.FakeVllm()
    yield fake
    fake.running.close()


def command(config, *argv):
    """Start a verb of the command, in the folder of its `serve.toml`."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *argv, "--config", str(config)],
        cwd=config.parent, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _await_door(config, process):
    from serve import settings

    url = settings.door(settings.load_settings(config)).url
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx2.get(f"{url}/health", verify=False)
        except httpx2.ConnectError:
            time.sleep(0.1)
        else:
            return
