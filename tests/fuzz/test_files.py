"""Files that others may have written: each is what it was, or refused; nothing half read goes on."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tomllib
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.mutations import (
    ODD,
    cut_and_flipped,
    drawn,
    edited,
    edits,
    outcome,
    typed,
    variants,
    wrong,
)

from pipeline.core import artifact, config
from pipeline.core.artifact import StageManifest
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.core.json_file import as_json
from pipeline.dataset.records import load_dataset
from pipeline.publishing import provenance, release
from pipeline.report.files import read_live_report
from pipeline.report.shape import ReportCore
from serve import settings
from serve.rollout import desired
from serve.state import adapters as served
from serve.state import alias, journal
from serve.state.alias import Adapter, Table
from serve.state.journal import JournalEntry

DIGEST = artifact.digest_bytes(b"x")
ONE, TWO = (Adapter(f"facts@{n * 12}", f"/state/adapters/{n}", DIGEST) for n in "12")
RECIPE = (config.RECIPES / "smollm2-135m.toml").read_bytes()
SERVE = settings.SHIPPED.read_bytes()
WANTED = f'adapter = "ours/mills@main"\ndigest = "{DIGEST}"\n'.encode()
TOML = (
    b"[gate]\n", b"[gateway]\n", b"[", b"]", b"[[x]]\n", b"{", b"}", b" = ", b'"', b"'''", b"\\u",
    b"nan", b"inf", b"-1",
    b"1e999", b"9" * 5000, b"true", b"2026-01-01", b"[" * 3000, b"{a=" * 3000, b"\n", b"\0", b"\xff", b"#",
)  # fmt: skip


class Files:
    """Real files of each kind, and folders of their own to write wrong ones into."""

    def __init__(self, root, run, live_run):
        self.root, self.run, self.live_run = root, run, live_run
        made = json.loads((run / "adapter" / "manifest.json").read_text())
        names = sorted(release.FILES)
        digests = {name: artifact.digest_bytes(name.encode()) for name in names}
        self.manifest = {
            "made_from": {release.PROVENANCE: digests[release.PROVENANCE]},
            "digest": artifact.digest_json(digests),
            "files": digests,
        }
        self.adapter = made
        self.report = json.loads((run / "report.json").read_text())
        self.live = json.loads((live_run / "report.json").read_text())
        (detail,) = self.live["details"]
        detail |= {"status": "pass", "probes": detail["probes"][:2]}
        self.live["facts"] |= {"digests": {detail["id"]: "0" * 16}}
        self.judged = {key: self.report[key] for key in ReportCore.__dataclass_fields__}
        self.judged["details"] = [
            {**detail, "probes": detail["probes"][:2]} for detail in self.report["details"][:1]
        ]

    def folder(self, name):
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory, _learned_once, live):
    """Give the files, of a run as `facts learn` leaves it and of one for the live side."""
    root = tmp_path_factory.mktemp("files")
    run = shutil.copytree(_learned_once / "build", root / "build")
    return Files(root, run, live.write_run(root / "live", {"Tarn Mill": "Ann Lee"}))


def refused(read, *argv, kind=PipelineError):
    """Read; give what was read, or None when it was refused in words."""
    found, error = outcome(read, *argv, kind=kind)
    assert error is None or error.message
    return found


def assert_manifest(files, raw):
    """Assert that a release's manifest is believed to the byte or not at all."""
    found = refused(release.read_manifest, raw)
    assert (found is not None) == (raw == as_json(files.manifest).encode())


def assert_stage(files, raw):
    """Assert that a stage with another manifest is as it was, or not finished."""
    folder = files.folder("stage")
    (folder / "a").write_bytes(b"a")
    (folder / artifact.MANIFEST).write_bytes(raw)
    read = artifact.read_manifest(folder, StageManifest)
    assert read is None or type(read.digest) is str
    if artifact.finished(folder, files.adapter["made_from"]):
        assert read.digest == artifact.digest_folder(folder)


