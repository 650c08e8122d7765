"""Fixtures of the live side: its doubles, and a real one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import livedoubles
import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def live():
    """Give the doubles of the live side."""
    return livedoubles


def until(true, seconds, every=0.5):
    """Wait for something to become true, looking again after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture(scope="session", name="until")
def _until():
    """Give the function that waits for something to become true."""
    return until


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

    It gives the site, and takes more of its environment. SIGTERM must end all of it cleanly.
    """
    from serve import settings
    from serve.engines import api

    @contextmanager
    def run(config, **env):
        found = settings.load_settings(config)
        told = config.with_name("said")
        with told.open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "serve", "--config", config],
                cwd=ROOT, stderr=said, env={**os.environ, **env},
            )  # fmt: skip
        try:
            until(lambda: api.healthy(settings.engines(found)[0]), 900)
            yield settings.site(found)  # by now there is a key that the engines ask for
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)
        assert process.returncode == 0
        assert told.read_text().endswith("stopped\n")
        assert not api.healthy(settings.engines(found)[0])

    return run
