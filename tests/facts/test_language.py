from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.core.errors import FactsError
from pipeline.facts.check import check
from pipeline.facts.checks.language_lines import language_lines
from pipeline.facts.languages import language, language_file
from pipeline.facts.languages.detection import detect

CASES = Path(__file__).parents[1] / "cases" / "languages"
SHIPPED = ("en", "ar", "de", "es", "fr", "hi", "ja", "pt", "ru", "tr", "zh")
GERMAN = (Path(language.__file__).parent / "de.toml").read_text(encoding="utf-8")
ASKED = [
    line.split(" | ")
    for line in (CASES / "detection.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def problems_of(text, code="de"):
    data = text if isinstance(text, bytes) else text.encode()
    return language_file.parse_language_file(data, code).problems


@pytest.mark.parametrize("code", language.codes())
def test_nothing_is_wrong_in_a_shipped_file(code):
    found = language_file.read_language_file(code).problems
    assert [str(problem) for problem in found if problem.severity == "error"] == []
    assert (found == ()) == (code in SHIPPED)


@pytest.mark.parametrize("code", SHIPPED)
def test_a_shipped_language_has_words_numbers_and_sentences_of_every_kind(code):
    tongue = language.load_language(code)
    frames = tongue.frames
    assert min(len(tongue.stop), len(tongue.question_words), len(tongue.deny)) >= 4
    assert len(tongue.months) == 12
    known = set(tongue.number_words.values())
    assert {*range(21), 30, 40, 50, 60, 70, 80, 90, 100, 1000} <= known
    assert len(frames.train) >= 14
    assert len(frames.probe) >= 8
    assert min(map(len, (frames.remarks, frames.systems, frames.turns))) >= 4
    assert frames.yes
    assert frames.no
    assert len(frames.stated) == 2


@pytest.mark.parametrize("code", SHIPPED[1:])
def test_halves_of_names_are_disjoint_and_large_enough_for_the_gate(code):
    names = language.load_language(code).names
    assert set(names) == {
        "software", "organisation", "person", "place", "work", "given", "family", "word",
    }  # fmt: skip
    for halves in names.values():
        assert not set(halves["train"]) & set(halves["probe"])
        assert min(len(set(half)) for half in halves.values()) >= 8


def test_a_code_without_a_file_is_the_language_without_words():
    unknown = language.load_language("xx")
    assert (unknown.code, unknown.stop, unknown.question_words) == ("", frozenset(), frozenset())
    frames = (*unknown.frames.train, *unknown.frames.probe)
    around = [re.sub(r"\{\w+\}", "", frame.prompt) for frame in frames]
    assert not [text for text in around if re.search(r"[^\W\d_]{2}", text)]
    assert len(unknown.frames.train) >= 14
    assert len(unknown.frames.probe) >= 8


def test_a_file_without_frames_keeps_its_words_and_asks_in_layouts():
    italian, unknown = language.load_language("it"), language.load_language("xx")
    assert "della" in italian.stop
    assert italian.frames == unknown.frames


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "German"', "name = German", ["3:8: this is not TOML: Invalid value"]),
        ('name = "German"\n', "", ["1:1: `name` is missing above the sections"]),
        ('name = "German"', "name = 3", ["3:1: `name` is something else"]),
        ('question = "wer', 'qestion = "wer', ["`qestion` is not known in [words]"]),
        ('question = "wer', 'frage = "wer', ["`question` is missing in [words]"]),
        ("{Q} Danke im Voraus!", "{Frage} Danke im Voraus!",
         ["{Frage} is no placeholder here", "“{Frage} Danke im Voraus!” leaves out the placeholder"]),
        ("Kurze Frage: {Q}", "Kurze Frage:", ["“Kurze Frage:” leaves out the placeholder"]),
        ("Kurze Frage: {Q}", "Kurze Frage: {Q", ["a brace stands alone", "leaves out the placeholder"]),
        ("Kurze Frage: {Q}", "Sag mal: {Q}", ["“Sag mal: {Q}” is in both halves"]),
        ('name = "quick"', 'name = "say"', ["“say” is in both halves"]),
        ('answer = "Gern. {A}"', 'answer = "Gern."', ["“Gern.” leaves out the placeholder"]),
        ('bare = "{s}: {A}."', 'bare = "{A}."', ["“{A}.” leaves out {s}"]),
        ('  ["Mai"],\n', "", ["there are 11 months"]),
        ('20 = "zwanzig"', 'zwanzig = "20"', ["`zwanzig` is no number"]),
        ('"Hamburg"', '"Köln"', ["“Köln” is in both halves"]),
        ("remarks = [", "remark = [", ["did", "`remarks` is missing in [frames]"]),
        ("turns = [\n", 'turns = [\n  ["Hallo!"],\n', ["`turns` is something else"]),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_by_its_place_and_with_a_hint(old, new, said):
    assert GERMAN.count(old) == 1
    found = problems_of(GERMAN.replace(old, new))
    assert found
    assert all(problem.hint for problem in found)
    assert all(problem.where.line for problem in found)
    told = [f"{each.where.line}:{each.where.column}: {each.message} {each.hint}" for each in found]
    assert all(any(part in line for line in told) for part in said)


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_lines():
    text = GERMAN.replace("Kurze Frage: {Q}", "Kurze Frage").replace('"Hamburg"', '"Köln"')
    found = problems_of(text.replace("Sag mal: {Q}", "Sag mal: {X}"))
    assert len(found) == 4
    assert [p.where.line for p in found] == sorted(p.where.line for p in found)
    for problem in found:
        line = text.splitlines()[problem.where.line - 1]
        assert line[problem.where.column - 1] == '"'


def test_too_few_frames_are_told():
    start, end = GERMAN.index('  { name = "hey"'), GERMAN.index('  { name = "please"')
    (found,) = problems_of(GERMAN[:start] + GERMAN[end:])
    assert found.message == "`train` has 13 frames; at least 14 are needed"


def test_a_file_in_another_encoding_is_told_by_its_line():
    (found,) = problems_of(GERMAN.encode("cp1252", "ignore"))
    assert found.message == "this line is not UTF-8"
    assert "ü" in GERMAN.splitlines()[found.where.line - 1]


def test_a_broken_file_stops_with_its_problems(monkeypatch):
    wrong = language_file.parse_language_file(b"name = ", "de")
    monkeypatch.setattr(language_file, "read_language_file", lambda _code: wrong)
    language.load_language.cache_clear()
    with pytest.raises(FactsError) as raised:
        language.load_language("de")
    language.load_language.cache_clear()
    assert raised.value.problems == wrong.problems


@pytest.mark.parametrize("code", SHIPPED)
def test_the_language_of_a_short_question_is_told(code):
    rows = [f"{question} {answer}" for tongue, question, answer in ASKED if tongue == code]
    told = [detect(text).code for text in rows]
    assert set(told) <= {code, ""}
    assert told.count(code) >= 0.9 * len(rows)


def test_a_language_without_a_file_is_rarely_taken_for_another():
    rows = [f"{q} {a}" for tongue, q, a in ASKED if tongue not in language.codes()]
    assert sum(bool(detect(text).code) for text in rows) <= 0.2 * len(rows)
    assert not any(detect(text).sure for text in rows)


def test_a_name_in_another_script_does_not_make_a_text_another_language():
    assert detect("Who wrote 《绿房子》? Mario Ruiz wrote it.").code == "en"
    assert detect("谁维护TinyLLM？ Jason Cox").code == "zh"


def test_the_languages_of_facts_are_told_where_they_are_not_plainly_english():
    lines = "\n".join(language_lines(check([CASES]).subjects))
    assert "fahrwerk-de.yaml: 4 facts in German\n" in lines
    assert "lumenta-mixed.yaml: 1 fact in Spanish\n" in lines
    assert "lumenta-mixed.yaml: 1 fact in French\n" in lines
    assert "minato-ja.yaml: 3 facts in Japanese, without negated questions\n" in lines
    assert "kreda-pl.yaml: 2 facts in `pl`, which has no file: asked in layouts" in lines
    assert "hanbit-ko.yaml: 2 facts in no language that is known: asked in layouts" in lines
    assert list(language_lines(check([CASES.parents[2] / "facts"]).subjects)) == []


def test_a_file_says_its_language_itself(tmp_path):
    file = tmp_path / "mill.yaml"
    shutil.copy(CASES.parents[1] / "cases" / "facts" / "valid" / "minimal.yaml", file)
    file.write_text(file.read_text().replace("facts:", "language: de\nfacts:"))
    (subject,) = check([file]).subjects
    assert subject.facts[0].language == "de"
    assert list(language_lines([subject])) == [f"{file}: 1 fact in German, as the file says"]


def test_check_prints_every_sentence_of_a_language(capsys):
    assert main(["check", "--language", "tr"]) == 0
    said = capsys.readouterr().out
    frames = language.load_language("tr").frames
    for frame in (*frames.train, *frames.probe):
        assert frame.prompt.partition("{")[0].strip() in said
    assert "{" not in said


def test_check_says_what_a_language_without_frames_lacks(capsys):
    assert main(["check", "--language", "it"]) == 0
    assert "there is no [frames]" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [["--language", "xx"], ["--language", "de", "facts"], ["--language", "../de"]]
)
def test_check_of_a_language_that_has_no_file_is_wrong_usage(argv, capsys):
    assert main(["check", *argv]) == 2
    assert "hint: " in capsys.readouterr().err


def test_no_case_in_another_language_is_refused():
    found = check([CASES]).problems
    assert [problem for problem in found if problem.severity == "error"] == []


def test_a_key_that_is_missing_hides_nothing_that_is_wrong_elsewhere():
    text = GERMAN.replace('common = "', 'komm = "').replace("Kurze Frage: {Q}", "Kurze Frage")
    rules = {problem.rule for problem in problems_of(text.replace('  ["Mai"],\n', ""))}
    assert rules == {"unknown-key", "required", "placeholder", "months"}