def assert_alias(files, raw):
    """Assert that an alias table is whole, or the copy beside it is used and that is told."""
    folder = files.folder("alias")
    (folder / alias.LAST_GOOD).unlink(missing_ok=True)
    (folder / alias.FILE).write_bytes(raw)
    alone = refused(alias.read_alias, folder, kind=ConfigError)
    assert alone is None or typed(alone)
    good = Table(3, ONE, TWO, "then")
    (folder / alias.LAST_GOOD).write_bytes(_json(good))
    beside = alias.read_alias(folder)
    assert typed(beside)
    assert beside.table == (alone.table if alone else good)
    assert bool(beside.damage) == (alone is None)


def assert_report(files, raw):
    """Assert that a fetched adapter's report is whole, or refused."""
    adapter = Adapter("facts@1", str(files.root / "state" / "adapters" / "facts@1"), DIGEST)
    file = served.report_file(adapter)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(raw)
    found = refused(served.read_release, adapter)
    assert found is None or typed(found)


def assert_source(files, raw):
    """Assert that nothing is fetched whose report is not the gate's."""
    source = files.root / "live"
    (source / "report.json").write_bytes(raw)
    state = files.folder("deployed")
    found = refused(served.fetch_adapter, source, state, "facts", files.live["base"]["digest"])
    assert found is None or typed(found)


def assert_live(files, raw):
    """Assert that the report of the live adapter is one, or refused."""
    file = files.folder("against") / "report.json"
    file.write_bytes(raw)
    found = refused(read_live_report, file, kind=ConfigError)
    assert found is None or found.digests is not None


JSON = {
    "manifest of a release": (assert_manifest, lambda files: files.manifest),
    "manifest of a stage": (assert_stage, lambda files: files.adapter),
    "alias table": (assert_alias, lambda _: json.loads(_json(Table(3, ONE, TWO, "then")))),
    "report of a fetched adapter": (assert_report, lambda files: files.live),
    "report to be fetched": (assert_source, lambda files: files.live),
    "report of the live adapter": (assert_live, lambda files: files.judged),
}
KINDS = pytest.mark.parametrize("kind", JSON)


@KINDS
@given(data=st.data())
def test_any_json_is_read_as_it_is_or_refused(files, kind, data):
    hold, whole = JSON[kind]
    hold(files, data.draw(wrong(whole(files))))


@KINDS
def test_every_value_of_a_file_may_be_missing_wrong_or_given_twice(files, kind):
    hold, whole = JSON[kind]
    for raw in variants(whole(files)):
        hold(files, raw)


def test_three_thousand_manifests_are_believed_to_the_byte_or_not_at_all(files):
    raw, tried = as_json(files.manifest).encode(), 0
    chance = random.Random(3)
    for each in (*variants(files.manifest), *cut_and_flipped(raw)):
        assert_manifest(files, each)
        tried += 1
    for _ in range(1_000):
        assert_manifest(files, edited(raw, drawn(chance, [text.encode() for text in ODD[:20]])))
        tried += 1
    assert_manifest(files, raw)
    assert tried >= 3_008


@given(changes=edits((b"{", b"}", b"null", b"7", b'"x"', b"\n", b"\0", b"[" * 3000)))
def test_lines_of_a_journal_are_whole_entries_or_not_read(files, changes):
    folder = files.folder("journal")
    (folder / journal.FILE).unlink(missing_ok=True)
    before = Table(3, ONE, TWO, "then")
    for state in ("fetched", "staged", "probed"):
        journal.append(folder, JournalEntry("one", ONE, before, state))
    file = folder / journal.FILE
    file.write_bytes(edited(file.read_bytes(), changes))
    found = journal.read_journal(folder)
    journal.quarantined(found)
    journal.append(folder, JournalEntry("two", TWO, before, "fetched"))
    assert [entry.deploy for entry in journal.read_journal(folder)][-1] == "two"
    assert len(journal.read_journal(folder)) == len(found) + 1


