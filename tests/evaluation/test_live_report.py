from __future__ import annotations

import pytest
from support.reports import core_report

from pipeline.core.errors import ConfigError
from pipeline.evaluation.results import LiveReport
from pipeline.facts.fact import Expect
from pipeline.report.answers import AskedProbe, Detail
from pipeline.report.files import read_live_report


@pytest.mark.parametrize("as_folder", [True, False])
def test_a_report_is_read_by_its_name_or_its_folder(tmp_path, as_folder):
    probe = AskedProbe(
        "p?", "direct", None, "x", passed=False, base_passed=False, ended=True, competing=()
    )
    detail = Detail("a/b", "known", "new", None, None, "p?", (("x", "y"),), (probe,))
    file = tmp_path / "report.json"
    file.write_text(core_report({"a/b": "0123"}, (detail,)), encoding="utf-8")
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
