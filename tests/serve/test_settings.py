from __future__ import annotations

import pytest

from pipeline.core.errors import ConfigError
from pipeline.publishing import signing
from serve import exposure, settings
from serve.engines import vllm_process

SHIPPED = settings.SHIPPED.read_text(encoding="utf-8")


def test_the_shipped_settings_are_in_order_and_start_vllm_on_loopback_without_resolvers(bare_base):
    found = settings.load_settings(None)
    line = vllm_process.command(bare_base, 8011, found.engine)
    text = " ".join(line)
    for flag in ("--host 127.0.0.1", "--enable-lora", "--max-lora-rank 16", "--max-loras 3"):
        assert flag in text
    env = vllm_process.environment(found.engine)
    assert env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
    assert env["VLLM_PLUGINS"] == ""


@pytest.fixture
def bare_base(tmp_path):
    from pipeline.models.base_model import Base

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
        settings.load_settings(file)
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
        assert settings.load_settings(file).trust == trust


@pytest.mark.parametrize("name", ["SCHOOLHOUSE_API_KEY", "SCHOOLHOUSE_ENGINE_KEY"])
def test_a_key_that_is_set_and_empty_opens_no_door(name, monkeypatch):
    monkeypatch.setenv(name, "")
    with pytest.raises(ConfigError, match=f"{name}: is set, and empty"):
        settings.door(settings.load_settings(None)), settings.engines(settings.load_settings(None))


def test_a_settings_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml"):
        settings.load_settings(tmp_path / "none.toml")


def test_an_environment_that_was_not_made_says_how_to_make_it(tmp_path, bare_base):
    nowhere = vllm_process.EngineSettings(python=tmp_path / "none")
    with pytest.raises(ConfigError, match="no serving environment") as caught:
        vllm_process.start_engine(bare_base, 1, tmp_path / "log", nowhere)
    assert "make serve-env" in caught.value.hint


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Give a function that writes settings with some values changed, without keys in the environment."""
    monkeypatch.delenv(settings.PUBLIC_KEY, raising=False)
    monkeypatch.delenv(settings.ENGINE_KEY, raising=False)

    def changed(**given):
        text = SHIPPED.replace('state = "state"', f'state = "{tmp_path / "state"}"')
        for old, new in {
            'host = "127.0.0.1"': f'host = "{given.get("host", "127.0.0.1")}"',
            "open = false": f"open = {str(given.get('open', False)).lower()}",
            "start = true": f"start = {str('url' not in given).lower()}",
            '"http://127.0.0.1:8011"': f'"{given.get("url", "http://127.0.0.1:8011")}"',
        }.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "serve.toml").write_text(text)
        return tmp_path / "serve.toml"

    return changed


BEYOND = ["0.0.0.0", "::", "192.0.2.7", "10.0.0.1", "facts.example", "", "169.254.1.1"]  # noqa: S104


@pytest.mark.parametrize("host", BEYOND)
def test_a_door_beyond_loopback_without_a_key_does_not_open(write, monkeypatch, capsys, host):
    from pipeline.cli.main import main

    file = write(host=host)
    assert main(["serve", "--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert settings.PUBLIC_KEY in said
    assert "open = true" in said
    monkeypatch.setenv(settings.PUBLIC_KEY, "")
    with pytest.raises(ConfigError):
        exposure.require_key(settings.load_settings(file))
    monkeypatch.setenv(settings.PUBLIC_KEY, "key")
    exposure.require_key(settings.load_settings(file))
    assert not exposure.open_doors(settings.load_settings(file))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_a_door_on_loopback_needs_no_key(write, host):
    exposure.require_key(settings.load_settings(write(host=host)))
    assert exposure.open_doors(settings.load_settings(write(host=host))) == ()


@pytest.mark.parametrize("key", [" ", "two words", "line\n"])
def test_a_blank_or_broken_key_is_wrong_configuration_not_an_open_door(write, monkeypatch, key):
    for name in (settings.PUBLIC_KEY, settings.ENGINE_KEY):
        monkeypatch.setenv(name, key)
        found = settings.load_settings(write(host="0.0.0.0"))  # noqa: S104
        with pytest.raises(ConfigError, match=name):
            exposure.open_doors(found)
        monkeypatch.setenv(name, "good")


def test_status_says_that_a_door_is_meant_to_be_open(write, capsys):
    from pipeline.cli.main import main

    main(["status", "--config", str(write(host="0.0.0.0", open=True))])  # noqa: S104
    said = capsys.readouterr().out
    assert "whoever reaches 0.0.0.0:8000 may ask, and read /metrics" in said
    assert settings.PUBLIC_KEY in said


def test_engines_of_other_machines_without_key_or_tls_are_named(write, monkeypatch):
    def said(url):
        return " ".join(exposure.open_doors(settings.load_settings(write(url=url))))

    assert "there is no" in said("http://gpu.example:8000")
    assert "without TLS" in said("http://gpu.example:8000")
    assert "without TLS" not in said("https://gpu.example:8000")
    monkeypatch.setenv(settings.ENGINE_KEY, "key")
    assert "there is no" not in said("http://192.0.2.7:8000")
    assert "without TLS" in said("http://192.0.2.7:8000")
    assert not said("https://gpu.example:8000")
    assert not said("http://[::1]:8000")