@given(changes=edits(TOML))
def test_any_recipe_is_whole_or_wrong_usage(files, changes):
    file = files.folder("recipe") / "mine.toml"
    file.write_bytes(edited(RECIPE, changes))
    found = refused(config.load_recipe, str(file), kind=ConfigError)
    assert found is None or typed(found)


@given(changes=edits(TOML))
def test_any_settings_are_whole_or_wrong_usage(files, changes):
    file = files.folder("settings") / "serve.toml"
    file.write_bytes(edited(SERVE, changes))
    found = refused(settings.load_settings, file, kind=ConfigError)
    assert found is None or typed(found)


@given(
    key=st.data(),
    odd=st.sampled_from(
        [
            "nan",
            "inf",
            "-inf",
            "-1",
            "9" * 40,
            "9" * 400,
            "9" * 5000,
            "0x" + "f" * 5000,
            "true",
            "[]",
            '"x"',
            "{}",
            "1.5",
        ]
    ),
)
def test_a_recipe_or_settings_with_one_odd_value_are_whole_or_wrong_usage(files, key, odd):
    folder = files.folder("odd")
    for name, raw, read in (
        ("a", RECIPE, config.load_recipe),
        ("b", SERVE, settings.load_settings),
    ):
        lines = raw.decode().splitlines()
        places = [i for i, line in enumerate(lines) if " = " in line and not line.startswith("#")]
        at = key.draw(st.sampled_from(places))
        lines[at] = f"{lines[at].partition(' = ')[0]} = {odd}"
        file = folder / f"{name}.toml"
        file.write_text("\n".join(lines))
        found = refused(read, str(file) if name == "a" else file, kind=ConfigError)
        assert found is None or typed(found)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Give a function that commits the file of the desired state, as bytes; gives the repository."""
    folder = tmp_path_factory.mktemp("desired")
    subprocess.run(["git", "-C", folder, "init", "--quiet"], check=True)
    person = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]

    def commit(raw):
        (folder / "live.toml").write_bytes(raw)
        for argv in (["add", "--all"], [*person, "commit", "--quiet", "--allow-empty", "-mx"]):
            subprocess.run(["git", "-C", folder, *argv], check=True)
        return folder

    return commit


@given(changes=edits(TOML))
def test_any_desired_state_is_whole_or_refused(repository, changes):
    raw = edited(WANTED, changes)
    found = refused(desired.read_desired, repository(raw), "HEAD", "live.toml")
    assert found is None or typed(found)
    if found:
        assert tomllib.loads(raw.decode())["digest"] == found.digest


@pytest.mark.parametrize("name", ["train.jsonl", "probes.jsonl", "subjects.jsonl"])
@given(data=st.data())
def test_any_dataset_is_whole_or_refused(files, name, data):
    folder = files.root / "build" / "dataset"
    whole = (folder / name).read_bytes()
    first, _, rest = whole.partition(b"\n")
    row = data.draw(wrong(json.loads(first))).replace(b"\n", b" ")
    try:
        (folder / name).write_bytes(row + b"\n" + rest)
        refused(load_dataset, folder)
    finally:
        (folder / name).write_bytes(whole)


@given(data=st.data())
def test_a_run_whose_report_was_changed_is_not_published(files, tiny_base, data):
    report = files.root / "build" / "report.json"
    whole = report.read_bytes()
    recipe = config.load_recipe(str(_recipe(files, tiny_base)))
    try:
        report.write_bytes(data.draw(wrong(files.report)))
        assert (
            refused(provenance.read_run, files.root / "build", files.root, recipe, tiny_base)
            is None
        )
    finally:
        report.write_bytes(whole)


def _recipe(files, base):
    file = files.folder("own") / "tiny.toml"
    own = f'name = "Tiny"\nhub = "ours/tiny"\nwheel = ""\nfolder = "{base.folder}"\n'
    file.write_text(f'extends = "smollm2-135m"\n[base]\n{own}')
    return file


def _json(table):
    return (json.dumps(asdict(table), indent=2) + "\n").encode()
