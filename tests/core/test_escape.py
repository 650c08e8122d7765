"""Quoted text stays in its cell of a table, whichever of the two common ways a renderer cuts rows."""

from __future__ import annotations

import random
import re

import pytest
from markdown_it import MarkdownIt

from pipeline.core.escape import cell

PIECES = (
    "|", "\\", "\\|", "\\\\|", "\\\\\\|", "`", "``", "```", "a", " ", "<b>", "[x](y)", "![i](j)", "@me",
    "*b*", "\n", "\r", "\x1b[31m", "é", "\u202e", "&#124;", "&vert;", "$x$", "~~", "#1", "::", "x5c",
)  # fmt: skip
MARKDOWN = MarkdownIt("commonmark").enable("table")
CELL = re.compile(r"(?:\\[!-/:-@\[-`{-~]|[^|\n])+")
"""A cell as GitHub's parser scans it: a backslash takes any sign of ASCII with it, a backslash too."""


def texts(count):
    rng = random.Random(0)
    return ["".join(rng.choices(PIECES, k=rng.randint(1, 9))) for _ in range(count)]


def as_github_cuts(row):
    """Cut a row at its bars as GitHub does; give the cells between the outer ones."""
    cells, place = [], 1
    while place < len(row):
        match = CELL.match(row, place)
        cells.append(match.group() if match else "")
        place += len(cells[-1]) + 1
    return cells


@pytest.mark.parametrize("text", [r"a\|b", r"a\\|b", r"\|", "|", "a\\", r"\\\|", "a|b|c\\"])
def test_a_backslash_before_a_bar_opens_no_cell(text):
    assert len(as_github_cuts(f"| {cell(text, 100)} | end |")) == 2


def test_text_of_any_kind_is_one_cell_with_one_code_span():
    for text in texts(4000):
        row = f"| {cell(text, 60)} | end |"
        assert len(as_github_cuts(row)) == 2, text
        html = MARKDOWN.render(f"| a | b |\n|---|---|\n{row}\n")
        assert html.count("<td>") == 2, text
        assert html.count("<td>end</td>") == 1, text
        body = html.split("<tbody>")[1]
        tags = set(re.findall(r"</?(\w+)", body))
        assert tags <= {"tr", "td", "tbody", "table", "code"}, (text, body)


def test_what_is_shown_is_what_was_written_but_for_a_backslash_before_a_bar():
    (shown,) = re.findall(
        "<code>(.*)</code>", MARKDOWN.render(f"| a |\n|---|\n| {cell('x|y z', 50)} |\n")
    )
    assert shown == "x|y z"
    assert cell(r"x\|y", 50) == r"`x\x5c\|y`"
