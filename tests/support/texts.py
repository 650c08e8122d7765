"""Texts that try to act where they are shown, and reports filled with them."""

from __future__ import annotations

import copy
from html.parser import HTMLParser

from hypothesis import strategies as st

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


def places(data, before=()):
    """Yield the path of each text in a report that is not one of our own words."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, str) and key not in KEPT:
            yield (*before, key)
        elif isinstance(value, dict | list):
            yield from places(value, (*before, key))


def filled(data, texts):
    """Give a report with texts in all its places, over and over."""
    data = copy.deepcopy(data)
    for number, path in enumerate(places(data)):
        parent = data
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = texts[number % len(texts)]
    return data


def complete(report):
    """Give a report with one of every part that a report may have, made from one that passed."""
    data = copy.deepcopy(report)
    said = {"prompt": "Who?", "base": "No.", "adapted": "Yes."}
    data |= {
        "verdict": "fail",
        "reasons": ["one", "two", "three"],
        "warnings": ["one", "two"],
        "leaks": [
            {**said, "role": role, "texts": ["x", "y"]} for role in ("neighbour", "relation")
        ],
        "lost": [{**said, "expect": [["a", "b"], ["c"]]}, {**said, "expect": [["a"]]}],
        "missed": [{**said, "id": "a/b", "role": role} for role in ("noise", "retired")],
        "tasks": [{"name": "t", "metric": "m", "base": 0.5, "adapted": 0.4, "error": 0.1}],
        "retired": [{"id": "a/c", "said": 0, "asked": 1}],
    }
    data["facts"]["retired"] = ["a/c", "a/d"]
    for detail in data["details"]:
        detail["probes"][0]["competing"] = ["x"]
    data["details"][0]["status"] = "fail"
    data["details"][0]["probes"][0]["passed"] = False
    return data


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
