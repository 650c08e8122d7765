from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pipeline import review

TODAY = date(2026, 11, 25)


def with_facts(subjects, **changes):
    """Give the subjects with every fact changed alike."""
    return [replace(s, facts=tuple(replace(f, **changes) for f in s.facts)) for s in subjects]


@pytest.mark.parametrize(("day", "found"), [("2026-11-25", 2), ("2026-11-26", 0), ("", 0)])
def test_a_fact_is_due_from_its_day_on(subjects, day, found):
    assert len(review.due(with_facts(subjects, review_by=day), TODAY)) == found


def test_a_withdrawn_fact_is_never_due_and_its_source_not_asked_for(subjects):
    gone = with_facts(subjects, review_by="2020-01-01", withdrawn="no", source="https://a.example")
    assert review.due(gone, TODAY) == []
    assert review.broken(gone, lambda _url: "answers 404") == []


def test_each_address_is_asked_for_once_and_other_sources_never(subjects):
    asked = []

    def fetch(url):
        asked.append(url)
        return "answers 404"

    named = with_facts(subjects, source="https://a.example/x")
    assert review.broken([*named, *subjects], fetch) == [
        review.Broken("https://a.example/x", "answers 404", ("dun-weir/owner", "tarn-mill/owner"))
    ]
    assert asked == ["https://a.example/x"]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [("/there", ""), ("/no-head", ""), ("/gone", "answers 404"), ("/broken", "answers 500")],
)
def test_a_page_is_asked_for_its_head_and_then_for_itself(pages, path, wrong):
    assert review.fetch(pages + path) == wrong


def test_a_host_that_does_not_exist_cannot_be_reached():
    assert review.fetch("http://no-such-host.invalid/").startswith("cannot be reached")


@pytest.fixture
def pages():
    """Serve four pages: one in order, one that wants no HEAD, one gone, one broken."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    codes = {"/there": 200, "/no-head": 405, "/gone": 404, "/broken": 500}

    class Handler(BaseHTTPRequestHandler):
        """Answers with the code of a page."""

        def do_HEAD(self):
            """Answer without a text."""
            self.send_response(codes[self.path])
            self.end_headers()

        def do_GET(self):
            """Answer with an empty text."""
            self.send_response(200 if self.path == "/no-head" else codes[self.path])
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()
    thread.join()


def test_nothing_to_look_at_is_an_empty_text():
    assert review.as_markdown([], []) == ""


def test_what_a_fact_says_cannot_act_in_the_issue(subjects):
    bad = with_facts(subjects, answer="| @everyone <img src=x> `", review_by="2020-01-01")
    facts = review.due(bad, TODAY)
    gone = [review.Broken("https://a.example/`|@x", "answers 404", ("a/b",))]
    rows = [line for line in review.as_markdown(facts, gone).splitlines() if "example" in line
            or "everyone" in line]  # fmt: skip
    assert len(rows) == 3
    assert all(row.replace(r"\|", "").count("|") == 4 for row in rows)
    assert all("``" in row for row in rows)


def test_an_issue_holds_any_number_of_them(subjects):
    many = review.due(with_facts(subjects, review_by="2020-01-01", answer="x" * 600), TODAY) * 5000
    text = review.as_markdown(many, [review.Broken("https://" + "x" * 290, "y" * 99, ("z",))] * 999)
    assert len(text) < 65_536
    assert "… and 9900 more." in text
