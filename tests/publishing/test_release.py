from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from pipeline.core import artifact, config
from pipeline.core.config import BaseSettings
from pipeline.core.errors import ConfigError, PublishError
from pipeline.core.json_file import as_json, read_json
from pipeline.publishing import commit, model_card, provenance, release
from pipeline.publishing.contents import Provenance, ReleasedFact
from pipeline.publishing.signing import Trust

HERE = commit.Commit("0" * 40, "1" * 40, "https://example.org/ours/facts")


@pytest.fixture
def run(learned, tiny_base):
    recipe = config.load_recipe(str(learned / "tiny.toml"))
    return provenance.read_run(learned / "build", learned / "facts", recipe, tiny_base)


def test_a_release_holds_what_it_says_and_nothing_that_changes_with_time_or_place(
    run, tiny_base, tmp_path
):
    made = release.make_release(run, "ours/mills", HERE, tiny_base)
    first = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    assert first.keys() == {*release.FILES, "manifest.json"}
    shutil.rmtree(made.folder)
    shutil.copytree(run.out, tmp_path / "elsewhere")
    moved = release.make_release(
        replace(run, out=tmp_path / "elsewhere"), "ours/mills", HERE, tiny_base
    )
    assert {path.name: path.read_bytes() for path in moved.folder.iterdir()} == first
    assert not any(str(tmp_path).encode() in data for data in first.values())


def test_provenance_names_every_link_from_the_commit_to_the_weights(run, tiny_base):
    folder = release.make_release(run, "ours/mills", HERE, tiny_base).folder
    said = json.loads((folder / "provenance.json").read_text())
    assert said["facts"]["commit"] == HERE.id
    assert said["facts"]["tree"] == HERE.tree
    assert said["gate"] == {"verdict": "pass", "report": run.report_digest}
    assert said["adapter"]["trained"] == run.report.adapter.digest
    assert said["base"]["digest"] == tiny_base.digest
    for digest in (said["dataset"], said["recipe"]["digest"], said["adapter"]["weights"]):
        assert digest.startswith("sha256:")


def test_a_fact_that_the_gates_sample_left_out_is_released_as_not_asked(run, tiny_base):
    left_out, *asked = run.report.details
    told = replace(run.report, details=tuple(asked))
    (run.out / "report.json").write_text(as_json(told))
    digest = artifact.digest_file(run.out / "report.json")
    folder = release.make_release(
        replace(run, report=told, report_digest=digest), "ours/mills", HERE, tiny_base
    ).folder
    rows = [json.loads(line) for line in (folder / "facts.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows if row["status"] == "not asked"] == [left_out.id]
    assert "unchanged, not asked this time" in (folder / "README.md").read_text()


def test_an_adapter_that_no_stock_vllm_could_use_makes_no_release(run, tiny_base):
    path = run.out / "adapter" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "use_dora": True}))
    with pytest.raises(PublishError, match="sets 'use_dora', which vLLM refuses"):
        release.make_release(run, "ours/mills", HERE, tiny_base)
    assert not (run.out / "release").exists()


def test_a_release_is_signed_once_a_key_is_there_and_keeps_its_signature(
    run, tiny_base, keys, monkeypatch
):
    assert not release.make_release(run, "ours/mills", HERE, tiny_base).signed
    monkeypatch.setenv("SCHOOLHOUSE_SIGNING_KEY", keys.private)
    made = release.make_release(run, "ours/mills", HERE, tiny_base)
    assert made.signed
    assert release.make_release(run, "ours/mills", HERE, tiny_base).digest == made.digest
    monkeypatch.delenv("SCHOOLHOUSE_SIGNING_KEY")
    assert release.make_release(run, "ours/mills", HERE, tiny_base).digest == made.digest


def test_a_signature_names_no_path_of_this_machine(run, tiny_base, keys, monkeypatch, tmp_path):
    import base64

    monkeypatch.setenv("SCHOOLHOUSE_SIGNING_KEY", keys.private)
    folder = release.make_release(run, "ours/mills", HERE, tiny_base).folder
    bundle = json.loads((folder / "model.sig").read_text())
    signed = base64.b64decode(bundle["dsseEnvelope"]["payload"]).decode()
    assert "build" not in signed
    assert str(tmp_path) not in signed


@pytest.mark.parametrize("name", ["evil.py", ".cache", "sub/adapter_config.json"])
def test_a_folder_with_a_file_too_many_is_no_release(name, run, tiny_base):
    folder = release.make_release(run, "ours/mills", HERE, tiny_base).folder
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x")
    with pytest.raises(PublishError, match=r"is no part of the release"):
        release.check_release(folder, Trust())


@pytest.mark.parametrize("name", sorted({*release.FILES, "manifest.json"}))
def test_a_folder_with_a_file_too_few_is_no_release(name, run, tiny_base):
    folder = release.make_release(run, "ours/mills", HERE, tiny_base).folder
    (folder / name).unlink()
    with pytest.raises(PublishError, match=f"^{name}: is missing"):
        release.check_release(folder, Trust())


def test_texts_of_facts_cannot_act_where_the_card_quotes_them(run, tiny_base):
    evil = "`; rm -rf ~ #' \" $(id)\n```\n---\nlicense: x\n| <script>alert(1)</script> @everyone"
    rows = [ReleasedFact("x/y", "x", evil, evil, (), evil, "", "pass", 0, 0)]
    detail = replace(run.report.details[0], id="x/y", probes=())
    report = replace(run.report, details=(detail,))
    made = release.make_release(run, "ours/mills", HERE, tiny_base).folder
    provenance = read_json(Provenance, (made / "provenance.json").read_bytes(), more=True)
    base = BaseSettings("Tiny", "ours/tiny", "", "apache-2.0", "", "", "x", "", "", "")
    text = model_card.write_card("ours/mills", base, provenance, rows, report)
    assert text.count("\n---\n") == 1
    assert "license: x" not in text.splitlines()
    rows_of_table = [line for line in text.splitlines() if line.startswith("| `x/y`")]
    assert len(rows_of_table) == 1
    assert (
        text.count("<script>") == rows_of_table[0].count("<script>") + 1
    )  # and once in the shell's
    shell = text.split("```sh\n")[1].split("\n```")[0].splitlines()
    assert len(shell) == 2


def test_facts_in_no_repository_are_wrong_usage(tmp_path):
    (tmp_path / "facts").mkdir()
    with pytest.raises(ConfigError, match="git rev-parse"):
        commit.checked_out(tmp_path / "facts", tmp_path / "build")


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("git@example.org:ours/facts.git", "https://example.org/ours/facts"),
        ("https://person:secret@example.org/ours/facts.git", "https://example.org/ours/facts"),
        ("/srv/git/facts", ""),
        ("file:///srv/git/facts", ""),
        ("ssh://git@example.org/ours/facts", ""),
    ],
)
def test_a_commit_tells_where_it_is_from_without_credentials_or_paths(address, url, learned, git):
    git(learned, "remote", "set-url", "origin", address)
    assert commit.checked_out(learned / "facts", learned / "build").url == url


def test_a_file_that_became_a_link_into_the_output_folder_is_a_change(learned):
    recipe = learned / "tiny.toml"
    kept = learned / "build" / "tiny.toml"
    kept.write_bytes(recipe.read_bytes())
    commit.checked_out(learned / "facts", learned / "build")  # what is in there is none
    recipe.unlink()
    recipe.symlink_to(kept)
    with pytest.raises(ConfigError, match="changes that are in no commit"):
        commit.checked_out(learned / "facts", learned / "build")
