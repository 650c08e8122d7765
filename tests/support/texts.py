"""Texts that try to act where they are shown, and reports filled with them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from itertools import cycle

from hypothesis import strategies as st

from pipeline.evaluation.harness import Task
from pipeline.report.answers import Leak, LostAnswer, MissedForm
from pipeline.report.shape import RetiredFact

PARTS = (
    "::error::x", "::stop-commands::t", "::add-mask::a", "  ::set-output name=a::b", "##[group]x",
    "##[add-mask]y",
    "%0A::error::x", "%25", "\n", "\r\n", "\r", "\x85", "\u2028", "\x0b", "\x00", "\x07", "\x08",
    "\x1b[31m", "\x1b[2J",
    "\x1b]8;;http://e\x07l\x1b]8;;\x07", "\x9b31m", "\x7f", "\u202e", "\u2066", "\u200b", "\ufeff",
    "\U000e0041",
    "\ud800", "\udfff", "`", "``", "```", "```sh", "~~~", "|", "\\|", "\\\\|", "\\", "||", "* x", "# x",
    "> x", "1. x",
    "---", "===", "***", "|---|", "[x](http://e)", "![x](http://e)", "<http://e>", "[x]: e", "@everyone",
    "@o/team",
    "#1", "GH-2", "o/r#3", "o@0123456", "www.e.com", "http://e", "a@e.com", ":tada:", "$x$", "$$x$$",
    "<b>", "</td>",
    "</q></span></main>", "<script>alert(1)</script>", "<img src=x onerror=x>", "<!--", "-->",
    "<![CDATA[", "]]>",
    "&lt;", "&#124;", "&", '"', "'", "' onmouseover='x", "{{ 7 * 7 }}", "{% raw %}", "{# x #}",
    "${{ x }}", "$(id)",
    "`id`", "; rm -rf ~", "' ; id #", "license: x", "\n---\n", " ", "\t", "x", "Ann Lee", "東京", "é",
    "e\u0301", "🙂",
    "\N{ZERO WIDTH JOINER}", "a" * 90,
)  # fmt: skip

hostile = st.one_of(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join),
    st.text(st.characters(), min_size=1, max_size=40),
).filter(str.strip)
"""Texts of several parts that could act, or of any characters at all."""

KEPT = {"verdict", "status", "change", "role", "schema"}
"""Keys of a report whose values are words of ours."""


def draw(chance):
    """Draw a hostile text from a `random.Random`."""
    text = "".join(chance.choices(PARTS, k=chance.randint(1, 4)))
    return text if text.strip() else f"{text}x"


def replaced(value, put, key=""):
    """Give a report with each text that is not ours replaced by what `put` gives for it."""
    if isinstance(value, str):
        return value if key in KEPT else put(value)
    if isinstance(value, tuple):
        return tuple(replaced(each, put) for each in value)
    if isinstance(value, dict):
        return {name: replaced(each, put, name) for name, each in value.items()}
    if is_dataclass(value):
        names = [each.name for each in fields(value)]
        return replace(value, **{n: replaced(getattr(value, n), put, n) for n in names})
    return value


def places(data):
    """Count the texts in a report that are not ours."""
    found = []
    replaced(data, found.append)
    return len(found)


def filled(data, texts):
    """Give a report with texts in all its places, over and over."""
    said = cycle(texts)
    return replaced(data, lambda _: next(said))


def complete(report):
    """Give a report with one of everything that a report may tell, made from one that passed."""
    first, *others = report.details
    first = replace(first, probes=(replace(first.probes[0], passed=False), *first.probes[1:]))
    details = (
        replace(each, probes=(replace(each.probes[0], competing=("x",)), *each.probes[1:]))
        for each in (replace(first, status="fail"), *others)
    )
    return replace(
        report,
        verdict="fail",
        reasons=("one", "two", "three"),
        warnings=("one", "two"),
        facts=replace(report.facts, retired=("a/c", "a/d")),
        details=tuple(details),
        leaks=tuple(Leak("Who?", r, "No.", "Yes.", ("x", "y")) for r in ("neighbour", "relation")),
        lost=tuple(LostAnswer("Who?", e, "No.", "Yes.") for e in ((("a", "b"), ("c",)), (("a",),))),
        missed=tuple(MissedForm("a/b", r, "Who?", "No.", "Yes.") for r in ("noise", "retired")),
        tasks=(Task("t", "m", 0.5, 0.4, 0.1),),
        retired=(RetiredFact("a/c", 0, 1),),
    )


class Page(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(attrs)))

    def handle_endtag(self, tag):
        self.tags.append(("/", tag))

    def handle_comment(self, data):
        self.tags.append(("comment", data))

    def unknown_decl(self, data):
        self.tags.append(("declaration", data))
