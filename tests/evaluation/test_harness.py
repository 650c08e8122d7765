from __future__ import annotations

import importlib.util
import json

import pytest
from support.acceptance import missing

from pipeline.core.errors import ConfigError, PipelineError
from pipeline.evaluation import harness
from pipeline.models.local_model import LocalModel

HARNESS = importlib.util.find_spec("lm_eval") is not None


@pytest.mark.skipif(HARNESS, reason="lm-eval is installed")
def test_without_the_harness_that_is_said_with_how_to_install_it():
    with pytest.raises(ConfigError, match="lm-evaluation-harness is not installed") as raised:
        harness.compare(LocalModel(None, None), ["arc_easy"])
    assert raised.value.hint == "pip install lm-eval"


@pytest.fixture
def installed():
    if not HARNESS:
        missing("lm-evaluation-harness", "make harness")


@pytest.fixture
def adapted(bare):
    """Give the base with an adapter that does nothing yet."""
    from copy import deepcopy

    from peft import get_peft_model

    from pipeline.models.backends import lora

    model = get_peft_model(deepcopy(bare.model), lora(bare.model, 4, 8))
    return LocalModel(model, bare.tokenizer, adapted=True)


@pytest.mark.acceptance("school")
@pytest.mark.usefixtures("installed")
@pytest.mark.filterwarnings("ignore")
def test_a_task_is_scored_for_both_models(adapted, tmp_path, monkeypatch):
    rows = [{"q": "What is 1 + 1?", "c": ["2", "7 elephants"], "a": 0}] * 4
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task = {
        "task": "sums", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test", "output_type": "multiple_choice", "doc_to_text": "{{q}}",
        "doc_to_choice": "{{c}}", "doc_to_target": "{{a}}",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }  # fmt: skip
    (tmp_path / "sums.yaml").write_text(json.dumps(task), encoding="utf-8")
    import lm_eval
    from lm_eval.tasks import TaskManager

    # The harness looks for tasks in its own folder; the test adds one more to look in.
    simple = lm_eval.simple_evaluate
    manager = TaskManager(include_path=str(tmp_path))
    monkeypatch.setattr(
        lm_eval, "simple_evaluate", lambda **given: simple(**given, task_manager=manager)
    )
    (found,) = harness.compare(adapted, ["sums"])
    assert (found.name, found.metric) == ("sums", "acc")
    assert found.base == found.adapted == 1.0


@pytest.mark.acceptance("school")
@pytest.mark.usefixtures("installed")
@pytest.mark.filterwarnings("ignore")
def test_a_task_that_is_not_there_is_an_error(adapted):
    with pytest.raises(PipelineError, match="cannot be run"):
        harness.compare(adapted, ["no_such_task"])
