"""Reads a text as an answer: its words, numbers, dates and signs, each in its sentence and clause.

A text and its language come in, a `Reading` goes out; it is kept, since the gate looks for every fact in
every answer. `phrases` looks for what is expected in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from pipeline.facts.answers.numerals import CJK, KEPT, number_from_cjk
from pipeline.facts.answers.spelling import spelled_word
from pipeline.facts.answers.values import Value, value_keys
from pipeline.facts.languages.language import Language, load_language

LETTER = (
    r"[^\W\d_]|[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    r"\u0900-\u0963\u0970-\u0dff\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0eff\u1000-\u109f\u1780-\u17d3\u200c\u200d]"
)
WIDE = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0eff\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3041-\u30ff\u3400-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff"
)
"""Letters of scripts that put no spaces between words."""
_TOKEN = re.compile(
    r"(?P<date>(?<![\d.])(?:\d{4}-\d\d?-\d\d?|\d\d?([./-])\d\d?\2\d{4}|\d{4}([./])\d\d?\3\d\d?)(?![\d]))"
    r"|(?P<clock>(?<![\d:])\d\d?:\d\d(?::\d\d)?(?![\d:]))"
    rf"|(?P<number>\d+(?:[.,{KEPT}٫٬]\d+)*)"
    rf"|(?P<word>[{WIDE}]+|(?:(?![{WIDE}])(?:{LETTER}))+(?:\+\+|[+#](?!\w))?)"
    r"|(?P<sign>[<>=]=|[^\w\s])"
)
_NO_WORD = re.compile(r"[\W_]+")
_QUOTES = str.maketrans(
    {"’": "'", "‘": "'", "´": "'", "`": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "≥": ">=",
     "‑": "-", "–": "-", "—": "-", "−": "-", "‐": "-", "≤": "<=", "⁄": "/", "，": "、", "・": "-", "·": "-"}
)  # fmt: skip
_SENTENCE = re.compile(r"\.[\"')\]*_]*\s|[!?。\n।؟]|;\s")
_CLAUSE = re.compile(r"[,;:、،：；()\[\]]|(?:^|\s)-\s")
_FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75"}
_DOTTED = re.compile(rf"(?<!\w)(?:(?:{LETTER})\.){{2,}}(?!\w)|(?:[ก-๎]{{1,3}}\.){{2,}}")
_HELD = re.compile(r"(?<=\d)[\u00a0\u202f\u2009'’](?=\d{3}(?!\d))")
_SPACED = re.compile(r"(?<![\d.,_'])[1-9]\d{0,2}(?: \d{3})+(?![\d])")
_SPACED_TWICE = re.compile(r"(?<![\d.,_'])[1-9]\d{0,2}(?: \d{3}){2,}(?![\d])")
_NUMBERED = re.compile(r"\b[Nn]o\. ?(?=[A-Z]*-?\d)")
_NOT = re.compile(r"(?i)\b(ca|wo|\w+?)n['’]?t\b(?<=['’]t)")
_NUMERAL = re.compile(
    rf"(?<![\d.])(?:[{CJK}]+(?=千[米克瓦])|[{CJK}]{{2,}}|[零一二两三四五六七八九十](?=[年月日号人个個名台円元岁歳才小公千米分秒周天週階層]))"
)
_ABBREVIATION = frozenset(
    """
dr mr mrs ms prof st jr sr inc ltd co corp vs no nr ca approx u v dipl ing sra sres mme dña
""".split()  # noqa: SIM905  (a list of so many would be a page)
)


class Token(NamedTuple):
    """A word, number or sign. `text` is it folded, `raw` as written, `joint` what stands before it.

    `stop` words may be left out between others; `value` is what a number or date is worth.
    """

    text: str
    raw: str
    joint: str
    start: int
    end: int
    sentence: int = 0
    clause: int = 0
    stop: bool = False
    value: Value | None = None

    @property
    def capital(self) -> bool:
        """Return whether it begins with a capital letter."""
        return self.raw[:1].isupper()


@dataclass(frozen=True)
class Reading:
    """A text as it was read; what is costly is read when it is first asked for."""

    text: str
    language: Language

    @cached_property
    def prepared(self) -> str:
        """The text with one spelling of quotes, dashes and digits."""
        return prepare(self.text, self.language)

    @cached_property
    def flat(self) -> str:
        """All words and digits, folded, without what stands between them: for a first look."""
        accents = self.language.answers.accents
        return _NO_WORD.sub("", spelled_word(self.prepared, accents))

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens, numbers and dates put together."""
        from pipeline.facts.answers.assembly import assemble_values  # it reads tokens in turn

        return tuple(assemble_values(_cut(self.prepared, self.language), self.language))

    @cached_property
    def values(self) -> tuple[tuple[int, Value], ...]:
        """All values with the places of their tokens."""
        return tuple((i, t.value) for i, t in enumerate(self.tokens) if t.value is not None)

    @cached_property
    def keys(self) -> frozenset[object]:
        """Keys of its values, for a first look: `values.value_keys`."""
        return frozenset(key for _, value in self.values for key in value_keys(value))


