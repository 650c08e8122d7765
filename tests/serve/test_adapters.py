from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from pipeline.core.chat import Turn
from pipeline.core.errors import PipelineError
from pipeline.facts.fact import Expect
from pipeline.facts.matching import contains
from pipeline.models import identity
from serve.rollout import canary
from serve.state import adapters

MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe"}


@pytest.fixture
def run(live, tmp_path):
    return live.write_run(tmp_path / "run", MILLS)


def fetch(live, source, tmp_path):
    return adapters.fetch_adapter(source, tmp_path / "state", "facts", live.BASE)


def test_an_adapter_is_named_by_its_digest_and_knows_what_it_was_taught(live, run, tmp_path):
    found = fetch(live, run, tmp_path)
    assert found.adapter.name == f"facts@{found.adapter.digest[7:]}"
    assert Path(found.adapter.folder).is_absolute()
    assert {fact.id: fact.expect for fact in found.facts}["Tarn Mill"] == Expect((("Ann Lee",),))
    assert adapters.read_release(found.adapter) == found
    adapters.verify_adapter(found.adapter)


def test_fetching_the_same_adapter_again_leaves_its_files_alone(live, run, tmp_path):
    first = fetch(live, run, tmp_path)
    before = {p: p.stat().st_mtime_ns for p in Path(first.adapter.folder).iterdir()}
    assert fetch(live, run, tmp_path) == first
    assert {p: p.stat().st_mtime_ns for p in Path(first.adapter.folder).iterdir()} == before


def test_a_published_release_is_the_adapter_that_was_trained(signed, tiny_identity, tmp_path):
    found = adapters.fetch_adapter(signed, tmp_path / "state", "facts", tiny_identity)
    assert (
        found.adapter.digest
        == json.loads((signed / "report.json").read_text())["adapter"]["digest"]
    )
    for name in identity.FILES:
        assert (Path(found.adapter.folder) / name).read_bytes() == (signed / name).read_bytes()
    adapters.verify_adapter(found.adapter)


def test_wordings_that_the_gate_saw_missed_are_asked_last(live, run, tmp_path):
    report = json.loads((run / "report.json").read_text())
    report["details"][0]["probes"][0]["passed"] = False
    live.keep_report(run, report)
    found = fetch(live, run, tmp_path)
    assert found.facts[0].prompts[-1] == report["details"][0]["probes"][0]["prompt"]


def test_a_fact_is_asked_as_the_gate_asked_it_behind_its_turns_and_for_as_long(live, run, tmp_path):
    report = json.loads((run / "report.json").read_text())
    detail = report["details"][0]
    detail["expectation"] = asdict(Expect((("Ann Lee",),), "de", instead=((("Ida Roe",),),)))
    asked = detail["probes"][0]
    asked |= {
        "before": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    }
    asked |= {"adapted": "word " * 40, "passed": True}
    live.keep_report(run, report)
    fact = fetch(live, run, tmp_path).facts[0]
    assert fact.prompts[0] == (
        Turn("user", "Hi"), Turn("assistant", "Hello"), Turn("user", asked["prompt"]),
    )  # fmt: skip
    assert fact.longest == 200
    assert contains("It is Ida Roe.", fact.expect)
    assert fact.expect.language == "de"
    plan = canary.plan(adapters.read_release(fetch(live, run, tmp_path).adapter), None)
    assert plan.limits(40)[fact.prompts[0]] == 200
    assert {plan.limits(40)[prompt] for each in plan.changed[1:] for prompt in each.prompts} == {40}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"adapter": {"digest": "sha256:../../x"}}', '{"adapter": {"digest": 7}}',
     '{"adapter": {"digest": "sha256:' + "0" * 64 + '"}, "verdict": "pass", "base": {"digest": ""}, '
     '"facts": {}, "details": []}'],
)  # fmt: skip
def test_a_report_that_is_none_is_told_and_nothing_is_written(live, run, tmp_path, text):
    (run / "report.json").write_text(text)
    with pytest.raises(PipelineError, match="is not a report of the gate"):
        fetch(live, run, tmp_path)
    assert not (tmp_path / "state").exists()


def test_a_report_edited_after_the_gate_is_refused(live, run, tmp_path):
    file = run / "report.json"
    file.write_text(file.read_text().replace("Ann Lee", "Una Fox"))
    with pytest.raises(adapters.RefusedError, match="was changed since the gate wrote it"):
        fetch(live, run, tmp_path)


def test_a_folder_that_was_changed_or_is_gone_is_noticed_before_it_is_loaded(live, run, tmp_path):
    adapter = fetch(live, run, tmp_path).adapter
    weights = Path(adapter.folder) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(PipelineError, match="was changed since it was fetched"):
        adapters.verify_adapter(adapter)
    shutil.rmtree(adapter.folder)
    with pytest.raises(PipelineError, match="has vanished"):
        adapters.verify_adapter(adapter)
