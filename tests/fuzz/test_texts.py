"""Texts of strangers through every escape: on terminals, in logs, in Markdown and in HTML none can act."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import texts

from pipeline.ci import stale_facts
from pipeline.core import config, escape, problems
from pipeline.core.errors import Problem, Where
from pipeline.core.json_file import read_json
from pipeline.models.machine import Machine
from pipeline.publishing import model_card
from pipeline.publishing.contents import Provenance, ReleasedFact
from pipeline.report.files import report_as_html
from pipeline.report.markdown import report_as_markdown
from pipeline.report.shape import Report
from pipeline.report.terminal import report_as_text

LIMITS = (2, 40, 1000)
QUIET = "Somebody owns it_"
"""A text that cannot act, and that Markdown gets as code like those that could."""
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
BASE = replace(config.load_recipe("smollm2-135m").base, name="Tiny", hub="ours/tiny")


class Sample:
    """A report in which something of everything happened, and how it looks with texts that cannot act."""

    def __init__(self, data):
        self.data = data
        self.quiet = formats(texts.filled(data, [QUIET]))

    def assert_same(self, said):
        """Assert that these texts change nothing but themselves in any format of it."""
        assert_same_shape(formats(texts.filled(self.data, said)), self.quiet)


@pytest.fixture(scope="module")
def sample(_learned_once):
    """Give the report to fill with texts."""
    raw = (_learned_once / "build" / "report.json").read_bytes()
    return Sample(texts.complete(read_json(Report, raw, more=True)))


def formats(data):
    """Write a report in every format."""
    return {
        "text": report_as_text(data),
        "markdown": report_as_markdown(data),
        "html": report_as_html(data),
        "card": write_card(data),
    }


def write_card(data):
    """Write the card of a release whose facts and machine say what the report's texts say."""
    facts = [
        ReleasedFact(each.id, "", text, text, (), text, "", "pass", 0, 0)
        for each in data.details
        for text in (each.question,)
    ]
    text = facts[0].question
    commit, base = {"commit": "0" * 40, "url": ""}, {"name": text, "digest": "sha256:0"}
    machine = Machine(processor=text, gpu=text, versions={text: text})
    provenance = Provenance(1, commit, "", {}, "", base, 0, machine, {}, {})
    return model_card.write_card("ours/mills", BASE, provenance, facts, data)


def assert_shown(text, *, breaks=False):
    """Assert that a terminal, a log and a file take the text for text."""
    assert (text.replace("\n", "") if breaks else text).isprintable()
    assert "##[" not in text
    text.encode()


def assert_span(span, limit):
    """Assert that Markdown takes all of it for one code span, or for the word that says nothing was there."""
    if span == "(nothing)":
        return
    found = SPAN.fullmatch(span)
    assert found
    assert found[1] not in re.findall("`+", found[2])
    assert len(found[2].strip()) <= limit
    assert_shown(found[2])


def assert_escaped(text):
    """Assert what each escape promises of one text."""
    for limit in LIMITS:
        plain = escape.plain(text, limit)
        assert_shown(plain)
        assert len(plain) <= limit
        assert_span(escape.code(text, limit), limit)
        cell = escape.cell(text, limit)
        assert cells(f"| {cell} |") == 1
        assert_span(cell.replace(r"\|", "|"), limit)
        words = escape.words(text, limit)
        assert SPAN.fullmatch(words) or re.fullmatch(r"[A-Za-z0-9 .,:;()/%-]*…?|\(nothing\)", words)
    lines = escape.lines(text)
    assert lines.count("\n") == text.count("\n")
    assert lines.replace("\n", "").isprintable()


def assert_told(text):
    """Assert what holds of problems in which a text stands."""
    told = [Problem(Where(text, 1, 2), text, text, text), Problem(Where(text), "x", text)]
    shown = problems.as_text(told)
    assert len(shown.split("\n")) == 5
    assert shown.replace("\n", "").isprintable()
    log = problems.as_github(told)
    assert re.fullmatch(r"(::error (\w+=[^:,\n]*,?)+::[^\r\n]*\n){2}", log)
    assert log.replace("\n", "").isprintable()
    kept = json.loads(problems.as_json(told))["problems"][1]["message"]
    # Halves of a pair that stand side by side are, to JSON, the pair.
    assert kept.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")
    gone = stale_facts.stale_as_markdown((), [stale_facts.Broken(text, text, (text, text))])
    assert [cells(line) for line in gone.splitlines() if line.startswith("|")] == [3, 3, 3]


def cells(line):
    """Count the cells of a row of a Markdown table: a bar that follows no backslash divides."""
    assert line.startswith("|")
    assert line.endswith("|")
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def shape(markdown):
    """Give of each line of Markdown how it begins and how many cells it has."""
    return [
        (re.match(r"#+ |- |```|---|\||", line)[0], cells(line) if line.startswith("|") else 0)
        for line in markdown.split("\n")
    ]


def assert_same_shape(said, quiet):
    """Assert that the texts in a report changed nothing but themselves, in any format."""
    assert_shown(said["text"], breaks=True)
    assert not any(line.lstrip().startswith("::") for line in said["text"].split("\n"))
    assert said["text"].count("\n") == quiet["text"].count("\n")
    for name in ("markdown", "card"):
        assert shape(said[name]) == shape(quiet[name])
        assert said[name].replace("\n", "").isprintable()
        # The card begins with lines for the Hub, and has lines for a shell; release's tests read those.
        prose = re.sub(
            r"```\w+\n.*?\n```", "", said[name].rpartition("\n---\n")[2], flags=re.DOTALL
        )
        outside = SPAN.sub("", prose)
        assert not re.search(r"[<>@!`$\x1b]|\]\[|::|www\.|GH-\d|\\(?!\|)", outside)
    assert texts.Page(said["html"]).tags == texts.Page(quiet["html"]).tags
    assert said["html"].replace("\n", "").isprintable()


@given(text=texts.hostile)
@example(text="::error::x")
@example(text="\\|")
@example(text="\ud800\udfff")
@example(text="`" * 50)
def test_no_text_can_act_through_any_escape(text):
    assert_escaped(text)
    assert_told(text)


@given(said=st.lists(texts.hostile, min_size=1, max_size=30))
def test_no_text_can_act_in_any_format_of_a_report(said, sample):
    sample.assert_same(said)


def test_eight_thousand_texts_act_through_no_escape_and_in_no_report(sample):
    chance, tried = random.Random(8), 0
    room = texts.places(sample.data)
    while tried < 8_000:
        said = [texts.draw(chance) for _ in range(room)]
        for text in said:
            assert_escaped(text)
            assert_told(text)
        sample.assert_same(said)
        tried += room
    assert tried >= 8_000
