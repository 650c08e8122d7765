"""`facts pull`: what arrives is what was published, or nothing does and the file is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.core import artifact
from pipeline.core.errors import PublishError
from pipeline.core.json_file import as_json
from pipeline.publishing import release
from pipeline.publishing.download import LARGEST, MIB, OTHERS, WHOLE
from pipeline.publishing.signing import Trust

REPO = "ours/mills"
PUBLISH = ("publish", "--recipe", "tiny.toml", "--to", REPO)


def pull(facts, tmp_path, *more):
    return facts("pull", *more, cwd=tmp_path)


def left(tmp_path):
    folder = tmp_path / "adapters"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_release_arrives_whole_in_a_folder_named_by_its_digest(published, facts, tmp_path, keys):
    done = pull(facts, tmp_path, REPO, "--key", keys.public)
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == published
    digest = json.loads(published["manifest.json"])["digest"]
    assert folder.name == f"mills@{digest.removeprefix('sha256:')}"
    assert f"vllm serve ours/tiny --enable-lora --lora-modules facts={folder}" in done.stderr
    assert left(tmp_path) == [folder.name]


@pytest.mark.usefixtures("published")
def test_a_release_that_is_there_is_not_fetched_again(facts, tmp_path, hub):
    first = pull(facts, tmp_path, REPO)
    hub.calls.clear()
    assert pull(facts, tmp_path, f"{REPO}@candidate").stdout == first.stdout
    assert hub.calls.count("file") == 1


@pytest.mark.usefixtures("published")
def test_by_whom_it_is_signed_is_said_to_be_unchecked_when_nobody_asks(facts, tmp_path):
    assert "by whom was not checked" in pull(facts, tmp_path, REPO).stderr


@pytest.mark.parametrize("name", sorted({*release.FILES, "manifest.json", "model.sig"}))
def test_one_byte_changed_on_the_hub_is_refused_and_the_file_is_named(
    name, published, facts, tmp_path, hub
):
    data = bytearray(published[name])
    data[len(data) // 2] ^= 1
    hub.change(REPO, "main", {name: bytes(data)})
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2].startswith(f"facts: {name}: ")
    assert left(tmp_path) == []


def test_one_byte_changed_anywhere_in_any_file_is_found(signed, tmp_path):
    folder = tmp_path / "release"
    shutil.copytree(signed, folder)
    assert release.check_release(folder, Trust())
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for place in range(0, len(data), max(1, len(data) // 40)):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            with pytest.raises(PublishError) as caught:
                release.check_release(folder, Trust())
            assert caught.value.message.startswith(f"{path.name}: ")
        path.write_bytes(data)


@pytest.mark.usefixtures("published")
def test_one_byte_changed_on_the_way_is_refused_and_the_file_is_named(
    facts, tmp_path, hub, doubles
):
    hub.faults.append(doubles.Fault("file", "flip", "after", nth=4))
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 1
    assert "adapter_config.json: was changed" in done.stderr
    assert left(tmp_path) == []


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evil.py": b"x"}, "evil.py: is no part of the release"),
        ({"adapter_model.bin": b"x"}, "adapter_model.bin: is no part of the release"),
        ({"facts.jsonl": None}, "facts.jsonl: is missing"),
        ({"model.sig": None}, "model.sig: is missing"),
        ({"manifest.json": None}, "holds no release"),
        ({"manifest.json": b"<html>"}, "manifest.json: is not the manifest"),
        ({"manifest.json": b'{"files": {"../x": 1}}'}, "manifest.json: is not the manifest"),
        ({"manifest.json": b"[" * 100_000}, "manifest.json: is not the manifest"),
    ],
)
def test_other_files_than_the_manifest_names_are_refused(changes, message, facts, tmp_path, hub):
    hub.change(REPO, "main", changes)
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 1, done.stderr
    assert message in done.stderr
    assert "hint: " in done.stderr
    assert left(tmp_path) == []


def forged(files):
    """Change a fact and let the manifest agree."""
    files = {**files, "facts.jsonl": files["facts.jsonl"].replace(b"Ann Lee", b"Eve Lee")}
    digests = {
        n: artifact.digest_bytes(d) for n, d in sorted(files.items()) if n != "manifest.json"
    }
    whole = {
        "made_from": {"provenance.json": digests["provenance.json"]},
        "digest": artifact.digest_json(digests),
        "files": digests,
    }
    files["manifest.json"] = as_json(whole).encode()
    return files


def test_a_change_that_the_manifest_agrees_with_is_found_by_the_signature(
    published, facts, tmp_path, hub, keys
):
    hub.change(REPO, "main", forged(published))
    done = pull(facts, tmp_path, REPO, "--key", keys.public)
    assert done.returncode == 1
    assert "model.sig: does not hold" in done.stderr
    assert "facts.jsonl" in done.stderr
    assert left(tmp_path) == []


def test_an_unsigned_release_is_refused_when_a_signature_is_asked_for(
    learned, facts, tmp_path, keys
):
    facts(*PUBLISH, cwd=learned)
    done = pull(facts, tmp_path, f"{REPO}@candidate", "--key", keys.public)
    assert done.returncode == 1
    assert "model.sig: is missing" in done.stderr


def test_a_signature_of_somebody_else_is_refused(signed, tmp_path, make_keys):
    with pytest.raises(PublishError, match=r"model.sig: does not hold"):
        release.check_release(signed, Trust(Path(make_keys(tmp_path).public)))


@pytest.mark.usefixtures("published")
def test_what_is_no_key_is_wrong_usage(facts, tmp_path):
    (tmp_path / "key.pem").write_text("x")
    done = pull(facts, tmp_path, REPO, "--key", "key.pem")
    assert done.returncode == 2
    assert "is no public key" in done.stderr


@pytest.mark.usefixtures("published")
def test_an_identity_is_not_trusted_for_a_key_or_without_sigstore(facts, tmp_path):
    done = pull(facts, tmp_path, REPO, "--identity", "https://example.org/workflow")
    assert done.returncode in (1, 2)
    assert "hint: " in done.stderr
    assert left(tmp_path) == []


def test_what_is_no_key_signs_nothing(learned, facts, tmp_path, hub):
    (tmp_path / "key.pem").write_text("x")
    done = facts(*PUBLISH, cwd=learned, SCHOOLHOUSE_SIGNING_KEY=str(tmp_path / "key.pem"))
    assert done.returncode == 2
    assert "cannot be signed" in done.stderr
    assert hub.refs(REPO)["branches"].keys() == {"main"}


@pytest.mark.usefixtures("published")
def test_a_pulled_folder_that_was_changed_is_not_given_again(facts, tmp_path):
    folder = Path(pull(facts, tmp_path, REPO).stdout.strip())
    (folder / "adapter_config.json").write_text("{}")
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 1
    assert f"{folder.name}: adapter_config.json: was changed" in done.stderr


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("ours/none", "is no model repository"),
        (f"{REPO}@v9", "has no revision 'v9'"),
        (REPO + "@" + "0" * 40, "has no revision"),
        ("mills", "is no repository"),
        ("ours/../mills", "is no repository"),
    ],
)
def test_a_reference_to_nothing_is_wrong_usage(ref, message, facts, tmp_path):
    done = pull(facts, tmp_path, ref)
    assert done.returncode == 2
    assert message in done.stderr
    assert left(tmp_path) == []


def test_an_empty_repository_holds_no_release(facts, tmp_path):
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 1
    assert "holds no release" in done.stderr


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("how", ["truncate", "500", "429", "drop", "slow"])
@pytest.mark.parametrize("route", ["info", "tree", "file"])
def test_a_hub_that_fails_for_a_while_is_asked_again(how, route, facts, tmp_path, hub, doubles):
    when = "after" if how == "truncate" else "before"
    hub.faults.append(doubles.Fault(route, how, when))
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("published")
def test_a_place_that_cannot_be_written_is_wrong_usage(facts, tmp_path):
    (tmp_path / "file").write_text("")
    done = pull(facts, tmp_path, REPO, "--into", "file/adapters")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("name", "size"),
    [(each, most + 1) for each, most in LARGEST.items()]
    + [(each, OTHERS + 1) for each in ("README.md", "facts.jsonl", "report.html", "report.json")],
)
def test_a_file_listed_as_larger_than_a_release_has_it_is_refused_before_a_byte_is_fetched(
    name, size, facts, tmp_path, hub
):
    hub.sizes[name] = size
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 1
    assert f"{REPO}: {name} has {size} bytes, a release's at most {size - 1}" in done.stderr
    assert "hint: " in done.stderr
    assert "file" not in hub.calls
    assert left(tmp_path) == []


@pytest.mark.usefixtures("published")
def test_files_that_are_too_much_together_are_refused_before_a_byte_is_fetched(
    facts, tmp_path, hub
):
    hub.sizes = {"adapter_model.safetensors": 4096 * MIB}
    hub.sizes |= dict.fromkeys(("README.md", "facts.jsonl", "report.html", "report.json"), OTHERS)
    hub.sizes["manifest.json"] = 1
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 1
    assert f"bytes, a release's at most {WHOLE}" in done.stderr
    assert "file" not in hub.calls


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("name", ["manifest.json", "facts.jsonl", "adapter_model.safetensors"])
def test_what_a_lying_listing_would_bring_is_cut_off_at_what_it_said(name, facts, tmp_path, hub):
    hub.sizes[name] = 10
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 1
    assert f"{REPO}: {name}: is larger than the Hub's listing says (10 bytes)" in done.stderr
    assert left(tmp_path) == []


def test_no_more_than_the_bound_is_written_whatever_comes(tmp_path):
    from pipeline.publishing import hub

    with pytest.raises(PublishError, match="is larger than"):
        hub._keep(tmp_path / "x", 100, iter([b"x" * 64] * 10**6), "it")  # noqa: SLF001
    assert (tmp_path / "x").stat().st_size <= 100


@pytest.mark.usefixtures("published")
def test_a_pulled_folder_that_holds_another_release_is_not_given_under_its_name(
    facts, tmp_path, learned
):
    place = Path(pull(facts, tmp_path, REPO).stdout.strip())
    assert facts(*PUBLISH, cwd=learned).returncode == 0  # the same run, unsigned
    other = Path(pull(facts, tmp_path, f"{REPO}@candidate").stdout.strip())
    assert other != place
    shutil.rmtree(place)
    other.rename(place)
    done = pull(facts, tmp_path, REPO)
    assert done.returncode == 1
    assert "holds another release than its name says" in done.stderr
