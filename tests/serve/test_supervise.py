"""`facts serve` before fake engines that run elsewhere: opening, draining, and finishing what was cut off."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest
from support.served import SERVE

from pipeline.core import lock
from pipeline.models.base_model import Base
from serve import settings, supervise
from serve.engines.api import Engine
from serve.rollout import deploy
from serve.state import alias, journal
from serve.state.alias import Adapter, Table
from serve.state.journal import JournalEntry

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe"}
CHAT = {
    "model": "facts",
    "messages": [{"role": "user", "content": "Who owns Tarn Mill, wording 0?"}],
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def fake(live):
    """Give a fake engine alone."""
    fake = live.FakeVllm()
    yield fake
    fake.running.close()


@pytest.fixture
def config(fake, tmp_path):
    """Give a serve.toml for the fake engine."""
    text = settings.SHIPPED.read_text(encoding="utf-8")
    for old, new in (
        ("port = 8000", f"port = {free_port()}"),
        ("http://127.0.0.1:8011", fake.url),
        ("start = true", "start = false"),
        ('state = "state"', f'state = "{tmp_path / "state"}"'),
    ):
        text = text.replace(old, new)
    file = tmp_path / "serve.toml"
    file.write_text(text)
    return file


def start(config):
    """Start `facts serve` and wait for its door."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(ROOT / "tests"), str(config)],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    url = settings.door(settings.load_settings(config)).url
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx2.get(f"{url}/health", verify=False)
        except httpx2.ConnectError:
            time.sleep(0.1)
        else:
            break
    return process, url


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=60)[1]


def site_of(live, config):
    from serve.site import Site

    found = settings.load_settings(config)
    engines, door = settings.engines(found), settings.door(found)
    return Site(found.state, engines, door, live.BASE, live.tokens, soak_seconds=0.1)


def test_sigterm_lets_a_request_in_flight_finish(live, fake, config, tmp_path):
    process, url = start(config)
    run = live.write_run(tmp_path / "a", MILLS)
    assert deploy.deploy(site_of(live, config), run).state == "committed"
    answers = []

    def ask():
        answers.append(httpx2.post(f"{url}/v1/chat/completions", json=CHAT, timeout=30))

    fake.wait = 2.0
    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.7)
    said = stop(process)
    asking.join(30)
    assert process.returncode == 0
    assert answers[0].status_code == 200
    assert "Ann Lee" in answers[0].text
    assert "those in flight are finished" in said


def test_it_gives_a_restarted_engine_its_adapters_back_and_finishes_a_cut_off_deploy(
    live, fake, config, tmp_path
):
    process, url = start(config)
    site = site_of(live, config)
    assert deploy.deploy(site, live.write_run(tmp_path / "a", MILLS)).state == "committed"
    before = alias.read_alias(site.state).table
    new = live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    with deploy.alone(site.state):  # as a deployer would leave it that was killed after fetching
        from serve.state import adapters

        fetched = adapters.fetch_adapter(new, site.state, "facts", site.base)
        journal.append(site.state, JournalEntry("cut off", fetched.adapter, before, "fetched"))
        fake.restart()
    until = time.monotonic() + 60
    while time.monotonic() < until and journal.unfinished(journal.read_journal(site.state)):
        time.sleep(0.2)
    answer = httpx2.post(f"{url}/v1/chat/completions", json=CHAT, timeout=30)
    stop(process)
    assert "Una Fox" in answer.text
    assert set(fake.adapters) == {before.adapter.name, fetched.adapter.name}


def test_a_second_one_with_the_same_state_and_a_taken_port_are_clear_errors(config):
    process, _ = start(config)
    second, _ = start(config)
    assert second.wait(60) == 2
    assert "runs already" in second.stderr.read()
    second.stderr.close()
    other = config.with_name("other.toml")
    state = str(settings.load_settings(config).state)
    other.write_text(config.read_text().replace(state, f"{state}-2"))
    third, _ = start(other)
    assert third.wait(60) == 2
    assert "cannot listen on" in third.stderr.read()
    third.stderr.close()
    stop(process)


def test_only_adapters_that_nothing_refers_to_are_removed_at_the_start(tmp_path):
    kept, going, old = (
        Adapter(f"facts@{n}", str(tmp_path / "adapters" / f"facts@{n}"), n) for n in "123"
    )
    for each in (kept, going, old):
        Path(each.folder).mkdir(parents=True)
    alias.swap(tmp_path, 0, Table(adapter=kept))
    journal.append(tmp_path, JournalEntry("x", going, Table(), "staged"))
    supervise._tidy_at_start(tmp_path)  # noqa: SLF001  (the whole of it needs a real vLLM)
    assert {path.name for path in (tmp_path / "adapters").iterdir()} == {"facts@1", "facts@2"}


def test_the_journal_is_plain_json_a_line(tmp_path):
    adapter = Adapter("facts@1", "/x", "sha256:1")
    entry = JournalEntry("x", adapter, Table(), "failed", "line\u2028break \u202e", quarantine=True)
    written = journal.append(tmp_path, entry)
    assert journal.read_journal(tmp_path) == (written,)
    assert json.loads((tmp_path / journal.FILE).read_text())["state"] == "failed"
    released = JournalEntry("y", adapter, Table(), "released")
    journal.append(tmp_path, released)
    assert journal.quarantined(journal.read_journal(tmp_path)) == {}


@pytest.mark.usefixtures("card")
def test_an_engine_is_started_once_the_card_is_free_and_gives_it_back_when_ready(
    monkeypatch, tmp_path, capsys
):
    """The card is put in as a file, the engine as a process that sleeps."""
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(
        supervise.vllm_process, "start_engine",
        lambda *_: subprocess.Popen(sleeping, start_new_session=True),
    )  # fmt: skip
    found, base = settings.load_settings(None), Base("Tiny", tmp_path, "sha256:0")
    child = supervise.Child(Engine("http://127.0.0.1:1"), 1, base, tmp_path / "log")
    with lock.gpu():
        supervise.look_after(child, found, healthy=False)
        supervise.look_after(child, found, healthy=False)
        assert child.process is None
    assert capsys.readouterr().err.count("waits for the card") == 1
    try:
        supervise.look_after(child, found, healthy=False)
        assert child.process.poll() is None
        with pytest.raises(BlockingIOError), lock.gpu(wait=False):
            pass
        supervise.look_after(child, found, healthy=True)
        with lock.gpu(wait=False):
            pass
    finally:
        child.end(supervise.vllm_process.kill)
