"""Characters that draw nothing are refused, but where a script or an emoji needs one."""

from __future__ import annotations

import unicodedata

import pytest
import regex

from pipeline.facts.files.invisible import invisible_characters, styled
from pipeline.facts.files.lookalikes import foreign, mixed, skeleton
from pipeline.facts.files.special_tokens import markers


def test_every_character_that_unicode_ignores_by_default_is_refused_between_latin_letters():
    everything = "".join(map(chr, range(0x110000)))
    ignored = regex.findall(r"\p{Default_Ignorable_Code_Point}", everything)
    assert len(ignored) > 4000
    kept = [char for char in ignored if not list(invisible_characters(f"a{char}b"))]
    assert kept == []


def test_no_letter_mark_number_or_sign_of_everyday_scripts_is_refused():
    pattern = regex.compile(
        r"[[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]--[\p{DI}\u2800\ufff0-\uffff]]", regex.V1
    )
    shown = pattern.findall("".join(map(chr, range(0x11000))))
    assert len(shown) > 50_000
    assert [char for char in shown if list(invisible_characters(char))] == []


@pytest.mark.parametrize(
    "text",
    [
        "نگه‌داری می‌کند", "خانه‌ها", "کتابخانهٔ‌ها", "रक्‍षा", "শ‍্য", "ශ්‍රී", "ന്‍ഡ", "👩‍💻", "👩🏽‍💻",
        "🏳️‍🌈", "❤️", "1️⃣", "✔️ done", "ᠠ᠋ᠪ", "അവന്\u200d വന്നു",
    ],
)  # fmt: skip
def test_joiners_and_selectors_stay_where_they_are_needed(text):
    assert list(invisible_characters(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "a\u200db", "ن\u200c ن", "ن\u200c\u200cن", "\u200cن", "ن\u200c", "نa\u200cنa", "क\u200d", "💻\u200d",
        "\u200d💻", "x\ufe0f", "5\ufe0f", "葛\U000e0100", "a\u180bb", "❤\ufe0f\ufe0f",
    ],
)  # fmt: skip
def test_joiners_and_selectors_anywhere_else_are_refused(text):
    assert list(invisible_characters(text))


def test_letters_of_another_font_are_told_from_plain_ones():
    assert list(styled("An 𝐀𝐧𝐧 and oﬃce")) == [(3, "𝐀𝐧𝐧"), (12, "ﬃ")]
    assert list(styled("½ ² ™ Ⅳ ① ＷＥＢ")) == []


@pytest.mark.parametrize(
    "word", ["Tіny", "Ρython", "pαypal", "Аnn", "ЯндексGo", "Москвα", "Aոn", "Ꭺnn", "micrоsoft"]
)
def test_a_word_of_two_alphabets_that_look_alike_is_found_where_it_stands(word):
    (found,) = mixed(f"see {word} here")
    assert (found.start, found.word) == (4, word)
    assert not found.letter.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "Ω-3", "μTorrent", "µTorrent", "C++", "日本語 Wiki", "日本語Wiki", "東京メトロWi-Fi", "TNFα", "αSyn",
        "Яндекс Go", "Москва-City", "kΩ", "한국어 OS", "naïve", "Łódź", "Hồ Tây", "ﷺ Arabicنص", "Δt", "π",
    ],
)  # fmt: skip
def test_names_that_people_write_in_two_scripts_stay(text):
    assert list(mixed(text)) == []


def test_a_word_that_only_looks_latin_is_told_among_latin_words_alone():
    assert [each.word for each in foreign("Ann owns the МІТ mill")] == ["МІТ"]
    assert list(foreign("Москва и МІТ")) == []
    assert list(foreign("the density ρ of О")) == []


def test_names_that_look_alike_have_one_skeleton():
    assert skeleton("Асе") == skeleton("Ace")
    assert skeleton("Ann") == "Ann"


@pytest.mark.parametrize(
    "text",
    ["a < b and c > d", "x < s > y", "f[1] [see 3]", "a | b", "<b>bold</b>", "[ok]", "a < |b| > c"],
)
def test_text_that_is_no_token_stays(text):
    assert list(markers(text)) == []


@pytest.mark.parametrize("line", ["<|x|>", "</s>", "[/INST]", "<</SYS>>", "＜ｓ＞", "[IN\u00adST]"])
def test_a_token_is_given_as_it_stands(line):
    assert list(markers(f"é {line}!")) == [(2, line)]
    assert unicodedata.normalize("NFC", line) == line
