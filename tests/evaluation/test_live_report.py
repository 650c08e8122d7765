from __future__ import annotations

import json

import pytest

from pipeline.core.errors import ConfigError
from pipeline.evaluation.live_report import LiveReport, read_live_report
from pipeline.facts.fact import Expect


@pytest.mark.parametrize("as_folder", [True, False])
def test_a_report_is_read_by_its_name_or_its_folder(tmp_path, as_folder):
    detail = {"id": "a/b", "status": "known", "expect": [["x", "y"]],
              "probes": [{"prompt": "p?", "passed": False}]}  # fmt: skip
    data = {"facts": {"digests": {"a/b": "0123"}}, "details": [detail]}
    file = tmp_path / "report.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    live = read_live_report(tmp_path if as_folder else file)
    assert live == LiveReport(
        {"a/b": "0123"}, {"a/b": True}, {"a/b": Expect((("x", "y"),))}, {"a/b": {"p?": False}}
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"facts": {}, "details": []}', '{"details": [1], "facts": 2}']
)
def test_what_is_no_report_is_refused(tmp_path, text):
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="is not a report of an adapter"):
        read_live_report(tmp_path)


def test_a_report_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is not a report of an adapter"):
        read_live_report(tmp_path / "nowhere.json")
