"""Finds words in an answer: in their order, joined or apart, inflected, names without titles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pipeline.facts.answers.reading import Reading, Token
from pipeline.facts.answers.spelling import spelled_word
from pipeline.facts.answers.values import same_value
from pipeline.facts.languages.language import Language

TITLES = frozenset(
    """
dr prof professor mr mrs ms miss sir dame mx rev hon herr frau monsieur madame mme mlle señor señora
senor senora sr sra srta don doña dona sayın bay bayan г-н г-жа господин госпожа السيد السيدة
الدكتور الدكتورة د श्री श्रीमती डॉ phd md msc ing dipl inc ltd llc llp gmbh ag co corp corporation
company plc sa sarl srl bv nv oy ab kg ohg limited incorporated
""".split()  # noqa: SIM905  (a list of so many would be a page)
)
"""Titles before names and forms of companies behind them, folded."""
PARTICLES = frozenset(
    """
van von der den de di da del della du la le of bin ibn al el
""".split()  # noqa: SIM905  (a list of so many would be a page)
)
_ARTICLES = frozenset(
    """
the a an der die das le la les el los las il lo gli o os as l
""".split()  # noqa: SIM905  (a list of so many would be a page)
)
_HONORIFICS = (
    "先生",
    "女士",
    "小姐",
    "さん",
    "氏",
    "様",
    "博士",
    "教授",
    "公司",
    "คุณ",
    "นาย",
    "นางสาว",
    "นาง",
    "ดร",
)
_OPTIONAL = frozenset({"old", "alt", "approximately", "approx", "ca", "circa", "roughly"})
SKIPPED = 4
"""Words of grammar that may stand between two words of a phrase."""
_JOINERS = str.maketrans("", "", "的の之")


def is_left_out(token: Token, phrase: Sequence[Token]) -> bool:
    """Return whether a token may be left unsaid: grammar, a title, a form of company, "v" of a version."""
    if len(phrase) == 1 or token.value is not None:
        return False
    if token.text in TITLES and not (token.raw.isupper() and len(token.raw) < 3):
        return any(other.text not in TITLES for other in phrase)
    if token.text in _OPTIONAL:
        return any(other.value is not None for other in phrase)
    if token.text == "v":
        after = phrase[phrase.index(token) + 1 :]
        return bool(after) and after[0].value is not None
    if token.text in _ARTICLES and token is phrase[0]:
        return True
    return (
        (token.stop or token.text in PARTICLES)
        and not token.capital
        and any(not other.stop for other in phrase)
    )


def _is_initial(token: Token, phrase: Sequence[Token]) -> bool:
    """Return whether a token is an initial within a name: Kenneth E. Iverson."""
    inside = _is_letter(token) and token not in (phrase[0], phrase[-1])
    return inside and all(other.capital for other in phrase)


def needed(words: Sequence[Token], language: Language) -> tuple[str, ...]:
    """Give letters that every text which says these words holds, of each word its own."""
    plain = [w for w in words if w.value is None and not w.stop and not _is_initial(w, words)]
    if any(_wide(word.raw) for word in words) or not plain:
        return ()
    found = (_needed(word, language) for word in sorted(plain, key=lambda word: -len(word.text)))
    return tuple(letters for letters in found if letters)


def _needed(word: Token, language: Language) -> str:
    letters = "".join(char for char in word.text if char.isalnum())
    named = word.capital and not language.answers.declined
    if len(letters) <= 3 or (named and _spelling(word.text) == word.text):
        return letters
    return letters[: max(3, min(4, len(letters) - 2))]


def find_words(words: Sequence[Token], reading: Reading) -> Iterator[tuple[int, int]]:
    """Yield the spans of tokens in which the words stand."""
    if not words:
        return
    if any(_wide(word.raw) for word in words):
        yield from _find_spaceless(words, reading)
        return
    tokens, language = reading.tokens, reading.language
    orders = [words]
    if 1 < len(words) <= 3 and all(word.capital for word in words):
        rest = (word for word in words[:-1] if not _is_initial(word, words))
        orders.append((words[-1], *rest))  # Lee, Ann
    for turn, order in enumerate(orders):
        own = order[0]
        for first, token in enumerate(tokens):
            if own.value is None and token.value is None and own.text[:1] != token.text[:1]:
                continue
            end = _match_from(order, tokens, first, language)
            if end and (turn == 0 or "," in tokens[first + 1].joint):
                yield first, end
    if len(words) > 1 and _free(words):
        yield from _find_bag(words, reading)


def same_word(wanted: Token, said: Token, language: Language) -> bool:  # noqa: PLR0911  (a case a kind)
    """Return whether two tokens are one word, a name as it is and another word in any form."""
    if wanted.value is not None and said.value is not None:
        return wanted.text == said.text or same_value(wanted.value, said.value)
    if wanted.raw.isupper() and len(wanted.raw) > 1 and wanted.text in language.stop:
        return wanted.text == said.text and said.raw.isupper()  # the US, not us
    if wanted.text == said.text or wanted.raw.casefold() == said.raw.casefold():
        return True
    if wanted.value is not None or said.value is not None or len(said.text) < 3:
        return False
    if _spelling(wanted.text) == _spelling(said.text):
        return True
    if (wanted.capital and not language.answers.declined) or language.answers.accents == "arabic":
        return False  # a name; Arabic letters do not tell whether it is one
    return not _stems(wanted.text, language).isdisjoint(_stems(said.text, language))


@lru_cache(maxsize=1 << 14)
def _stems(word: str, language: Language) -> frozenset[str]:
    accents = language.answers.accents
    endings = tuple(spelled_word(ending, accents) for ending in language.endings)
    cut = {word.removesuffix(end) for end in endings if len(word) - len(end) >= 3}
    return frozenset({word, *cut})


@lru_cache(maxsize=1 << 14)
def _spelling(word: str) -> str:
    """Spell a word as Americans do, so that licence and license are one."""
    word = word.replace("licence", "license").replace("defence", "defense").replace("grey", "gray")
    word = re.sub(r"is(e|es|ed|ing|ation|ations)$", r"iz\1", word)
    word = re.sub(r"(?<=[a-z]{2})our", "or", word)
    return re.sub(r"tre(s?)$", r"ter\1", word)


def _match_from(
    words: Sequence[Token], tokens: Sequence[Token], first: int, language: Language
) -> int:
    """Give where a phrase ends that begins at a token, 0 where none does."""
    at, wanted, skipped = first, 0, 0
    sentence = tokens[first].sentence
    while wanted < len(words):
        if at < len(tokens) and wanted and words[wanted].sentence != words[wanted - 1].sentence:
            sentence = tokens[at].sentence  # a name such as "Yahoo! Japan"
        if at >= len(tokens) or tokens[at].sentence != sentence:
            return 0
        own, said = words[wanted], tokens[at]
        if same_word(own, said, language):
            at, wanted, skipped = at + 1, wanted + 1, 0
        elif joined := _joined(words[wanted:], tokens[at:]):
            wanted, at, skipped = wanted + joined[0], at + joined[1], 0
        elif wanted and _is_initial(own, words) and not _is_letter(said):
            # It may be left out, or be written out: Kenneth Iverson, Kenneth Eugene Iverson.
            at, wanted = at + (said.capital and said.raw[0] == own.raw), wanted + 1
        elif _is_letter(said) and _is_initial(own, words):
            return 0  # another initial is another person
        elif at > first and skipped < SKIPPED and _skips(said):
            at, skipped = at + 1, skipped + 1
        else:
            return 0
    return at


def _joined(words: Sequence[Token], tokens: Sequence[Token]) -> tuple[int, int] | None:
    """Match a word that is written in one here and in two there: start-up, TinyLLM."""
    own, said = words[0].text, tokens[0].text
    if not (own.startswith(said) or said.startswith(own)) or own.isdigit() or said.isdigit():
        return None
    for count in (2, 3):
        if len(tokens) >= count and own == "".join(token.text for token in tokens[:count]):
            return 1, count
        if len(words) >= count and said == "".join(word.text for word in words[:count]):
            return count, 1
    return None


def _skips(token: Token) -> bool:
    return token.stop or _is_letter(token) or token.text in PARTICLES or token.text in TITLES


def _is_letter(token: Token) -> bool:
    return len(token.raw) == 1 and token.capital


def _free(words: Sequence[Token]) -> bool:
    """Return whether the order of words may change: where one is no name, and none is a number."""
    if any(word.value is not None or word.raw[:1].isdigit() for word in words):
        return False
    if len({word.clause for word in words}) > 1:
        return False  # a saying, or a title
    return any(not word.capital and word.raw[:1].islower() for word in words)


def _find_bag(words: Sequence[Token], reading: Reading) -> Iterator[tuple[int, int]]:
    """Yield spans of one sentence that hold all the words in any order, not much longer than they are."""
    tokens, width = reading.tokens, 2 * len(words) + 3
    for first in range(len(tokens)):
        if not any(same_word(word, tokens[first], reading.language) for word in words):
            continue
        window: Sequence[Token] = [
            t for t in tokens[first : first + width] if t.sentence == tokens[first].sentence
        ]
        places = [
            next((i for i, t in enumerate(window) if same_word(word, t, reading.language)), -1)
            for word in words
        ]
        if -1 not in places and len(set(places)) == len(places):
            inside = window[: max(places) + 1]
            if sum(not token.stop for token in inside) <= len(words) + 1:
                yield first, first + max(places) + 1
                return


def _find_spaceless(words: Sequence[Token], reading: Reading) -> Iterator[tuple[int, int]]:
    """Find text that is written without spaces; Latin letters, digits and katakana in it are words still."""
    wanted = "".join(word.text for word in words)
    for end in _HONORIFICS:
        if wanted.endswith(end) and len(wanted) > len(end) + 1:
            wanted = wanted.removesuffix(end)
    text, owner = "", []
    for index, token in enumerate(reading.tokens):
        text += token.text
        owner += [index] * len(token.text)
    yield from _spans_in(wanted, text, owner)
    short = wanted.translate(_JOINERS)
    if len(short) > 2:
        kept = [
            (char, place) for char, place in zip(text, owner, strict=True) if char not in "的の之"
        ]
        bare = "".join(char for char, _ in kept)
        yield from _spans_in(short, bare, [place for _, place in kept])


def _spans_in(wanted: str, text: str, owner: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        before = (
            start == 0
            or owner[start - 1] != owner[start]
            or not _one_word(text[start - 1], text[start])
        )
        after = (
            end == len(text)
            or owner[end] != owner[end - 1]
            or not _one_word(text[end - 1], text[end])
        )
        if before and after:
            yield owner[start], owner[end - 1] + 1
        start = text.find(wanted, start + 1)


def _one_word(one: str, two: str) -> bool:
    """Return whether two letters beside each other belong to one word: Latin, digits, or katakana."""
    if _katakana(one) or _katakana(two):
        return _katakana(one) and _katakana(two)
    return not _wide(one) and not _wide(two)


def _katakana(char: str) -> bool:
    return "\u30a0" <= char <= "\u30ff"


@lru_cache(maxsize=1 << 14)
def _wide(text: str) -> bool:
    return any(
        "\u0e01" <= char <= "\u0eff" or "\u1000" <= char <= "\u109f" or "\u1780" <= char <= "\u17ff"
        or "\u3005" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" or "\uf900" <= char <= "\ufaff"
        for char in text
    )  # fmt: skip
