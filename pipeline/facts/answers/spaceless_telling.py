"""Finds the telling part of an answer in a script that puts no spaces between words.

What question, names and kind say already is cut out; what is left are the parts, without grammar at their
ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from pipeline.facts.answers.reading import read_answer
from pipeline.facts.languages.language import Language

LONGEST = 30
"""Characters of all parts together, beyond which it is not clear which of them matter."""
_MARKS = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|[\n、，。．！!？?；;：:「」『』“”\"'（）()\0]+")
_HIRAGANA = re.compile(r"^[\u3041-\u309f]+|[\u3041-\u309f]+$")
_COMMON = 2
"""Letters that the question and the answer must share, to be taken for a word of both."""


def spaceless_parts(
    answer: str, question: str, known: Sequence[str], language: Language
) -> tuple[str, ...]:
    """Give the parts of an answer that tell something; empty where they are too much to be all needed."""
    rest = answer
    for name in sorted(known, key=len, reverse=True):
        rest = rest.replace(name, "\0") if name else rest
    rest = _without_shared(rest, question)
    parts = [part for piece in _MARKS.split(rest) if (part := _bare(piece.strip(), language))]
    parts = [valued for part in parts for valued in _valued(part, language)]
    parts = list(dict.fromkeys(parts))
    return tuple(parts) if sum(map(len, parts)) <= LONGEST else ()


def _without_shared(answer: str, question: str) -> str:
    """Cut out of an answer what the question says in the same letters."""
    blocks = SequenceMatcher(None, answer, question, autojunk=False).get_matching_blocks()
    out, last = [], 0
    for block in blocks:
        shared = answer[block.a : block.a + block.size]
        if block.size >= _COMMON and "\0" not in shared:
            out += [answer[last : block.a], "\0"]
            last = block.a + block.size
    return "".join((*out, answer[last:]))


def _bare(part: str, language: Language) -> str:
    """Take words of grammar off both ends, again and again."""
    words = sorted((*language.stop, *_extra(language)), key=len, reverse=True)
    before = None
    while part and part != before:
        before = part = part.strip()
        for word in words:
            if part.startswith(word):
                part = part[len(word) :]
                break
            if part.endswith(word):
                part = part[: -len(word)]
                break
        if language.code == "ja" and re.search(r"[^\u3041-\u309f]", part):
            part = _HIRAGANA.sub("", part)
    if language.code == "ja" and re.fullmatch(r"[\u3041-\u309f]+", part):
        return ""
    return part


def _extra(language: Language) -> tuple[str, ...]:
    """Give verbs that carry an answer without telling anything."""
    return {
        "zh": (
            "于",
            "叫",
            "叫做",
            "名为",
            "称为",
            "位于",
            "共",
            "约",
            "需要",
            "使用",
            "采用",
            "一共",
            "目前",
            "还",
            "以",
            "用",
            "花费",
        ),
        "th": ("ประมาณ", "ชื่อ", "ชื่อว่า", "ต้อง", "ใช้", "ทั้งหมด", "เวลา", "วันที่", "ราคา"),
    }.get(language.code, ())


def _valued(part: str, language: Language) -> Iterator[str]:
    """Give the values of a part alone, where little else stands beside them."""
    tokens = read_answer(part, language.code).tokens
    values = [token for token in tokens if token.value is not None]
    others = sum(len(token.raw) for token in tokens if token.value is None)
    if values and others <= 2 * len(values):
        yield from (token.raw for token in values)
    else:
        yield part
