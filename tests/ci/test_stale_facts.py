from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pipeline.ci import stale_facts, webpage

TODAY = date(2026, 11, 25)


def with_facts(subjects, **changes):
    """Give the subjects with every fact changed alike."""
    return [replace(s, facts=tuple(replace(f, **changes) for f in s.facts)) for s in subjects]


@pytest.mark.parametrize(("day", "found"), [("2026-11-25", 2), ("2026-11-26", 0), ("", 0)])
def test_a_fact_is_due_from_its_day_on(subjects, day, found):
    assert len(stale_facts.due(with_facts(subjects, review_by=day), TODAY)) == found


def test_a_withdrawn_fact_is_never_due_and_its_source_not_asked_for(subjects):
    gone = with_facts(subjects, review_by="2020-01-01", withdrawn="no", source="https://a.example")
    assert stale_facts.due(gone, TODAY) == []
    assert stale_facts.broken(gone, lambda _url: "answers 404") == []


def test_each_address_is_asked_for_once_and_other_sources_never(subjects):
    asked = []

    def fetch(url):
        asked.append(url)
        return "answers 404"

    named = with_facts(subjects, source="https://a.example/x")
    assert stale_facts.broken([*named, *subjects], fetch) == [
        stale_facts.Broken(
            "https://a.example/x", "answers 404", ("dun-weir/owner", "tarn-mill/owner")
        )
    ]
    assert asked == ["https://a.example/x"]


ODD = [
    "http://a.example:abc/",
    "http:///",
    "HTTP://user@a.example",
    "ftp://a.example",
    "https:a.example",
    "http://[::1",
]
"""Addresses that stop a request in as many ways."""


@pytest.mark.parametrize("source", ODD)
def test_one_odd_source_is_one_line_of_the_report(subjects, source):
    first, *others = subjects
    odd = with_facts([first], source=source)
    found = stale_facts.broken([*odd, *others], webpage.fetch_page)
    assert [each.url for each in found] == [source]
    assert found[0].why.startswith("is not asked: ")
    assert stale_facts.stale_as_markdown([], found).count("\n| ") == 2


def test_a_reference_to_a_book_is_no_address(subjects):
    books = with_facts(subjects, source="doi:10.1000/182: the mill's own book")
    assert stale_facts.broken(books, webpage.fetch_page) == []


def test_nothing_to_look_at_is_an_empty_text():
    assert stale_facts.stale_as_markdown([], []) == ""


def test_what_a_fact_says_cannot_act_in_the_issue(subjects):
    bad = with_facts(subjects, answer="| @everyone <img src=x> `", review_by="2020-01-01")
    facts = stale_facts.due(bad, TODAY)
    gone = [stale_facts.Broken("https://a.example/`|@x", "answers 404", ("a/b",))]
    rows = [line for line in stale_facts.stale_as_markdown(facts, gone).splitlines() if "example" in line
            or "everyone" in line]  # fmt: skip
    assert len(rows) == 3
    assert all(row.replace(r"\|", "").count("|") == 4 for row in rows)
    assert all("``" in row for row in rows)


def test_an_issue_holds_any_number_of_them(subjects):
    many = (
        stale_facts.due(with_facts(subjects, review_by="2020-01-01", answer="x" * 600), TODAY)
        * 5000
    )
    text = stale_facts.stale_as_markdown(
        many, [stale_facts.Broken("https://" + "x" * 290, "y" * 99, ("z",))] * 999
    )
    assert len(text) < 65_536
    assert "… and 9900 more." in text
