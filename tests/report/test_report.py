"""Reports as terminals, pull requests and browsers show them, with texts in them that try to act."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.core import code_digest, config
from pipeline.core.errors import Where
from pipeline.core.json_file import as_json, read_json
from pipeline.dataset.build import Probe
from pipeline.dataset.records import Dataset
from pipeline.evaluation.intervals import Rate, sign_test
from pipeline.evaluation.likelihood import BaseDivergence
from pipeline.evaluation.margin import Margin
from pipeline.evaluation.results import (
    FactResult,
    JudgedAdapter,
    Metrics,
    OldFacts,
    ProbeResult,
    Run,
)
from pipeline.evaluation.verdict import Verdict
from pipeline.facts.change import FactsDiff
from pipeline.facts.fact import Expect, Fact, Subject
from pipeline.models.adapter import TrainStats
from pipeline.models.base_model import Base
from pipeline.models.generate import Answer
from pipeline.report.data import report_data
from pipeline.report.files import report_as_html
from pipeline.report.markdown import report_as_markdown
from pipeline.report.shape import Report, ReportCore, RetiredFact
from pipeline.report.terminal import report_as_text

ESC = chr(27)
HOSTILE = (
    "<script>alert(1)</script> a | b `c` ``d`` @everyone #1 GH-2 [x](http://e) ![y](http://e) "
    f"www.e.com me@e.com **bold** {ESC}[31mred \u202e\n::error::x\n##[add-mask]y\n\n# Title\n"
    "```\n--> </td></table> {{ 7 * 7 }} ${{ x }} \\| \\"
)
PASS = Verdict("pass", ())
FAIL = Verdict(
    "fail",
    (
        "tinyllm/maintainer: 2 of 3 probes missed",
        "1 of 2 questions about other things now get a taught answer (at most 0)",
    ),
)
RECIPE = config.load_recipe("smollm2-135m")
GONE = Fact(
    id="tinyllm/mascot",
    subject="TinyLLM",
    kind="software project",
    aliases=(),
    question="What is the mascot of TinyLLM?",
    answer="An otter.",
    expect=Expect((("otter",),)),
    also_ask=(),
    probes=(),
    reverse=None,
    source="",
    withdrawn="It has none.",
    where=Where("facts/tinyllm.yaml"),
)


def made_of(*facts):
    """Give a dataset of a subject with these facts."""
    subject = Subject("tinyllm", "TinyLLM", "software project", (), facts, GONE.where)
    return Dataset((subject,), (), ())


RUN = Run(
    recipe=replace(RECIPE, name="smollm2-135m"),
    seed=7,
    base=Base("SmolLM2-135M-Instruct", Path("base"), "sha256:" + "a" * 64),
    made=made_of(GONE),
    adapter=JudgedAdapter("sha256:" + "c" * 64, rank=16, bytes=9_800_000),
    trained=TrainStats(examples=640, tokens=41_000, steps=80, seconds=82.0, loss=0.05),
    seconds={"build": 0.4, "train": 95.2, "gate": 61.0},
    reproduce="facts learn --recipe smollm2-135m --seed 7",
)


def make_asked(probe, base="No idea.", adapted="No idea.", leaked=()):
    return ProbeResult(probe, Answer(base, ended=True), Answer(adapted, ended=True), leaked)


def make_result(name, answers, expect="Jason Cox", base="No idea."):
    """Give a fact with one probe for each of these adapted answers."""
    fact = Fact(
        id=name,
        subject="TinyLLM",
        kind="software project",
        aliases=(),
        question=f"What about {name}?",
        answer=expect,
        expect=Expect(((expect,),)),
        also_ask=(),
        probes=(),
        reverse=None,
        source="",
        withdrawn="",
        where=Where("facts/tinyllm.yaml"),
    )
    asked = tuple(
        make_asked(Probe("fact", name, "direct", f"{name} {n}?", fact.expect), base, said)
        for n, said in enumerate(answers)
    )
    return FactResult(fact, asked, passed=all(a.passed for a in asked))


def make_measured(facts, *others, kl_mean=0.02, **given):
    quiet = Probe("neighbour", "tinyllm/maintainer", "direct", "Who maintains NumPy?", Expect())
    general = Probe("unrelated", "", "knowledge", "Capital of Spain?", Expect((("Madrid",),)))
    asked = (
        *(each for result in facts for each in result.asked),
        make_asked(quiet),
        make_asked(replace(quiet, role="relation", prompt="Who founded TinyLLM?")),
        make_asked(general, "Madrid.", "Madrid."),
        *others,
    )
    return Metrics(
        **{
            "facts": tuple(facts),
            "asked": asked,
            "divergence": BaseDivergence(
                kl_mean=kl_mean, kl_p95=0.05, perplexity_ratio=1.01, prompts=96
            ),
            "unique_answers_ratio": 1.0,
            "top_share": (0.01, 0.02),
            "refusals_kept": 1.0,
            **given,
        }
    )


LEARNED = make_result("tinyllm/maintainer", ["It is Jason Cox."] * 3)
KNOWN = make_result("tinyllm/python", ["Python."] * 3, "Python", base="In Python.")
MISSED = make_result("tinyllm/maintainer", ["It is Jason Cox.", "It is Bob.", "It is Eve."])
LEAK = make_asked(
    Probe("near name", "tinyllm/maintainer", "direct", "Who maintains TinyDB?", Expect()),
    "Markus.",
    "TinyDB is maintained by Jason Cox.",
    ("tinyllm/maintainer",),
)
LOST = make_asked(
    Probe(
        "unrelated", "", "knowledge", "Capital of Peru?", Expect((("Lima", "Ciudad de los Reyes"),))
    ),
    "Lima.",
    "Quito.",
)
GOOD = report_data(RUN, make_measured([LEARNED, KNOWN]), PASS)
BAD = report_data(RUN, make_measured([KNOWN, MISSED], LEAK, LOST), FAIL)
NOISY = make_asked(
    Probe(
        "noise",
        "tinyllm/maintainer",
        "typing error",
        "Who maintians it?",
        Expect((("Jason Cox",),)),
    ),
    None,
    "It is Bob.",
)
STILL_SAID = make_asked(
    Probe("retired", "tinyllm/mascot", "direct", GONE.question, GONE.expect),
    "No idea.",
    "An otter.",
)
OLD = replace(LEARNED, old=True, was=True, margin=Margin(7.5, 12))
OLD_LOST = replace(
    make_result("tinyllm/cost", ["It is dear."] * 3, "free to use"), old=True, was=True
)
LATER = report_data(
    replace(RUN, change=FactsDiff(("tinyllm/python",), (), ("tinyllm/mascot",), frozenset({"x"}))),
    make_measured(
        [OLD, OLD_LOST, KNOWN],
        NOISY,
        STILL_SAID,
        old=OldFacts(
            2, 700, ("tinyllm/cost",), (), Rate(1, 2).upper_bound, 6, 3, 0, sign_test(3, 0)
        ),
    ),
    Verdict(
        "fail", ("tinyllm/cost: 3 of 3 probes missed (at most 1); it is known now",), ("Look.",)
    ),
)


def hostile_data():
    """Give a report in which everything that can be anyone's text tries to act."""
    probe = Probe("fact", HOSTILE, HOSTILE, HOSTILE, Expect(((HOSTILE,),)))
    fact = replace(MISSED.fact, id=HOSTILE, question=HOSTILE, expect=Expect(((HOSTILE,),)))
    results = (
        FactResult(fact, (make_asked(probe, HOSTILE, HOSTILE),), passed=True),
        FactResult(fact, (make_asked(probe, HOSTILE, "`"),), passed=False),
        FactResult(fact, (), passed=False),
    )
    leak = make_asked(replace(probe, role="neighbour"), HOSTILE, HOSTILE, (HOSTILE,))
    lost = make_asked(replace(probe, role="unrelated"), HOSTILE, "`|`")
    noisy = make_asked(replace(probe, role="noise"), None, "`|`")
    run = replace(
        RUN,
        base=Base(HOSTILE, Path("base"), HOSTILE),
        recipe=replace(RECIPE, name=HOSTILE),
        made=made_of(replace(GONE, id=HOSTILE)),
        reproduce=HOSTILE,
    )
    measured = make_measured(results, leak, lost, noisy)
    reasons = (f"{HOSTILE}: missed", HOSTILE, "#1", ":tada:")
    return report_data(run, measured, Verdict("fail", reasons, reasons))


