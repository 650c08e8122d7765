"""A Hub to publish to, the command against it, and keys to sign with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import hubdouble
import pytest
from support.repository import commit

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def doubles():
    """Give the module of the Hub to test against."""
    return hubdouble


@pytest.fixture
def hub(doubles, tmp_path):
    """Give a Hub with the empty repository ours/mills."""
    with doubles.serving(tmp_path / "hub") as hub:
        hub.create("ours/mills")
        yield hub


@pytest.fixture(scope="session")
def start():
    """Give a function that starts the command against a Hub, with the Hub's client as it comes."""

    def start(hub, *argv, cwd, **env):
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SCHOOL", "ACTIONS"))
        }
        own = {
            "PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_writer",
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


@pytest.fixture(scope="session")
def signed(tmp_path_factory, _learned_once, keys, tiny_base):
    """Give the folder of a signed release; it is not to be changed."""
    from pipeline.core import config
    from pipeline.publishing import commit, provenance, release

    root = tmp_path_factory.mktemp("signed") / "repo"
    shutil.copytree(_learned_once, root)
    recipe = config.load_recipe(str(root / "tiny.toml"))
    run = provenance.read_run(root / "build", root / "facts", recipe, tiny_base)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCHOOLHOUSE_SIGNING_KEY", keys.private)
        return release.make_release(
            run, "ours/mills", commit.Commit("0" * 40, "1" * 40, ""), tiny_base
        ).folder


@pytest.fixture(scope="session")
def tiny_identity(signed):
    """Give the identity of the tiny base, as an adapter for it names it."""
    from pipeline.models import identity

    return identity.read_identity(signed)