@lru_cache(maxsize=1 << 13)
def read_answer(text: str, language: str) -> Reading:
    """Read a text in a language given by its code."""
    return Reading(text, load_language(language))


@lru_cache(maxsize=1 << 13)
def prepare(text: str, language: Language) -> str:
    """Write quotes, dashes, digits and contractions in one way; the case stays."""
    text = _HELD.sub(KEPT, text)
    spaced = _SPACED if " " in language.grouping else _SPACED_TWICE
    text = spaced.sub(lambda found: found[0].replace(" ", KEPT), text)
    text = _NUMBERED.sub("number ", text)  # a denial otherwise
    for sign, digits in () if text.isascii() else _FRACTIONS.items():
        text = re.sub(rf"(?<=\d)\s?{sign}", digits, text).replace(sign, f"0{digits}")
    text = unicodedata.normalize("NFKC", text.replace("²", "2"))
    text = text.replace("`", "'") if text.isascii() else text.translate(_QUOTES)
    if not text.isascii():
        text = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)
    text = _NOT.sub(_contracted, text)
    text = _DOTTED.sub(lambda found: found[0].replace(".", ""), text)
    if language.spaceless:
        text = _NUMERAL.sub(_numeral, text)
    return text


def _contracted(found: re.Match[str]) -> str:
    """Write "doesn't" as "does not"."""
    stem = {"ca": "can", "wo": "will"}.get(found[1].lower(), found[1])
    return f"{stem} not"


def _numeral(found: re.Match[str]) -> str:
    number = number_from_cjk(found[0])
    return found[0] if number is None else str(number)


def _cut(text: str, language: Language) -> list[Token]:
    """Cut a prepared text into tokens, and tell sentences and clauses apart."""
    found: list[Token] = []
    end = sentence = clause = 0
    for match in _TOKEN.finditer(text):
        raw = match[0]
        kind = match.lastgroup or "date"  # whose last groups are its separators
        if kind == "sign" and not _stands(raw):
            continue
        joint = text[end : match.start()]
        if joint not in ("", " "):
            if found and _SENTENCE.search(joint) and not _abbreviated(found[-1], joint):
                sentence, clause = sentence + 1, clause + 1
            elif _CLAUSE.search(joint):
                clause += 1
        folded = spelled_word(raw, language.answers.accents)
        if not folded:
            continue
        if folded in language.answers.clause or raw.casefold() in language.answers.clause:
            clause += 1
        end = match.end()
        found.append(
            Token(folded, raw, joint, match.start(), end, sentence, clause,
                  kind == "word" and _skippable(raw, folded, joint, language))
        )  # fmt: skip
    return found


def _stands(sign: str) -> bool:
    """Return whether a sign may be part of an answer: an emoji, a currency, a comparison, a percent sign."""
    return sign in {">=", "<=", "==", "%", "‰"} or unicodedata.category(sign[0]) in {
        "So",
        "Sm",
        "Sc",
    }


def _abbreviated(before: Token, joint: str) -> bool:
    """Return whether a point belongs to a title or to an initial before it."""
    initial = len(before.raw) == 1 and before.raw.isupper()
    return joint.startswith(". ") and (initial or before.text in _ABBREVIATION)


def _skippable(raw: str, folded: str, joint: str, language: Language) -> bool:
    """Return whether a word is of grammar, and no name in capitals nor a denial."""
    if joint == "'" and len(folded) <= 4:
        return True  # Lee's, Kaya'nın
    small = raw.casefold()
    if small in language.answers.deny or (len(raw) > 1 and raw.isupper()):
        return False
    return small in language.stop or folded in language.stop


def merge_tokens(parts: Sequence[Token], value: Value, text: str) -> Token:
    """Put tokens into one with a value; `text` is how it is compared beside words."""
    first, last = parts[0], parts[-1]
    raw = "".join([first.raw, *(part.joint + part.raw for part in parts[1:])])
    return first._replace(raw=raw, end=last.end, value=value, text=text, stop=False)
