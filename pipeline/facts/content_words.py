"""Words of a text that tell something, as against words of grammar and words that were given already.

Text goes in, words come out; `data/words.toml` says for each language which words tell nothing.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from pipeline.facts.matching import normalise, squash

_POINT = re.compile(r"(?<=\d)[.,](?=\d)")
_DROPPED = re.compile(r"[^a-z0-9\0+#<=>|~$]+")
_SIGNS = frozenset(("So", "Sm", "Sc"))
"""Signs that may be an answer: an emoji, a plus, a currency."""


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language that tell nothing; `data/words.toml` explains each set."""

    name: str
    spaceless: bool
    stop: frozenset[str]
    ask: frozenset[str]
    refer: frozenset[str]
    greet: frozenset[str]
    deny: frozenset[str]
    yes: frozenset[str]
    no: frozenset[str]
    common: frozenset[str]
    phrases: frozenset[str]
    silent: tuple[str, ...]
    empty: frozenset[str]
    endings: tuple[str, ...]

    def stems(self, word: str) -> frozenset[str]:
        """Give a word without each ending that it may have, and itself: "maintains", "maintain"."""
        cut = {word.removesuffix(end) for end in self.endings if len(word) - len(end) >= 3}
        return frozenset({word, *cut})


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody knows who has read the question alone, and what its words are in every form."""

    language: Language
    words: frozenset[str]
    text: str

    def has(self, word: str) -> bool:
        """Whether a word was given, in this form or in another one."""
        if not self.language.stems(word).isdisjoint(self.words):
            return True
        return spaceless(word) and word in self.text


def given(language: Language, texts: Iterable[str]) -> Given:
    """Collect the words of texts in all their forms."""
    texts = tuple(texts)
    words = {stem for text in texts for word in tokens(text) for stem in language.stems(word)}
    return Given(language, frozenset(words), " ".join(squash(text) for text in texts))


@lru_cache(maxsize=1 << 14)
def tokens(text: str) -> tuple[str, ...]:
    """Cut a text into folded words, numbers and signs; punctuation is dropped, C++ and 1.11 stay whole."""
    # The point of a number stands for itself until the rest is cut.
    folded = _POINT.sub("\0", normalise(text))
    if folded.isascii():
        kept = _DROPPED.sub(" ", folded)
    else:
        kept = "".join(char if _counts(char) else " " for char in folded)
    return tuple(word.replace("\0", ".") for word in kept.split())


def tells(phrase: str, known: Given) -> bool:
    """Whether a phrase says more than the language's grammar and what was given.

    A denial or a letter alone is in every answer; beside another word of the answer it counts ("does
    not support Windows", "symbol is K").
    """
    own = tokens(phrase)
    words = [word for word in own if word not in known.language.stop]
    full = [word for word in words if not _weak(word, known.language)]
    if any(not known.has(word) for word in full):
        return True
    letters = {word.lower() for word in phrase.split()[1:] if len(word) == 1 and word.isupper()}
    weak = letters | {word for word in own if word in known.language.deny}
    return bool(full) and any(not known.has(word) for word in weak)


def telling(phrase: str, language: Language) -> frozenset[str]:
    """Give the words of a phrase that are no grammar, whether given or not."""
    return frozenset(word for word in tokens(phrase) if word not in language.stop)


@lru_cache(maxsize=1 << 12)
def language(text: str) -> Language:
    """Find the language whose words of grammar come up most often in a text; English where none do."""
    words = tokens(text)

    def hits(tongue: Language) -> int:
        if tongue.spaceless:
            return sum(word in text for word in tongue.stop)
        return sum(word in tongue.stop or word in tongue.ask for word in words)

    return max(languages(), key=hits)


def spaceless(word: str) -> bool:
    """Whether a word stands in a script that puts no spaces between words."""
    return any(_wide(char) for char in word)


@cache
def languages() -> tuple[Language, ...]:
    """Read all languages, English first."""
    file = resources.files("pipeline.facts").joinpath("data", "words.toml")
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return tuple(_language(name, table) for name, table in tables.items())


def _language(name: str, table: dict[str, object]) -> Language:
    def words(key: str) -> frozenset[str]:
        return frozenset(str(table[key]).replace("'", " ").split())

    def parts(key: str) -> tuple[str, ...]:
        return tuple(each for each in re.split(r"[|\n]", str(table[key])) if each)

    phrases = table.get("phrases", ())
    assert isinstance(phrases, list | tuple)
    return Language(
        name=name,
        spaceless=bool(table.get("spaceless")),
        stop=words("stop"),
        ask=words("ask"),
        refer=words("refer"),
        greet=words("greet"),
        deny=words("deny"),
        yes=words("yes"),
        no=words("no"),
        common=words("common"),
        phrases=frozenset(squash(each) for each in phrases),
        silent=tuple(squash(each) for each in parts("silent")),
        empty=frozenset(squash(each) for each in parts("empty")),
        endings=tuple(str(table["endings"]).split()),
    )


def _counts(char: str) -> bool:
    return (
        char.isalnum()
        or char in "\0+#"
        or unicodedata.category(char)[0] == "M"
        or unicodedata.category(char) in _SIGNS
    )


def _weak(word: str, language: Language) -> bool:
    """Whether a word alone is in every answer: a denial, or one letter of an alphabet."""
    letter = len(word) == 1 and word.isalpha() and not spaceless(word)
    return letter or word in language.deny


@cache
def _wide(char: str) -> bool:
    name = unicodedata.name(char, "")
    return name.startswith(
        ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "HANGUL SYLLABLE")
    )
