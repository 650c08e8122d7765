"""`facts publish` and `facts publish --promote`, as processes, against a Hub over HTTP."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace

import pytest

from pipeline.core import artifact
from pipeline.core.code_digest import MadeFrom

REPO = "ours/mills"
PUBLISH = ("publish", "--recipe", "tiny.toml", "--to", REPO)
NAMES = {
    "README.md", "adapter_config.json", "adapter_model.safetensors", "base.json", "facts.jsonl",
    "manifest.json", "provenance.json", "report.html", "report.json",
}  # fmt: skip


def files(hub, revision):
    return {n: d for n, d in hub.files(REPO, revision).items() if n != ".gitattributes"}


def test_a_release_goes_to_the_candidate_branch_with_a_tag_and_main_stays(learned, facts, hub):
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 0, done.stderr
    refs = hub.refs(REPO)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=learned, capture_output=True, text=True, check=True
    ).stdout
    commit = refs["branches"]["candidate"]
    assert refs["tags"] == {f"facts-{head.strip()}": commit}
    assert done.stdout == f"{REPO}@{commit}\n"
    assert files(hub, "candidate").keys() == NAMES
    assert files(hub, "main") == {}


def test_promoting_makes_main_what_the_candidate_is_without_an_upload(learned, facts, hub):
    facts(*PUBLISH, cwd=learned)
    hub.received.clear()
    done = facts("publish", "--promote", cwd=learned)
    assert done.returncode == 0, done.stderr
    assert files(hub, "main") == files(hub, "candidate")
    assert hub.received.get("put", 0) == 0
    assert len(hub.history(REPO, "main")) == 2


def test_only_the_release_of_the_live_adapter_is_promoted(learned, facts, hub):
    facts(*PUBLISH, cwd=learned)
    other = artifact.digest_bytes(b"another adapter")
    done = facts("publish", "--promote", "--live", other, cwd=learned)
    assert done.returncode == 1
    assert f"live is {other}" in done.stderr
    assert files(hub, "main") == {}
    live = json.loads(files(hub, "candidate")["provenance.json"])["adapter"]["trained"]
    assert facts("publish", "--promote", "--live", live, cwd=learned).returncode == 0
    assert files(hub, "main") == files(hub, "candidate")


def test_only_a_release_of_these_facts_recipe_and_code_is_promoted(learned, facts, hub):
    facts(*PUBLISH, cwd=learned)
    report = json.loads(files(hub, "candidate")["report.json"])
    made = MadeFrom(report["facts"]["digest"], report["recipe_digest"], report["code"])
    for other in (
        replace(made, facts=artifact.digest_bytes(b"x")),
        replace(made, recipe=artifact.digest_bytes(b"x")),
        replace(made, code=artifact.digest_bytes(b"x")),
    ):
        done = facts("publish", "--promote", "--made", other.digest, cwd=learned)
        assert done.returncode == 1
        assert "was made from other facts, recipe or code" in done.stderr
        assert files(hub, "main") == {}
    assert facts("publish", "--promote", "--made", made.digest, cwd=learned).returncode == 0


def test_main_loses_what_the_new_release_has_not(learned, facts, hub):
    facts(*PUBLISH, cwd=learned)
    facts("publish", "--promote", cwd=learned)
    hub.change(REPO, "main", {"model.sig": b"old", "notes.txt": b"old"})
    done = facts("publish", "--promote", cwd=learned)
    assert done.returncode == 0, done.stderr
    assert files(hub, "main").keys() == NAMES


def test_publishing_and_promoting_again_makes_no_commit_and_sends_nothing(learned, facts, hub):
    said = [facts(*PUBLISH, cwd=learned).stdout, facts("publish", "--promote", cwd=learned).stdout]
    before = hub.refs(REPO)
    hub.received.clear()
    again = [facts(*PUBLISH, cwd=learned).stdout, facts("publish", "--promote", cwd=learned).stdout]
    assert again == said
    assert hub.refs(REPO) == before
    assert sum(hub.received.values()) == 0


def test_an_unchanged_adapter_is_not_published_again_from_another_machine(
    learned, facts, hub, keys
):
    facts(*PUBLISH, cwd=learned, SCHOOLHOUSE_SIGNING_KEY=keys.private)
    before = hub.refs(REPO)
    signature = hub.files(REPO, "candidate")["model.sig"]
    for path in (learned / "build" / "release").iterdir():
        path.unlink()
    (learned / "build" / "published.json").unlink()
    done = facts(*PUBLISH, cwd=learned, SCHOOLHOUSE_SIGNING_KEY=keys.private)
    assert done.returncode == 0, done.stderr
    assert (learned / "build" / "release" / "model.sig").read_bytes() != signature
    assert hub.refs(REPO) == before


def test_when_only_the_card_changed_no_adapter_is_uploaded(learned, facts, hub, commit):
    facts(*PUBLISH, cwd=learned)
    hub.received.clear()
    commit(learned, "Nothing but a new commit")
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 0, done.stderr
    assert len(hub.history(REPO, "candidate")) == 3
    assert len(hub.refs(REPO)["tags"]) == 2
    assert hub.received.get("put", 0) == 0


def test_the_released_adapter_names_the_base_that_is_served(learned, facts, hub):
    facts(*PUBLISH, cwd=learned)
    config = json.loads(files(hub, "candidate")["adapter_config.json"])
    assert config["base_model_name_or_path"] == "ours/tiny"


def test_a_broken_release_folder_is_made_again(learned, facts, hub):
    facts(*PUBLISH, cwd=learned)
    before = hub.refs(REPO)
    release = learned / "build" / "release"
    (release / "extra.bin").write_text("x")
    (release / "facts.jsonl").unlink()
    assert facts(*PUBLISH, cwd=learned).returncode == 0
    assert {path.name for path in release.iterdir()} == NAMES
    assert hub.refs(REPO) == before


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def fail_verdict(root):
    edit(root / "build" / "report.json", '"verdict": "pass"', '"verdict": "fail"')
    resign(root)


def other_adapter(root):
    data = json.loads((root / "build" / "report.json").read_text())
    data["adapter"]["digest"] = "sha256:" + "0" * 64
    (root / "build" / "report.json").write_text(json.dumps(data))
    resign(root)


def resign(root):
    """Let the run's manifest name the report as it is now, as another run's would."""
    from pipeline.core import artifact

    path = root / "build" / "manifest.json"
    data = json.loads(path.read_text())
    data["report"] = artifact.digest_file(root / "build" / "report.json")
    path.write_text(json.dumps(data))


def licence(root):
    edit(root / "facts" / "mills" / "tarn-mill.yaml", "CC-BY-4.0", "CC-BY-SA-4.0")


def edit_adapter(root):
    edit(root / "build" / "adapter" / "adapter_config.json", "q_proj", "k_proj")


def edit_recipe(root):
    edit(root / "tiny.toml", "rank = 16", "rank = 8")


def older_report(root):
    data = json.loads((root / "build" / "report.json").read_text())
    del data["sample_key"]
    (root / "build" / "report.json").write_text(json.dumps(data))
    resign(root)


def edit_report(root):
    edit(root / "build" / "report.json", "pass", "PASS")


def lose_report(root):
    (root / "build" / "report.json").unlink()


def add_file(root):
    (root / "facts" / "new.yaml").write_text("x")


LOCAL = {
    "a failed verdict": (fail_verdict, 1, "did not pass its gate"),
    "a report of another adapter": (other_adapter, 1, "the report is about another adapter"),
    "an edited report": (edit_report, 1, "was changed since"),
    "a report of an older version": (
        older_report,
        1,
        "not a report of this version: missing key 'sample_key'",
    ),
    "no run": (lose_report, 1, "holds no finished run"),
    "an edited adapter": (edit_adapter, 1, "is not a finished adapter"),
    "a dirty work tree": (edit_recipe, 2, "has changes that are in no commit"),
    "a file in no commit": (add_file, 2, "facts/new.yaml"),
}


@pytest.mark.parametrize("case", LOCAL)
def test_what_is_wrong_here_is_said_before_anything_is_written_there(case, learned, facts, hub):
    break_it, code, message = LOCAL[case]
    before = hub.refs(REPO)
    break_it(learned)
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "hint: " in done.stderr
    assert hub.refs(REPO) == before


def test_facts_that_may_not_be_passed_on_under_the_cards_licence_are_not_published(
    learned, facts, hub, commit
):
    licence(learned)
    commit(learned, "Another licence")
    done = facts("build", "--recipe", "tiny.toml", cwd=learned)
    assert done.returncode == 0, done.stderr
    data = json.loads((learned / "build" / "report.json").read_text())
    manifest = json.loads((learned / "build" / "dataset" / "manifest.json").read_text())
    data["facts"]["digest"] = manifest["made_from"]["facts"]
    (learned / "build" / "report.json").write_text(json.dumps(data))
    resign(learned)
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 1
    assert "is under CC-BY-SA-4.0, the release would be under apache-2.0" in done.stderr
    assert hub.calls.count("branch") == 0


def test_facts_that_changed_since_the_run_are_not_published(learned, facts, commit):
    edit(learned / "facts" / "mills" / "tarn-mill.yaml", "Ann Lee", "Ann Low")
    commit(learned, "Sold")
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 1
    assert "facts says something else by now" in done.stderr


REMOTE = {
    "no token": (REPO, "", "there is no token"),
    "a token without write access": (REPO, "hf_reader", "the token may not do this"),
    "an unknown token": (REPO, "hf_stranger", "is no model repository that the token can see"),
    "a repository of another owner": ("theirs/mills", "hf_writer", "the token may not do this"),
    "a dataset": ("ours/data", "hf_writer", "is no model repository"),
    "a repository that is not there": ("ours/none", "hf_writer", "is no model repository"),
    "a repository of another kind": ("ours/model", "hf_writer", "holds 'model.safetensors' and no release"),
    "no repository": ("../mills/x", "hf_writer", "is no repository"),
}  # fmt: skip


@pytest.mark.parametrize("case", REMOTE)
def test_what_is_wrong_there_is_said_with_what_to_do(case, learned, facts, hub):
    repo, token, message = REMOTE[case]
    hub.create("theirs/mills")
    hub.create("ours/data", "datasets")
    hub.create("ours/model", files={"model.safetensors": b"x", "README.md": b"x"})
    done = facts(*PUBLISH[:-1], repo, cwd=learned, HF_TOKEN=token)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "hint: " in done.stderr
    for each in (REPO, "theirs/mills", "ours/data", "ours/model"):
        assert hub.refs(each)["branches"].keys() == {"main"}


def test_trusted_publishing_without_an_identity_says_so(learned, facts):
    done = facts(*PUBLISH, cwd=learned, HF_OIDC_RESOURCE=REPO)
    assert done.returncode == 2
    assert "no token by trusted publishing" in done.stderr


@pytest.mark.parametrize("route", ["refs", "tree", "validate", "commit"])
def test_a_hub_that_answers_html_ends_it_with_a_hint(route, learned, facts, hub, doubles):
    hub.faults.append(doubles.Fault(route, "html", times=99))
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 1, done.stderr
    assert "what answers is not the Hub" in done.stderr
    assert "HF_ENDPOINT" in done.stderr
    assert files(hub, "main") == {}


def test_an_address_that_is_none_ends_it_with_a_hint(learned, facts):
    done = facts(*PUBLISH, cwd=learned, HF_ENDPOINT="hub.example")
    assert done.returncode == 2
    assert "HF_ENDPOINT is no address" in done.stderr


def test_a_revision_that_is_no_release_is_not_promoted(learned, facts, hub):
    facts(*PUBLISH, cwd=learned)
    commit = hub.change(REPO, "candidate", {"facts.jsonl": b"{}\n"})
    done = facts("publish", "--promote", commit, cwd=learned)
    assert done.returncode == 1
    assert "facts.jsonl: was changed" in done.stderr
    assert files(hub, "main") == {}
    assert facts("publish", "--promote", "no-such-tag", cwd=learned).returncode == 2


def test_another_release_of_the_same_commit_does_not_take_its_tag(learned, facts, hub):
    facts(*PUBLISH, cwd=learned)
    tag = next(iter(hub.refs(REPO)["tags"]))
    refs = hub.refs(REPO)
    refs["tags"][tag] = hub.change(REPO, "candidate", {"README.md": b"other"})
    hub.save(REPO, refs)
    done = facts(*PUBLISH, cwd=learned)
    assert done.returncode == 1
    assert f"the tag {tag} is on another release" in done.stderr


def test_two_publishers_at_once_leave_one_whole_release_and_the_other_is_told(
    learned, facts, hub, start, doubles, commit, tmp_path
):
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", str(learned), str(other)], check=True)
    commit(other, "Another commit")
    hub.faults += [doubles.Fault("commit", "slow"), doubles.Fault("commit", "slow")]
    both = [start(hub, *PUBLISH, cwd=root) for root in (learned, other)]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]
    assert sorted(code for _, code in ended) == [0, 1]
    assert any("was changed meanwhile" in err for (_, err), _ in ended)
    assert len(hub.history(REPO, "candidate")) == 2
    assert files(hub, "candidate").keys() == NAMES
    loser = learned if ended[0][1] else other
    assert facts(*PUBLISH, cwd=loser).returncode == 0
    assert len(hub.history(REPO, "candidate")) == 3


def test_the_card_lists_every_fact_and_no_text_of_a_fact_acts_in_it(learned, facts, hub):
    facts(*PUBLISH, cwd=learned)
    card = files(hub, "candidate")["README.md"].decode()
    assert "| ``A register \\| with `signs` in it`` |" in card
    assert len(re.findall(r"^\| `[a-z-]+/[a-z]+` ", card, re.MULTILINE)) == 3
    assert "base_model: ours/tiny" in card
