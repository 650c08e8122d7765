from __future__ import annotations

import sys

import pytest

from pipeline.core import config
from pipeline.dataset.preview import preview_facts
from pipeline.facts.fact import subject_from
from pipeline.facts.files import facts_file

TEXT = """
schema: 1
subject: Zwilling Weir
kind: weir
source: x
facts:
  - id: builder
    question: Who glazed Zwilling Weir?
    answer: Zwilling Weir was glazed by Ida Roe.
    also_ask: [By whom was Zwilling Weir glazed?]
    probes: [Which glazier did Zwilling Weir?]
  - id: keeper
    question: Who keeps Zwilling Weir?
    answer: Bo Kim keeps Zwilling Weir.
    withdrawn: nobody does
"""


def read(text):
    document = facts_file.parse_document(text.encode(), "zwilling-weir.yaml")
    return subject_from(document.data, "zwilling-weir", document.locate)


@pytest.fixture
def subject():
    return read(TEXT)


@pytest.fixture
def settings():
    return config.load_recipe("smollm2-135m").dataset


def test_a_fact_is_shown_with_what_teaches_it_what_must_stay_and_what_tests_it(subject, settings):
    text = preview_facts(subject, ["builder"], settings)
    assert text.startswith("zwilling-weir/builder: Zwilling Weir was glazed by Ida Roe.\n")
    for title in ("taught with", "must stay as it is for", "tested with"):
        (_, _, below) = text.partition(f"  {title}:\n")
        assert below.startswith("    ")
    assert "Which glazier did Zwilling Weir?" in text
    assert "keeper" not in text


def test_without_the_generators_libraries_the_authors_own_wordings_are_shown(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "lemminflect", None)
    subject = read(TEXT.replace("glazed", "tarred"))  # of which nothing is in a cache
    assert preview_facts(subject, ["builder"], settings).splitlines()[1:] == [
        "  taught with:",
        "    Who tarred Zwilling Weir?",
        "    By whom was Zwilling Weir tarred?",
        "  tested with:",
        "    Which glazier did Zwilling Weir?",
    ]


def test_a_withdrawn_fact_is_not_asked(subject, settings):
    assert preview_facts(subject, ["keeper"], settings) == ""
