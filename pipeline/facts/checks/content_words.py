"""Words of a text that tell something, as against words of grammar and words that were given already.

Text goes in, words come out; `languages/XX.toml` says for each language which words tell nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.facts.languages.folding import spaceless, squash, tokens
from pipeline.facts.languages.language import Language


@dataclass(frozen=True, slots=True)
class Given:
    """The knowledge of a reader of the question alone: its words in every form."""

    language: Language
    words: frozenset[str]
    text: str

    def has(self, word: str) -> bool:
        """Return whether a word was given, in this form or in another one."""
        if not self.language.stems(word).isdisjoint(self.words):
            return True
        return spaceless(word) and word in self.text


def given(language: Language, texts: Iterable[str]) -> Given:
    """Collect the words of texts in all their forms."""
    texts = tuple(texts)
    words = {stem for text in texts for word in tokens(text) for stem in language.stems(word)}
    return Given(language, frozenset(words), " ".join(squash(text) for text in texts))


def tells(phrase: str, known: Given) -> bool:
    """Return whether a phrase says more than the language's grammar and what was given.

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


def _weak(word: str, language: Language) -> bool:
    """Return whether a word alone is in every answer: a denial, or one letter of an alphabet."""
    letter = len(word) == 1 and word.isalpha() and not spaceless(word)
    return letter or word in language.deny