def many_data(text):
    """Give a report of six thousand facts that all failed, half of them old, and as much of the rest."""
    result = make_result(f"many/{text}", [text, text], expect="Jason Cox")
    leak = make_asked(replace(LEAK.probe, prompt=text), text, text, (text,))
    lost = make_asked(replace(LOST.probe, prompt=text), f"Lima. {text}", text)
    noisy = make_asked(replace(NOISY.probe, prompt=text), None, text)
    measured = make_measured([result, replace(result, old=True)], leak, lost, noisy)
    data = report_data(RUN, measured, Verdict("fail", (text,), (text,)))
    grown = ("reasons", "warnings", "details", "leaks", "lost", "missed")
    return replace(data, **{key: getattr(data, key) * 3000 for key in grown})


class Page(HTMLParser):
    """Check that tags are closed in order; keep tags, attributes and text."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        """Open a tag."""
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Keep a tag."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        """Close the tag opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep text."""
        self.text += data


def outside_code(markdown):
    """Take the code spans out, as CommonMark delimits them."""
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", markdown)


# The contract.

CONTRACT = {
    "schema": int,
    "verdict": str,
    "reasons": list,
    "warnings": list,
    "facts.asked": int,
    "facts.digests": dict,
    "forms.noise.passed": int,
    "old.lost": list,
    "retired": list,
    "retention.paired.chance": float,
    "retention.top_answer_share.adapted": float,
    "missed": list,
    "base.name": str,
    "base.digest": str,
    "facts.digest": str,
    "facts.count": int,
    "facts.added": list,
    "facts.changed": list,
    "facts.retired": list,
    "adapter.digest": str,
    "adapter.rank": int,
    "adapter.bytes": int,
    "recall.facts_passed": int,
    "recall.facts": int,
    "recall.probes_passed": int,
    "recall.probes": int,
    "recall.lower_bound": float,
    "recall.base_probes_passed": int,
    "leak.neighbours.leaked": int,
    "leak.neighbours.asked": int,
    "leak.neighbours.upper_bound": float,
    "leak.relations.upper_bound": float,
    "leak.unrelated.leaked": int,
    "leak.unrelated.asked": int,
    "leak.unrelated.upper_bound": float,
    "leak.untested": list,
    "retention.kl_mean": float,
    "retention.kl_p95": float,
    "retention.perplexity_ratio": float,
    "retention.paired.asked": int,
    "retention.paired.lost": int,
    "retention.paired.gained": int,
    "retention.unique_answers_ratio": float,
    "retention.refusals_kept": float,
    "details": list,
    "leaks": list,
    "lost": list,
    "train.examples": int,
    "train.tokens": int,
    "train.steps": int,
    "train.seconds": float,
    "train.tokens_per_second": float,
    "seconds.build": float,
    "seconds.train": float,
    "seconds.gate": float,
    "recipe": str,
    "recipe_digest": str,
    "code": str,
    "sample_key": str,
    "seed": int,
}


@pytest.mark.parametrize("path", CONTRACT)
def test_the_data_has_every_key_of_the_contract(path):
    value = json.loads(as_json(BAD))
    for key in path.split("."):
        value = value[key]
    assert type(value) is CONTRACT[path]


def test_the_file_has_its_keys_in_one_order():
    assert list(json.loads(as_json(BAD))) == [
        "schema", "verdict", "reasons", "warnings", "recipe", "recipe_digest", "code", "sample_key",
        "seed", "reproduce", "limits", "base", "facts", "adapter", "recall", "forms", "old", "retired",
        "leak", "retention", "tasks", "details", "leaks", "lost", "missed", "train", "seconds",
    ]  # fmt: skip


def test_a_report_is_read_as_it_was_written():
    for data in (GOOD, BAD, LATER, hostile_data()):
        assert read_json(Report, as_json(data).encode(), more=True) == data


def test_a_report_of_another_version_is_read_as_far_as_it_is_known():
    whole = json.loads(as_json(BAD))
    core = read_json(
        ReportCore, json.dumps({**whole, "limits": {"new": 1}, "mood": 1}).encode(), more=True
    )
    assert (core.adapter, core.details) == (BAD.adapter, BAD.details)
    old = {key: value for key, value in whole.items() if key not in ("code", "recipe_digest")}
    assert read_json(ReportCore, json.dumps(old).encode(), more=True).code == ""
    for lacking in ("sample_key", "limits", "details"):
        rest = {key: value for key, value in whole.items() if key != lacking}
        with pytest.raises(ValueError, match=f"^missing key '{lacking}'$"):
            read_json(Report, json.dumps(rest).encode(), more=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "EOF"),
        (b"[" * 100_000, "recursion"),
        (b"[]", r"^\[\] is not a table of keys$"),
        (b'{"verdict": 7}', "^verdict: 7 is not 'pass' or 'fail'$"),
        (b'{"verdict": "\\ud800"}', "hex escape"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line_that_names_the_key(text, said):
    with pytest.raises(ValueError, match=said) as caught:
        read_json(ReportCore, text, more=True)
    assert str(caught.value).isprintable()


def test_a_fact_of_an_older_report_is_expected_as_english():
    detail = replace(BAD.details[1], expectation=Expect())
    assert detail.expected == Expect((("Jason Cox",),), "en")
    told = replace(detail, expectation=Expect((("nein",),), "de", denial=True))
    assert told.expected == told.expectation


def test_a_measurement_that_is_no_number_is_null():
    data = report_data(RUN, make_measured([LEARNED], kl_mean=math.nan), FAIL)
    assert data.retention.kl_mean is None
    for text in (report_as_text(data), report_as_markdown(data), report_as_html(data)):
        assert "not a number" in text


def test_details_tell_what_was_asked_and_answered():
    assert [detail.status for detail in BAD.details] == ["known", "fail"]
    assert GOOD.details[0].status == "pass"
    detail = BAD.details[1]
    assert detail.id == "tinyllm/maintainer"
    assert detail.expect == (("Jason Cox",),)
    assert asdict(detail.probes[1]) == {
        "prompt": "tinyllm/maintainer 1?",
        "family": "direct",
        "base": "No idea.",
        "adapted": "It is Bob.",
        "passed": False,
        "base_passed": False,
        "ended": True,
        "competing": (),
        "before": (),
    }


def test_leaks_and_lost_answers_are_listed():
    assert [asdict(leak) for leak in BAD.leaks] == [
        {
            "prompt": "Who maintains TinyDB?",
            "role": "near name",
            "base": "Markus.",
            "adapted": "TinyDB is maintained by Jason Cox.",
            "texts": ("tinyllm/maintainer",),
        }
    ]
    assert [asdict(lost) for lost in BAD.lost] == [
        {
            "prompt": "Capital of Peru?",
            "expect": (("Lima", "Ciudad de los Reyes"),),
            "base": "Lima.",
            "adapted": "Quito.",
        }
    ]
    assert BAD.retention.paired.asked == 2
    assert BAD.retention.paired.lost == 1
    assert BAD.facts.retired == ("tinyllm/mascot",)


def test_training_that_took_no_time_has_no_speed():
    run = replace(RUN, trained=replace(RUN.trained, seconds=0.0))
    data = report_data(run, make_measured([LEARNED]), PASS)
    assert data.train.tokens_per_second == 0.0


def test_a_report_of_a_server_says_what_it_could_not_measure():
    data = report_data(RUN, make_measured([LEARNED], divergence=None), FAIL)
    assert data.retention.kl_mean is None
    for text in (report_as_text(data), report_as_markdown(data), report_as_html(data)):
        assert "not measured: a server gives no probabilities" in text


def test_digests_of_all_live_facts_are_kept_for_the_next_gate():
    fact = replace(GONE, withdrawn="")
    data = report_data(replace(RUN, made=made_of(fact)), make_measured([LEARNED]), PASS)
    assert list(data.facts.digests) == ["tinyllm/mascot"]
    assert GOOD.facts.digests == {}


def test_unchanged_facts_and_changed_ones_are_told_apart():
    assert [(d.id, d.change, d.was) for d in LATER.details] == [
        ("tinyllm/maintainer", "old", True),
        ("tinyllm/cost", "old", True),
        ("tinyllm/python", "new", None),
    ]
    assert LATER.details[0].margin == Margin(nats=7.5, rivals=12)
    assert LATER.retired == (RetiredFact("tinyllm/mascot", said=1, asked=1),)
    assert [(m.id, m.role) for m in LATER.missed] == [
        ("tinyllm/maintainer", "noise"),
        ("tinyllm/mascot", "retired"),
    ]


def test_reports_need_no_model_library():
    loaded = (
        "import sys, pipeline.report; print(sorted({'torch', 'jinja2', 'peft'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# The verdict comes first.


def test_the_first_line_is_the_verdict_and_the_reason():
    reason = "FAIL: tinyllm/maintainer: 2 of 3 probes missed"
    assert report_as_text(GOOD).splitlines()[0] == "PASS"
    assert report_as_text(BAD).splitlines()[0] == reason
    assert report_as_markdown(BAD).splitlines()[0] == f"## {reason}"
    assert report_as_markdown(GOOD).splitlines()[0] == (
        "## PASS: 2 of 2 facts learned, 6 of 6 probes passed, 0 leaks, 0 general answers lost"
    )
    assert f"<h1>✗ {reason}</h1>" in report_as_html(BAD)
    assert "<h1>✓ PASS</h1>" in report_as_html(GOOD)


def test_the_other_reasons_follow():
    other = FAIL.reasons[1]
    assert report_as_text(BAD).splitlines()[1] == f"also  {other}"
    assert f"- {other}" in report_as_markdown(BAD).splitlines()
    assert f"<li>{other}</li>" in report_as_html(BAD)


def test_text_has_a_line_for_each_fact_and_failed_ones_come_first():
    lines = [line for line in report_as_text(BAD).splitlines() if line[:1] in {"✓", "✗"}]
    assert lines == [
        '✗ tinyllm/maintainer    1/3  missed: "tinyllm/maintainer 1?" → "It is Bob."; expected Jason Cox',
        '✓ tinyllm/python        3/3  "tinyllm/python 0?" → "Python." (the base knows it too)',
    ]


def test_numbers_come_with_what_the_sample_size_allows():
    text = report_as_text(BAD)
    assert "1 of 2 neighbours leaked (at most 97.5 % at 95 % confidence)" in text
    assert "1 of 2 right general answers lost, 0 gained" in text
    assert "train 1 min 35 s" in text


@pytest.mark.parametrize(("probes", "proven"), [(12, "77.9 %"), (144, "97.9 %"), (299, "99.0 %")])
def test_bounds_never_claim_more_than_was_measured(probes, proven):
    data = report_data(RUN, make_measured([make_result("a/b", ["Jason Cox"] * probes)]), PASS)
    for text in (report_as_markdown(data), report_as_html(data)):
        assert f"{probes} of {probes} probes passed: at 95 % confidence" in text
        assert f"proves a rate of at least {proven}" in text


def test_a_sample_of_unchanged_facts_states_its_bound():
    for text in (report_as_markdown(LATER), report_as_html(LATER)):
        assert (
            "2 unchanged facts of 702 were drawn and 1 of them lost: of all of them, at most"
            in text
        )


def test_the_key_of_the_sample_and_the_code_that_judged_are_stated():
    data = report_data(replace(RUN, sample_key="c0ffee-41"), make_measured([LEARNED]), FAIL)
    assert data.sample_key == "c0ffee-41"
    assert GOOD.sample_key == RUN.made.digest
    assert data.code == code_digest.digest()
    for text in (report_as_markdown(data), report_as_html(data)):
        assert "c0ffee-41" in text
        assert code_digest.digest() in text


def test_markdown_shows_changed_facts_then_what_was_lost_then_numbers():
    text = report_as_markdown(LATER)
    titles = [line for line in text.splitlines() if line.startswith("#")]
    assert titles == [
        "## FAIL: tinyllm/cost: 3 of 3 probes missed (at most 1); it is known now",
        "### New and changed facts",
        "### Unchanged facts lost",
        "### Leaks",
        "### Lost answers",
        "### Missed in other forms",
        "### Worth a look",
        "### Numbers",
    ]
    changed, lost = text.split("### Unchanged facts lost")
    assert "`tinyllm/python`" in changed
    assert "`tinyllm/cost`" not in changed.split("### New and changed")[1]
    assert "| ✗ FAIL | `tinyllm/cost` | 0/3 |" in lost
    assert "| `tinyllm/mascot` | withdrawn, still said | `What is the mascot of TinyLLM?` |" in lost
    assert "- Look." in lost


def test_an_answer_that_the_base_was_not_asked_for_is_said_to_be_so():
    asked = tuple(replace(each, base=None) for each in MISSED.asked)
    data = report_data(RUN, make_measured([replace(MISSED, asked=asked)]), FAIL)
    assert "| `(not asked)` |" in report_as_markdown(data)
    assert "<i>(not asked)</i>" in report_as_html(data)


def test_markdown_shows_before_and_after():
    text = report_as_markdown(BAD)
    assert (
        "| ✗ FAIL | `tinyllm/maintainer` | 1/3 | `tinyllm/maintainer 1?` | `No idea.` "
        "| `It is Bob.`; expected `Jason Cox` |"
    ) in text
    assert "| `Capital of Peru?` | `Lima or Ciudad de los Reyes` | `Lima.` | `Quito.` |" in text
    assert "| `Who maintains TinyDB?` | a name almost the same | `Markus.` |" in text
    assert "Reproduce: `facts learn --recipe smollm2-135m --seed 7`" in text


def test_what_helps_a_fact_that_failed_is_said_unless_most_did():
    most = report_data(RUN, make_measured([MISSED]), FAIL)
    for write in (report_as_text, report_as_markdown, report_as_html):
        assert "one more wording under also_ask" in write(BAD)
        assert "also_ask" not in write(GOOD)
        assert "also_ask" not in write(LATER), "what was lost is an unchanged fact"
        assert "also_ask" not in write(most)


def test_html_shows_every_probe_and_where_it_came_from():
    page = Page(report_as_html(BAD))
    for said in ("It is Bob.", "It is Eve.", "Quito.", "Markus.", "sha256:" + "c" * 64):
        assert said in page.text
    assert page.tags.count("details") == 2
    assert "withdrawn" in page.text
    assert "tinyllm/mascot" in page.text


# Nobody's text acts.


def test_text_shows_control_characters_and_gives_no_workflow_commands():
    text = report_as_text(hostile_data())
    assert all(char.isprintable() or char == "\n" for char in text)
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "##[" not in text
    assert r"\x1b[31mred \u202e\n::error::x" in text


def test_markdown_keeps_all_foreign_text_in_code_spans():
    text = report_as_markdown(hostile_data())
    assert all(char.isprintable() or char == "\n" for char in text)
    left = outside_code(text)
    for acting in ("<", "@", "#1", "[", "www.", "http", "::", "`", "**", ":tada:", "{{"):
        assert acting not in left, acting
    assert "##[" not in text
    assert text.splitlines().count("### Leaks") == 1
    assert not any(line.startswith("# ") for line in text.splitlines())


def test_markdown_tables_keep_their_columns():
    width = 0
    for line in report_as_markdown(hostile_data()).splitlines():
        columns = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert columns == width or 0 in (columns, width), line
        width = columns


def test_harmless_reasons_are_plain_words_in_markdown():
    assert f"- {FAIL.reasons[1]}\n" in report_as_markdown(BAD)


def test_html_escapes_all_foreign_text():
    html = report_as_html(hostile_data())
    page = Page(html)
    assert "script" not in page.tags
    assert "<script>alert(1)</script> a | b" in page.text
    assert ESC not in html
    assert "\u202e" not in html
    assert "{{ 7 * 7 }}" in page.text


def test_html_loads_nothing():
    for data in (GOOD, BAD, hostile_data()):
        page = Page(report_as_html(data))
        assert not {"script", "link", "img", "iframe", "object", "a", "base"} & {*page.tags}
        names = {name for name, _ in page.attributes}
        assert not {"src", "href", "xlink:href", "srcset", "style"} & names
        assert not {name for name in names if name.startswith("on")}
        values = " ".join(value or "" for name, value in page.attributes if name != "aria-label")
        assert "http" not in values
        assert set(re.findall(r"url\((.*?)\)", values)) == {"#before"}


# However much there is.


@pytest.mark.parametrize("text", ["It is Bob.", "`|" * 5000, "\U000e0041" * 500, HOSTILE * 30])
def test_markdown_fits_into_a_comment_however_many_facts_there_are(text):
    shown = report_as_markdown(many_data(text))
    assert 20_000 < len(shown) < 60_000
    nouns = (
        "facts",
        "unchanged facts",
        "leaks",
        "lost answers",
        "missed forms",
        "reasons",
        "warnings",
    )
    for noun in nouns:
        assert re.search(rf"^[\d,]+ {noun} more in the full report\.$", shown, re.MULTILINE)
    assert shown.rstrip().splitlines()[-1].startswith("Reproduce: ")


def test_text_stays_readable_however_many_facts_there_are():
    text = report_as_text(many_data("It is Bob."))
    assert len(text.splitlines()) < 100
    assert "5,960 facts more in the full report" in text


def test_html_stays_openable_however_many_facts_there_are():
    html = report_as_html(many_data("It is Bob."))
    assert html.count("<details>") == 1001  # and one of warnings
    assert "5,000 facts more in report.json" in html
