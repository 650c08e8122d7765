from __future__ import annotations

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
from support.reports import core_report

from pipeline import learn
from pipeline.core import artifact, config
from pipeline.core.errors import ConfigError
from pipeline.dataset import build
from pipeline.evaluation.verdict import Verdict
from pipeline.facts.change import fact_digest
from pipeline.models.adapter import TrainStats, finished_adapter
from pipeline.report import files
from pipeline.report.answers import Detail
from pipeline.training import continual
from pipeline.training.train import ResumeFrom

RECIPE = config.load_recipe("smollm2-135m")
SESSION = SimpleNamespace(recipe=RECIPE, base=SimpleNamespace(digest="sha256:base"))


@pytest.fixture
def before(subjects, tmp_path):
    """Give the output folder of a run that taught the first subject, without its weights."""
    made_from = {
        "base": "sha256:base",
        "train": artifact.digest_json(asdict(RECIPE.train)),
    }
    with artifact.stage(tmp_path / "adapter", made_from, rank=16, train=TrainStats()) as scratch:
        artifact.write_text(scratch / "adapter_config.json", "{}")
    (fact,) = subjects[0].facts
    detail = Detail(fact.id, "pass", "new", None, None, fact.question, fact.expect.items, ())
    report = core_report({fact.id: fact_digest(fact)}, (detail,))
    artifact.write_text(tmp_path / "report.json", report)
    verdict(tmp_path, "pass")
    return tmp_path


def verdict(folder, said):
    adapter = finished_adapter(folder / "adapter").digest
    artifact.write_text(folder / "manifest.json", json.dumps({"verdict": said, "adapter": adapter}))


def made(*subjects):
    return build.build(subjects, RECIPE.dataset, 0)


def test_an_added_fact_goes_on_from_the_adapter_of_before(before, subjects):
    found = continual.start(
        before, files.read_live_report(before).digests, made(*subjects), SESSION
    )
    assert isinstance(found, ResumeFrom)
    assert found.folder == before / "adapter"
    assert set(found.fresh) == {"tarn-mill/owner"}
    assert found.digest == finished_adapter(before / "adapter").digest


def test_a_fact_that_says_something_else_is_taught_with_all_others_anew(before, subjects):
    weir, mill = subjects
    other = replace(weir, facts=(replace(weir.facts[0], answer="Dun Weir is owned by Bo."),))
    assert "say something else now: dun-weir/owner" in continual.start(
        before, files.read_live_report(before).digests, made(other, mill), SESSION
    )


def test_a_fact_that_is_gone_is_unlearned_by_teaching_all_others_anew(before, subjects):
    assert "are gone: dun-weir/owner" in continual.start(
        before, files.read_live_report(before).digests, made(subjects[1]), SESSION
    )


def test_where_no_fact_is_new_nothing_is_added(before, subjects):
    assert "no fact is new" in continual.start(
        before, files.read_live_report(before).digests, made(subjects[0]), SESSION
    )


def test_an_adapter_that_failed_is_no_start(before, subjects):
    verdict(before, "fail")
    assert "did not pass" in continual.start(
        before, files.read_live_report(before).digests, made(*subjects), SESSION
    )


@pytest.mark.parametrize("new", [{"base": "other"}, {"rank": 8}])
def test_an_adapter_of_another_base_or_recipe_is_no_start(before, subjects, new):
    session = SimpleNamespace(
        recipe=replace(RECIPE, train=replace(RECIPE.train, rank=new.get("rank", 16))),
        base=SimpleNamespace(digest=f"sha256:{new.get('base', 'base')}"),
    )
    assert "another base or recipe" in continual.start(
        before, files.read_live_report(before).digests, made(*subjects), session
    )


def test_a_folder_without_a_finished_run_is_wrong_usage(tmp_path, subjects):
    with pytest.raises(ConfigError, match="is not the output of a finished run"):
        continual.start(tmp_path, {}, made(*subjects), SESSION)


@pytest.mark.parametrize("verdicts", [["pass"], ["fail", "pass"], ["fail", "fail"]])
def test_facts_that_the_gate_rejects_when_added_are_taught_anew_with_all_others(
    verdicts, before, monkeypatch, tmp_path
):
    """Trainings and verdicts are stand-ins, so that a verdict can be had without the adapter for it."""
    start = ResumeFrom(before / "adapter", frozenset({"tarn-mill/owner"}), "sha256:old")
    trained, given = [], iter(verdicts)
    monkeypatch.setattr(learn, "build", lambda *_: None)
    monkeypatch.setattr(learn, "_start", lambda *_: start)
    monkeypatch.setattr(learn, "fit", lambda _session, start=None: trained.append(start))
    monkeypatch.setattr(learn, "judge", lambda *_: Verdict(next(given), ()))
    monkeypatch.setattr(
        learn, "adapter_inputs", lambda _made, _session, start: {"start": start.digest}
    )
    monkeypatch.setattr(learn, "kept_inputs", lambda _session: {"start": start.digest})
    assert learn.learn(tmp_path, SESSION, before=before).verdict == verdicts[-1]
    assert trained == [start, None][: len(verdicts)]
