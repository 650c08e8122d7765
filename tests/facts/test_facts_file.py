"""Reading one facts file: what becomes of its values, and what cannot be kept as a text file."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from pipeline.core.errors import Where
from pipeline.facts.files import facts_file
from pipeline.facts.files.facts_file import MAX_BYTES, Document

VALID = Path(__file__).parents[1] / "cases" / "facts" / "valid"


def parsed(text: str) -> Document:
    return facts_file.parse_document(text.encode(), "x.yaml")


def only_problem(document: Document) -> str:
    (problem,) = document.problems
    assert problem.hint
    assert document.data is None
    return f"{problem.where}: {problem.message}"


@pytest.mark.parametrize(
    "written",
    ["NO", "on", "true", "~", "null", "3.10", "1e3", "0x1F", "012", "12:30:45", "2024-01-02"],
)
def test_a_plain_value_stays_the_text_it_looks_like(written):
    assert parsed(f"kind: {written}\n").data == {"kind": written}


@pytest.mark.parametrize(
    ("written", "read"), [("1", 1), ("2", 2), ("'1'", "1"), ("1.0", "1.0"), ("1" * 10, "1" * 10)]
)
def test_only_the_version_of_the_format_is_a_number(written, read):
    document = parsed(f"schema: {written}\nfacts: [schema: 1]\n")
    assert document.data == {"schema": read, "facts": [{"schema": "1"}]}


@pytest.mark.parametrize("written", [">\n  one\n  line\n", ">-\n  one\n  line\n", "one\n  line\n"])
def test_folded_text_becomes_one_line_without_an_end(written):
    assert parsed(f"answer: {written}").data == {"answer": "one line"}


def test_lines_may_end_as_on_windows():
    document = parsed("kind: city\r\naliases:\r\n  - Paname\r\n")
    assert document.data == {"kind": "city", "aliases": ["Paname"]}
    assert document.problems == ()


def test_every_value_and_key_is_found_in_its_place():
    document = parsed("# one\nfacts:\n  - id: a\n    expect: [é b, [c]]\n")
    assert document.locate(("facts", 0, "id")) == Where("x.yaml", 3, 9)
    assert document.locate(("facts", 0, "expect", 1, 0)) == Where("x.yaml", 4, 20)
    assert document.locate_key(("facts", 0, "expect")) == Where("x.yaml", 4, 5)


def test_what_is_missing_is_located_at_the_nearest_thing_around_it():
    document = parsed("# one\nfacts:\n  - id: a\n")
    assert document.locate(("facts", 0, "answer", 3)) == Where("x.yaml", 3, 5)
    assert document.locate(("source",)) == Where("x.yaml", 2, 1)
    assert document.locate_key(("facts", 0, "answer")) == Where("x.yaml", 3, 5)


def test_eight_levels_are_read_and_nine_are_not():
    assert parsed("a: " + "[" * 7 + "]" * 7).problems == ()
    assert "more than 8 levels" in only_problem(parsed("a: " + "[" * 8 + "]" * 8))


def test_a_huge_file_is_refused_with_the_limit_in_the_message(tmp_path):
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"a: " + b"x" * 10_000_000)
    expected = "huge.yaml: the file is larger than 64 KiB, which is the most allowed"
    assert only_problem(facts_file.read_document(path, "huge.yaml")) == expected


def test_a_file_of_just_the_limit_is_read():
    text = "a: " + "x" * (MAX_BYTES - 3)
    assert parsed(text).problems == ()
    assert "larger than" in only_problem(parsed(text + "x"))


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"a: b\nc: caf\xe9\n", "x.yaml:2:7"),
        ("é: b\n".encode() + b"\xff", "x.yaml:2:1"),
        ("a: b\n".encode("utf-16"), "x.yaml:1:1"),
        (b"a: \xed\xa0\x80", "x.yaml:1:4"),
    ],
)
def test_bytes_that_are_not_utf8_are_pointed_at(raw, place):
    document = facts_file.parse_document(raw, "x.yaml")
    assert only_problem(document) == f"{place}: the file is not UTF-8 text from here on"


@pytest.mark.parametrize("char", ["\0", "\a", "\x7f", "\x85", "\r", "\u2028"])
def test_control_characters_are_refused(char):
    document = parsed(f"a: b\nc: d{char}e\n")
    places = [f"{problem.where}: {problem.message}" for problem in document.problems]
    assert len(places) == 1
    assert places[0].startswith(f"x.yaml:2:5: a control character stands here (U+{ord(char):04X}")


@pytest.mark.parametrize("char", "\u200b\u200d\u200f\u2066\u00ad\u2060\u3164\ue000\U000e0041")
def test_characters_nobody_sees_are_refused_also_when_escaped(char):
    for written in (f"a: b{char}", f'a: "b\\U{ord(char):08x}"'):
        (problem,) = parsed(written).problems
        assert problem.message.startswith(f"an invisible character stands here (U+{ord(char):04X}")


@pytest.mark.parametrize(
    "token",
    ["<|im_start|>", "<|eot_id|>", "[/INST]", "<<SYS>>", "</s>", "<end_of_turn>", "<think>"],
)
def test_markers_of_chat_templates_are_refused(token):
    (problem,) = parsed(f"a: b\nc: d {token} e\n").problems
    assert f"{problem.where}: {problem.message}".startswith(f"x.yaml:2:6: `{token}` is a marker")


@pytest.mark.parametrize("text", ["a < b", "<html>", "x <y> z", "a <| b", "[installed]", "|s|"])
def test_other_brackets_are_only_text(text):
    assert parsed(f"a: '{text}'\n").problems == ()


def test_a_link_is_refused_even_to_a_good_file(tmp_path):
    path = tmp_path / "link.yaml"
    path.symlink_to(VALID / "minimal.yaml")
    assert (
        only_problem(facts_file.read_document(path, "link.yaml"))
        == "link.yaml: this is a link to another file"
    )


def test_a_folder_named_like_a_file_is_refused(tmp_path):
    document = facts_file.read_document(tmp_path, "x.yaml")
    assert only_problem(document) == "x.yaml: this is a folder, not a facts file"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    document = facts_file.read_document(path, "pipe.yaml")
    assert only_problem(document) == "pipe.yaml: this is no ordinary file, not a facts file"


def test_a_file_that_cannot_be_read_is_reported(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("a: b\n")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    assert "x.yaml: the file cannot be read: " in only_problem(
        facts_file.read_document(path, "x.yaml")
    )


def test_a_value_missing_at_the_very_end_is_a_problem():
    assert "key" in only_problem(parsed("# nothing #here\n? "))


def test_no_garbage_escapes_as_anything_but_problems():
    chance = random.Random(7)
    whole = (VALID / "everything.yaml").read_bytes()
    for _ in range(300):
        raw = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(raw))
            raw[at : at + chance.randint(0, 3)] = chance.choice(
                [
                    b"\t",
                    b"[",
                    b"{",
                    b"- ",
                    b": ",
                    b'"',
                    b"\\x",
                    b"&a ",
                    b"*a",
                    b"? ",
                    b"\n",
                    b"\xff",
                    b"%",
                ]
            )
        document = facts_file.parse_document(bytes(raw), "x.yaml")
        assert document.data is not None or document.problems


@pytest.mark.parametrize("char", ["\r", "\x85", "\u2028", "\u2029"])
def test_what_yaml_alone_takes_for_the_end_of_a_line_moves_no_place(char):
    places = [str(problem.where) for problem in parsed(f"a: b{char}c\nd: *e\n").problems]
    assert places == ["x.yaml:1:5", "x.yaml:2:4"]


def test_an_error_at_the_end_of_a_line_without_an_end_lies_in_that_line():
    (problem,) = parsed("a: b\nc: [d").problems
    assert problem.where.line == 2
    (problem,) = parsed("a: b\nc: [d: ").problems
    assert problem.where.line == 2
