"""The languages that facts are written in, and the words of each; `data/words.toml` has them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from pipeline.facts.folding import squash, tokens


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


@lru_cache(maxsize=1 << 12)
def language_of(text: str) -> Language:
    """Find the language whose words of grammar come up most often in a text; English where none do."""
    words = tokens(text)

    def hits(tongue: Language) -> int:
        if tongue.spaceless:
            return sum(word in text for word in tongue.stop)
        return sum(word in tongue.stop or word in tongue.ask for word in words)

    return max(languages(), key=hits)


def detect_language(text: str) -> str:
    """Give the code of the language that a text is written in."""
    return language_of(text).name


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
