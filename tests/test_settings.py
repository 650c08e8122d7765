from __future__ import annotations

import pytest

from pipeline import signing
from pipeline.errors import ConfigError
from serve import settings, vllm

SHIPPED = settings.SHIPPED.read_text(encoding="utf-8")


def test_the_shipped_settings_are_in_order_and_start_vllm_on_loopback_without_resolvers(bare_base):
    found = settings.load(None)
    line = vllm.command(bare_base, 8011, found.engine)
    text = " ".join(line)
    for flag in ("--host 127.0.0.1", "--enable-lora", "--max-lora-rank 16", "--max-loras 3"):
        assert flag in text
    env = vllm.environment(found.engine)
    assert env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
    assert env["VLLM_PLUGINS"] == ""


@pytest.fixture
def bare_base(tmp_path):
    from pipeline.base import Base

    return Base("made up", tmp_path, "sha256:0")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("port = 8000", 'port = "8000"', "port: '8000' is not a whole number"),
        ("port = 8000", "prot = 8000", "unknown key 'prot'"),
        ("max_loras = 3", "max_loras = 1", "must be at least 2"),
        ('urls = ["http://127.0.0.1:8011"]', "urls = []", "is empty"),
        ('urls = ["http://127.0.0.1:8011"]', 'urls = "x"', "is not a list of texts"),
        ('"http://127.0.0.1:8011"', '"http://gpu-box:8011"', "cannot be started here"),
        ('"http://127.0.0.1:8011"', '"file:///etc"', "is not http://host:port"),
        ("start = true", "start = 1", "start: 1 is not true or false"),
        ('signer = "nobody"', 'signer = ""', "'.' is no file"),
        ('signer = "nobody"', 'signer = "no-such-key.pem"', "'no-such-key.pem' is no file"),
        ('signer = "nobody"', "", "missing key 'signer'"),
        ("[watch]", "[wach]", "unknown key 'wach'"),
        ("soak_seconds = 5.0", "soak_seconds = -1.0", "below zero"),
    ],
)
def test_what_is_wrong_in_a_settings_file_is_named(tmp_path, old, new, message):
    assert old in SHIPPED
    file = tmp_path / "serve.toml"
    file.write_text(SHIPPED.replace(old, new))
    with pytest.raises(ConfigError, match=r".") as caught:
        settings.load(file)
    assert message in f"{caught.value.message} {caught.value.hint}"


def test_a_signer_is_a_key_a_workflow_or_by_name_nobody(tmp_path):
    key = tmp_path / "key.pem"
    key.write_text("x")
    workflow = "https://example.org/ours/facts/.github/workflows/release.yml@refs/heads/main"
    for signer, trust in (
        ("nobody", signing.ANYBODY),
        (str(key), signing.Trust(key=key)),
        (workflow, signing.Trust(identity=workflow)),
    ):
        file = tmp_path / "serve.toml"
        file.write_text(SHIPPED.replace('signer = "nobody"', f'signer = "{signer}"'))
        assert settings.load(file).trust == trust


@pytest.mark.parametrize("name", ["SCHOOLHOUSE_API_KEY", "SCHOOLHOUSE_ENGINE_KEY"])
def test_a_key_that_is_set_and_empty_opens_no_door(name, monkeypatch):
    monkeypatch.setenv(name, "")
    with pytest.raises(ConfigError, match=f"{name}: is set, and empty"):
        settings.door(settings.load(None)), settings.engines(settings.load(None))


def test_a_settings_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml"):
        settings.load(tmp_path / "none.toml")


def test_an_environment_that_was_not_made_says_how_to_make_it(tmp_path, bare_base):
    nowhere = vllm.EngineSettings(python=tmp_path / "none")
    with pytest.raises(ConfigError, match="no serving environment") as caught:
        vllm.start(bare_base, 1, tmp_path / "log", nowhere)
    assert "make serve-env" in caught.value.hint
