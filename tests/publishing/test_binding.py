"""A release changed in anything that decides an answer is accepted nowhere, whoever agrees with it."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest

from pipeline.core import artifact
from pipeline.core.errors import PipelineError, PublishError
from pipeline.core.json_file import as_json
from pipeline.models import identity
from pipeline.publishing import binding, release
from pipeline.publishing.signing import ANYBODY, Trust
from serve.rollout import deploy, sources
from serve.state import adapters as served

REPO = "ours/mills"
PUBLISH = ("publish", "--recipe", "tiny.toml", "--to", REPO)


@pytest.fixture
def there(signed, tmp_path):
    """Give a copy of a signed release, to be changed."""
    return Path(shutil.copytree(signed, tmp_path / "release"))


@pytest.fixture
def accepted(there, tiny_identity, tmp_path):
    """Give a function that says who accepts the folder as the adapter of this digest."""
    adapter = json.loads((there / "report.json").read_text())["adapter"]["digest"]

    def ask(trust=ANYBODY):
        by = []
        try:  # what publish, promote and pull ask, with what promote compares
            if release.check_release(there, trust).adapter == adapter:
                by.append("check")
        except PublishError:
            pass
        try:
            found = served.fetch_adapter(there, tmp_path / "state", "facts", tiny_identity, trust)
            if found.adapter.digest == adapter:
                by.append("deploy")
        except PipelineError:
            pass
        return by

    return ask


def flips(data, count):
    """Give copies of bytes with one changed, spread over them."""
    for place in range(0, len(data), max(1, len(data) // count)):
        yield data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def agree(folder):
    """Let the manifest agree with what lies there, as whoever may write to the repository can."""
    files = artifact.digests(folder)
    made_from = {"provenance.json": files["provenance.json"]}
    whole = {"made_from": made_from, "digest": artifact.digest_json(files), "files": files}
    (folder / "manifest.json").write_bytes(as_json(whole).encode())


def edit(path, change):
    """Change JSON in place."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def claim(folder):
    """Let provenance name the adapter as it is now."""
    weights = artifact.digest_file(folder / identity.WEIGHTS)
    trained = identity.adapter_digest(folder)
    edit(
        folder / "provenance.json",
        lambda said: said.update(adapter={"trained": trained, "weights": weights}),
    )


