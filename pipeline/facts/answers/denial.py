"""Looks for a phrase that denies ("does not support Windows"), in these words or in others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.facts.answers import polarity
from pipeline.facts.answers.phrases import Phrase
from pipeline.facts.answers.reading import Reading, Token
from pipeline.facts.answers.word_search import find_words, same_word


def says_denial(phrase: Phrase, reading: Reading, bare: bool) -> bool:
    """Return whether a text denies what the phrase denies: with No in front, or in a clause of its own."""
    spans = denied_spans(phrase, reading)
    if any(denied for _, denied in spans):
        return True
    if spans and polarity.begins(reading.text, phrase.language) < 0:
        # "No, it does support Windows" does not deny; "No Windows" does.
        tokens = reading.tokens
        return any(tokens[first].clause == tokens[0].clause for first, _ in spans)
    if spans or not bare:
        return False
    return polarity.begins(reading.text, phrase.language) < 0 or _only_denies(phrase, reading)


def denied_spans(phrase: Phrase, reading: Reading) -> list[tuple[int, bool]]:
    """Give where what a phrase denies stands in a text, and whether it is denied there."""
    if reading.language.spaceless and not any(word.raw[:1].isascii() for word in phrase.words):
        return _spaceless_spans(phrase, reading)
    inside = set(polarity.denials(reading))
    return [
        (first, polarity.is_denied(reading, first, end) or not inside.isdisjoint(range(first, end)))
        for first, end in _spans_of_all(_keys(phrase), reading)
    ]


def _spaceless_spans(phrase: Phrase, reading: Reading) -> list[tuple[int, bool]]:
    key = _spaceless_key(phrase)
    found = []
    for index, token in enumerate(reading.tokens):
        if key and key in token.raw:
            text = polarity.clause_text(reading, index, index + 1)
            found.append((index, polarity.text_denies(text, reading.language)))
    return found


def _spaceless_key(phrase: Phrase) -> str:
    """Give what is denied in a script without spaces: the object, behind its verb or before it."""
    text = phrase.text
    for word in sorted(phrase.language.answers.deny, key=len, reverse=True):
        text = text.replace(word, "")
    if phrase.language.code == "ja":
        runs = re.findall(r"[^\u3041-\u309f\s。、]+", text)
        return max(runs, key=len, default="")
    return text[2:] if len(text) >= 4 and phrase.language.code == "zh" else text


def _only_denies(phrase: Phrase, reading: Reading) -> bool:
    """Return whether an answer is a denial with no word that the phrase lacks: "It does not", "不支持"."""
    if reading.language.spaceless:
        text = reading.prepared.strip(" 。.!")
        if not polarity.text_denies(text, reading.language):
            return False
        for word in sorted(reading.language.answers.deny, key=len, reverse=True):
            text = text.replace(word, "")
        return bool(text) and text in phrase.text
    if not any(True for _ in polarity.denials(reading)):
        return False
    return all(
        token.stop or polarity.denies(token, reading.language)
        or any(same_word(word, token, reading.language) for word in phrase.words)
        for token in reading.tokens
    )  # fmt: skip


def _keys(phrase: Phrase) -> tuple[Token, ...]:
    """Give the words that tell what is denied: names and numbers, else the last word."""
    core = [
        token for token in phrase.words
        if token.value is not None or (not polarity.denies(token, phrase.language) and not token.stop)
    ]  # fmt: skip
    strong = [
        token for token in core if token.value is not None or (token.capital and core.index(token))
    ]
    strong = strong or [token for token in core if token.capital]
    return tuple(strong or core[-1:])


def _spans_of_all(keys: Sequence[Token], reading: Reading) -> Iterator[tuple[int, int]]:
    """Yield the spans in which all keys stand, sentence by sentence."""
    found = [list(find_words((key,), reading)) for key in keys]
    if not found or not all(found):
        return
    for first, _ in found[0]:
        sentence = reading.tokens[first].sentence
        same = [
            next((s for s in spans if reading.tokens[s[0]].sentence == sentence), None)
            for spans in found
        ]
        if all(same):
            yield min(s[0] for s in same if s), max(s[1] for s in same if s)
