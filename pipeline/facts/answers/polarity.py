"""Tells yes from no: whether an answer confirms or denies, and whether a denial stands beside a part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pipeline.facts.answers.reading import Reading, Token, read_answer
from pipeline.facts.languages.folding import normalise
from pipeline.facts.languages.language import Language, load_language

_RIGHT = ("right", "correct", "true")
_ALSO_YES = {
    "en": tuple(
        f"{start} {word}"
        for start in ("that is", "that's", "it is", "it's", "you are", "you're")
        for word in _RIGHT
    ),
}


_BEFORE_NAMES = frozenset({"not", "nicht", "niet", "pas", "non"})
"""Denials that stand right behind a name without denying it: "MIT, not GPL" without its comma."""


def affirms(answer: str, language: str = "en") -> bool:
    """Return whether an answer begins by confirming what it was asked."""
    return begins(answer, load_language(language)) > 0


@lru_cache(maxsize=1 << 13)
def begins(answer: str, language: Language) -> int:
    """Give 1 for an answer that begins with yes, -1 for one that begins with no, 0 for neither."""
    text = normalise(answer).lstrip("\"'*_¡¿# ")
    for sign, words in ((-1, _whole(language, "no")), (1, _whole(language, "yes"))):
        for word in words:
            if text.startswith(word):
                rest = text[len(word) :]
                if not rest or not rest[0].isalnum() or (language.spaceless and len(word) > 1):
                    return sign
    return 0


def only_polarity(text: str, language: Language) -> int:
    """Give what `begins` gives for a text that says nothing besides: "No.", "Yes, that's right"; else 0."""
    sign = begins(text, language)
    words = [t for t in read_answer(text, language.code).tokens if not t.stop]
    known = language.yes | language.no | language.answers.deny
    return (
        sign
        if sign and len(words) <= 1 and all(w.raw.casefold() in known for w in words[:1])
        else 0
    )


def is_denied(reading: Reading, first: int, end: int, said: str = "") -> bool:
    """Return whether a denial in the same clause denies what the tokens from `first` up to `end` say.

    `said` is their text where it is less than theirs, in a script without spaces.

    Behind them a denial counts where a verb stands between ("Ann Lee is not …", not "MIT, not GPL").
    """
    if reading.language.spaceless:
        text = clause_text(reading, first, end)
        own = said or reading.prepared[reading.tokens[first].start : reading.tokens[end - 1].end]
        return text_denies(text.replace(own, "\0", 1), reading.language)
    tokens = reading.tokens
    for index in denials(reading):
        if (
            tokens[index].clause != tokens[first].clause
            and tokens[index].clause != tokens[end - 1].clause
        ):
            continue
        if (
            index < first
            or index > end
            or (index == end and tokens[index].text not in _BEFORE_NAMES)
        ):
            return True
    return False


def may_deny(text: str, language: Language) -> bool:
    """Return whether a text may hold a denial, at a quick look: most answers of facts hold none."""
    own = language.answers
    folded = text.casefold().replace("’", "'")
    if language.spaceless or own.deny_endings or own.deny_starts:
        parts = (*own.deny, *own.deny_endings, *own.deny_starts)
        return any(part in folded for part in parts)
    return "n't" in folded or not own.deny.isdisjoint(re.findall(r"[^\W\d_]+", folded))


def denials(reading: Reading) -> Iterator[int]:
    """Yield the places of the tokens that deny; "not only" is none."""
    tokens, words = reading.tokens, reading.language.answers
    for index, token in enumerate(tokens):
        if token.value is None and denies(token, reading.language):
            after = normalise(" ".join(t.raw for t in tokens[index : index + 4]))
            before = normalise(" ".join(t.raw for t in tokens[max(0, index - 2) : index + 1]))
            if not any(after.startswith(each) or before.endswith(each) for each in words.undenying):
                yield index


def denies(token: Token, language: Language) -> bool:
    """Return whether a word denies, by itself or by its ending."""
    word, own = token.raw.casefold(), language.answers
    if word in own.deny or token.text in own.deny:
        return True
    return (bool(own.deny_endings) and word.endswith(own.deny_endings) and len(word) > 5) or (
        bool(own.deny_starts) and word.startswith(own.deny_starts) and len(word) > 3
    )


def clause_text(reading: Reading, first: int, end: int) -> str:
    """Give the text of the clause around some tokens."""
    tokens = reading.tokens
    clauses = {tokens[first].clause, tokens[end - 1].clause}
    own = [token for token in tokens if token.clause in clauses]
    return reading.prepared[own[0].start : own[-1].end]


def text_denies(text: str, language: Language) -> bool:
    """Return whether a clause written without spaces holds a denial."""
    for phrase in language.answers.undenying:
        text = text.replace(phrase, " ")
    return any(word in text for word in language.answers.deny)


@lru_cache(maxsize=64)
def _whole(language: Language, which: str) -> Sequence[str]:
    words = language.yes if which == "yes" else language.no
    more = _ALSO_YES.get(language.code, ()) if which == "yes" else ()
    drop = (
        {"not", "never", "nicht", "pas", "of", "course", "sure"}
        if language.code in ("en", "de", "fr")
        else set()
    )
    kept = [word for word in (*words, *more) if word not in drop]
    if which == "yes" and language.code == "en":
        kept += ["of course", "sure"]
    return tuple(sorted(kept, key=len, reverse=True))