def leaves(data, path=()):
    """Give the place of every value in JSON."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    else:
        yield path


def set_at(data, path, value):
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = value


def test_an_unchanged_release_is_accepted_by_all(accepted, keys):
    assert accepted() == ["check", "deploy"]
    assert accepted(Trust(Path(keys.public))) == ["check", "deploy"]


@pytest.mark.parametrize("name", sorted({*release.FILES, "manifest.json", "model.sig"}))
def test_a_release_with_one_byte_changed_is_accepted_nowhere(name, there, accepted):
    before = (there / name).read_bytes()
    for data in flips(before, 40):
        (there / name).write_bytes(data)
        assert accepted() == []


@pytest.mark.parametrize("agreeing", ["manifest", "provenance and manifest"])
@pytest.mark.parametrize("name", identity.FILES)
def test_one_byte_of_an_adapter_is_accepted_nowhere_though_manifest_and_provenance_agree(
    name, agreeing, there, accepted
):
    before = (there / name).read_bytes()
    for data in flips(before, 60):
        (there / name).write_bytes(data)
        if agreeing != "manifest":
            claim(there)
        agree(there)
        assert accepted() == []


def test_all_that_names_an_adapter_changed_together_is_another_adapter(there, accepted):
    before = (there / identity.WEIGHTS).read_bytes()
    for data in flips(before, 60):
        (there / identity.WEIGHTS).write_bytes(data)
        digest = identity.adapter_digest(there)
        edit(there / "report.json", lambda said, to=digest: said["adapter"].update(digest=to))
        claim(there)
        named = artifact.digest_file(there / "report.json")
        edit(there / "provenance.json", lambda said, to=named: said["gate"].update(report=to))
        agree(there)
        assert release.check_release(there, ANYBODY).adapter == digest  # it agrees with itself,
        assert accepted() == []  # and is not the one that git names


def test_every_field_of_the_provenance_is_held_against_something(there, accepted, keys):
    path = there / "provenance.json"
    before = json.loads(path.read_text())
    places = list(leaves(before))
    assert len(places) > 15
    pin = release.check_release(there, ANYBODY).digest
    for place in places:
        for value in ("", "sha256:" + "0" * 64, None, 7):
            edit(path, lambda said, at=place, to=value: set_at(said, at, to))
            if json.loads(path.read_text()) == before:
                continue
            assert accepted() == [], place
            agree(there)
            # Of commit, tree, machine and the like nothing else in the release knows: signature and pin do.
            if place[0] in {"adapter", "base", "gate", "seed"} or place == ("facts", "digest"):
                assert accepted() == [], place
            assert accepted(Trust(Path(keys.public))) == [], place
            with pytest.raises(
                PublishError,
                match=r"is the release sha256:.* not|is about another|cannot be read: ",
            ):
                sources.require_release(there, pin)
            path.write_text(json.dumps(before, indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize(
    ("file", "change", "what"),
    [
        ("adapter_config.json", lambda said: said.update(lora_alpha=400), "adapter"),
        ("adapter_config.json", lambda said: said.update(base_model_name_or_path="x/y"), "adapter"),
        ("base.json", lambda said: said.update(hub="theirs/base"), "adapter"),
        ("base.json", lambda said: said.update(chat_template="sha256:" + "0" * 64), "adapter"),
        ("base.json", lambda said: said.update(tokenizer="sha256:" + "0" * 64), "adapter"),
        ("report.json", lambda said: said.update(verdict="fail"), "verdict"),
        ("report.json", lambda said: said["details"][0].update(expect=[["Eve Lee"]]), "report"),
        ("provenance.json", lambda said: said["facts"].update(digest="sha256:0"), "facts digest"),
        ("provenance.json", lambda said: said.update(seed=7), "seed"),
    ],
)
def test_the_file_and_what_it_is_about_are_named(file, change, what, there, accepted):
    edit(there / file, change)
    agree(there)
    with pytest.raises(PublishError, match=rf"is about another {what} than the release"):
        binding.require_bound(there)
    assert accepted() == []


def test_facts_that_the_gate_did_not_ask_are_refused(there):
    lines = sorted(
        (there / "facts.jsonl").read_text().splitlines(), key=lambda x: "Ann Lee" not in x
    )
    for changed in (lines[1:], [*lines[1:], lines[0].replace("Ann Lee", "Eve Lee")]):
        (there / "facts.jsonl").write_text("\n".join(changed) + "\n")
        agree(there)
        with pytest.raises(PublishError, match=r"facts.jsonl: is about another"):
            release.check_release(there, ANYBODY)


@pytest.mark.parametrize("field", [each.name for each in fields(identity.Identity)])
def test_a_base_that_differs_in_any_part_serves_no_adapter_of_another(
    field, there, tiny_identity, tmp_path
):
    other = replace(tiny_identity, **{field: "another"})
    with pytest.raises(served.RefusedError, match="another base model than the one that is served"):
        served.fetch_adapter(there, tmp_path / "state", "facts", other)
    assert not (tmp_path / "state").exists()


def test_a_release_of_the_version_before_is_refused_with_what_to_do(there, tmp_path, tiny_identity):
    (there / "base.json").unlink()
    agree(there)
    with pytest.raises(PublishError, match="an older version made this release") as caught:
        release.check_release(there, ANYBODY)
    assert "train and publish it anew" in caught.value.hint
    with pytest.raises(PipelineError, match="older version made this release"):
        served.fetch_adapter(there, tmp_path / "state", "facts", tiny_identity)


def test_a_run_of_the_version_before_is_refused_with_what_to_do(live, tmp_path):
    run = live.write_run(tmp_path / "run", {"Tarn Mill": "Ann Lee"})
    (run / "adapter" / "base.json").unlink()
    with pytest.raises(PipelineError, match=r"base\.json: is missing") as caught:
        served.fetch_adapter(run, tmp_path / "state", "facts", live.BASE)
    assert "train it anew" in caught.value.hint


def test_a_forged_release_under_the_digest_that_git_names_is_not_deployed(
    there, live, tiny_identity, tmp_path
):
    wanted = identity.adapter_digest(there)
    weights = bytearray((there / identity.WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (there / identity.WEIGHTS).write_bytes(weights)
    claim(there)
    edit(there / "provenance.json", lambda said: said["adapter"].update(trained=wanted))
    agree(there)
    with live.place(tmp_path / "state") as place:
        site = replace(place.site, base=tiny_identity)
        with pytest.raises(served.RefusedError):
            deploy.deploy(site, there, expected=wanted)
        assert place.engines[0].adapters == {}


class TestASigner:
    """`[deploy] signer`: nothing goes live that it did not sign."""

    def test_a_release_that_it_signed_is_taken(self, there, tiny_identity, keys, tmp_path, capsys):
        trust = Trust(Path(keys.public))
        assert served.fetch_adapter(there, tmp_path / "state", "facts", tiny_identity, trust)
        assert "nothing is verified" not in capsys.readouterr().err

    def test_without_one_the_log_says_that_nothing_is_verified_but_the_digest(
        self, there, tiny_identity, tmp_path, capsys
    ):
        served.fetch_adapter(there, tmp_path / "state", "facts", tiny_identity)
        assert "nothing is verified but the digest" in capsys.readouterr().err

    @pytest.mark.parametrize("how", ["unsigned", "otherwise signed", "an identity"])
    def test_any_other_release_is_refused(
        self, how, there, tiny_identity, keys, make_keys, tmp_path
    ):
        trust = Trust(Path(keys.public))
        if how == "unsigned":
            (there / "model.sig").unlink()
            agree(there)
        elif how == "otherwise signed":
            trust = Trust(Path(make_keys(tmp_path).public))
        else:
            trust = Trust(identity="https://example.org/workflow")
        with pytest.raises(PipelineError, match=r"model\.sig|Sigstore"):
            served.fetch_adapter(there, tmp_path / "state", "facts", tiny_identity, trust)
        assert not (tmp_path / "state").exists()

    def test_a_run_of_this_machine_is_refused(self, live, keys, tmp_path):
        run = live.write_run(tmp_path / "run", {"Tarn Mill": "Ann Lee"})
        with pytest.raises(served.RefusedError, match="is a run, which nobody signs"):
            served.fetch_adapter(
                run, tmp_path / "state", "facts", live.BASE, Trust(Path(keys.public))
            )


class TestPins:
    """A third line of the desired state pins the release as a whole."""

    def test_the_release_that_is_pinned_is_taken(self, there):
        sources.require_release(there, release.check_release(there, ANYBODY).digest)

    def test_another_card_is_another_release(self, there):
        pin = release.check_release(there, ANYBODY).digest
        (there / "README.md").write_text("other")
        agree(there)
        with pytest.raises(PublishError, match="is the release sha256:"):
            sources.require_release(there, pin)


@pytest.mark.parametrize(
    "argv",
    [
        ("publish", "--to", REPO, "--promote", "main", "--live", ""),
        ("publish", "--to", REPO, "--promote", ""),
        ("publish", "--to", ""),
        ("pull", REPO, "--identity", ""),
        ("pull", REPO, "--key", ""),
        ("deploy", ""),
        ("gate", "--server", "", "--model", ""),
        ("check", "--base", ""),
    ],
)
def test_an_empty_value_switches_no_check_off(argv, facts, tmp_path):
    done = facts(*argv, cwd=tmp_path)
    assert done.returncode == 2
    assert "is empty" in done.stderr


def test_an_empty_key_is_no_reason_not_to_sign(learned, facts, hub):
    done = facts(*PUBLISH, cwd=learned, SCHOOLHOUSE_SIGNING_KEY="")
    assert done.returncode == 2
    assert "SCHOOLHOUSE_SIGNING_KEY: is set, and empty" in done.stderr
    assert hub.refs(REPO)["branches"].keys() == {"main"}
