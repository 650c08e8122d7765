"""The key of the engines that are started here: who may read it, and which of their routes ask for it."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import threading
from pathlib import Path

import pytest

from pipeline.core.errors import ConfigError
from serve import settings
from serve.engines import engine_key, vllm_process

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    monkeypatch.delenv(settings.ENGINE_KEY, raising=False)
    monkeypatch.delenv(settings.PUBLIC_KEY, raising=False)


def test_one_key_is_made_for_a_state_folder_whoever_asks_at_the_same_time(tmp_path):
    state = tmp_path / "new" / "state"
    assert not engine_key.read_key(state)
    threads = [threading.Thread(target=engine_key.make_key, args=(state,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = engine_key.read_key(state)
    assert len(made) >= 40
    engine_key.make_key(state)
    assert engine_key.read_key(state) == made
    assert [path.name for path in state.iterdir()] == [engine_key.FILE]
    assert (state / engine_key.FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_could_read_or_change_is_refused(tmp_path, mode):
    engine_key.make_key(tmp_path)
    (tmp_path / engine_key.FILE).chmod(mode)
    with pytest.raises(ConfigError, match="others may read"):
        engine_key.read_key(tmp_path)


def test_a_link_in_the_keys_place_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / engine_key.FILE).symlink_to(tmp_path / "secret")
    with pytest.raises(ConfigError, match="cannot be read"):
        engine_key.read_key(tmp_path)
    engine_key.make_key(tmp_path)
    assert (tmp_path / "secret").read_text() == "x"


def config(tmp_path, *changes):
    text = settings.SHIPPED.read_text(encoding="utf-8")
    for old, new in (('state = "state"', f'state = "{tmp_path / "state"}"'), *changes):
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "serve.toml"
    file.write_text(text)
    return settings.load_settings(file)


def test_engines_started_here_have_the_made_key_and_others_only_the_one_given(
    tmp_path, monkeypatch
):
    found = config(tmp_path)
    engine_key.make_key(found.state)
    assert settings.engines(found)[0].api_key == engine_key.read_key(found.state)
    elsewhere = config(tmp_path, ("start = true", "start = false"))
    assert not settings.engines(elsewhere)[0].api_key
    monkeypatch.setenv(settings.ENGINE_KEY, "given")
    assert settings.engines(found)[0].api_key == "given"
    assert settings.engines(elsewhere)[0].api_key == "given"


def test_an_engine_is_told_its_key_by_its_environment_and_never_by_its_command_line(
    tmp_path, monkeypatch
):
    from pipeline.models.base_model import Base

    monkeypatch.setenv("VLLM_API_KEY", "of somebody else")
    how = vllm_process.EngineSettings()
    env = vllm_process.environment(how, "the-key")
    assert env["VLLM_API_KEY"] == "the-key"
    assert env["VLLM_MAX_N_SEQUENCES"] == "4"
    line = vllm_process.command(Base("made up", tmp_path, "sha256:0"), 1, how)
    assert "the-key" not in " ".join(line)
    assert "--middleware onlywithkey.OnlyWithKey" in " ".join(line)
    assert (Path(env["PYTHONPATH"]) / "onlywithkey.py").is_file()
    assert not vllm_process.environment(how)["VLLM_API_KEY"]


def middleware(monkeypatch, key):
    """Give vLLM's part, loaded as vLLM loads it: from its folder, with its environment."""
    monkeypatch.setenv("VLLM_API_KEY", key)
    file = vllm_process.INSIDE / "onlywithkey.py"
    spec = importlib.util.spec_from_file_location("onlywithkey", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.OnlyWithKey


def ask(guard, path, *given, kind="http", method="GET"):
    """Ask through the middleware; give what came back: a status, "closed", or "through"."""
    said = []

    async def inner(*_):
        said.append("through")

    async def send(message):
        said.append(message.get("status", "closed"))

    headers = [(b"authorization", each) for each in given]
    scope = {"type": kind, "path": path, "method": method, "headers": headers}
    asyncio.run(guard(inner)(scope, None, send))
    return said[0]


@pytest.mark.parametrize(
    "path",
    [
        "/adapters",
        "/adapters/x",
        "/invocations",
        "/tokenize",
        "/v1/models",
        "/metrics",
        "/docs",
        "/health/",
        "/health/../adapters",
        "//health",
        "",
        "/ping",
        "/v1/load_lora_adapter",
    ],
)
def test_every_route_of_an_engine_but_health_asks_for_its_key(monkeypatch, path):
    guard = middleware(monkeypatch, "the-key")
    for given in ((), (b"Bearer x",), (b"the-key",), (b"Bearer the-key", b"Bearer x"), (b"\xff",)):
        assert ask(guard, path, *given) == 401
        assert ask(guard, path, *given, method="OPTIONS") == 401
        assert ask(guard, path, *given, kind="websocket") == "closed"
    assert ask(guard, path, b"Bearer the-key") == "through"


def test_health_and_the_engines_own_start_ask_for_nothing(monkeypatch):
    guard = middleware(monkeypatch, "the-key")
    assert ask(guard, "/health") == "through"
    assert ask(guard, "", kind="lifespan") == "through"


def test_an_engine_without_a_key_asks_for_none(monkeypatch):
    assert ask(middleware(monkeypatch, ""), "/adapters") == "through"


def test_what_runs_in_an_engine_needs_nothing_but_the_standard_library():
    text = (vllm_process.INSIDE / "onlywithkey.py").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    imported = {line.split()[1].split(".")[0] for line in lines}
    assert imported <= {"__future__", "collections", "hmac", "os", "typing"}
    assert os.path.commonpath([vllm_process.INSIDE, ROOT]) == str(ROOT)
