"""Finds the names of subjects in a text, and puts others in their place.

A name is found as words of its own, the longest first: "Go" is not in "Google", "C" not in "C++". How its
words are joined does not count ("Tiny LLM", "tiny-llm"), nor does its case where it cannot be another word.
Its title may be missing, and it may have the endings that the language gives to names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pipeline.facts.names.declension import (
    NO_FORM,
    Form,
    declension_of,
    decline,
    form_of,
    roots,
    titles,
)
from pipeline.facts.names.korean import join_particle
from pipeline.facts.names.name_rules import Spelling, closing, stands
from pipeline.facts.names.segmentation import Word, words

HEAD = 3
"""Letters by which a word of a text is passed over where no name begins so."""


@dataclass(frozen=True, slots=True)
class Span:
    """A name in a text: where it stands, which of the names looked for it is, and in which form."""

    start: int
    end: int
    name: str
    form: Form = NO_FORM


@dataclass(frozen=True, slots=True)
class NameIndex:
    """Many names, ready to be found in one pass over a text.

    `whole` are the spellings by their letters, `heads` how these begin, `first` the spellings whose words may
    change, by each root of the first word.
    """

    language: str
    heads: frozenset[str]
    whole: Mapping[str, tuple[Spelling, ...]]
    first: Mapping[str, tuple[Spelling, ...]]
    longest: int


def index_names(names: Iterable[str], language: str = "") -> NameIndex:
    """Make an index of names; `language` is the code of the texts' ("" for none in particular)."""
    whole: dict[str, list[Spelling]] = defaultdict(list)
    first: dict[str, list[Spelling]] = defaultdict(list)
    for name in dict.fromkeys(names):
        for spelling in dict.fromkeys((name, untitled(name))):
            entry = Spelling(name, spelling, words(spelling))
            if not entry.parts:
                continue
            whole[name_key(spelling)].append(entry)
            if declension_of(language):
                for root in roots(entry.parts[0].key, language):
                    first[root].append(entry)
    return NameIndex(
        language,
        frozenset(key[:size] for key in whole for size in range(1, HEAD + 1)),
        {key: tuple(entries) for key, entries in whole.items()},
        {key: tuple(entries) for key, entries in first.items()},
        max(map(len, whole), default=0),
    )


def find_names(text: str, names: Iterable[str], language: str = "") -> tuple[Span, ...]:
    """Find all places where one of the names stands in a text, in their order; none overlaps another."""
    return _found(text, tuple(names), language)


def find_indexed(text: str, index: NameIndex) -> tuple[Span, ...]:
    """Find all places where a name of an index stands in a text, in their order; none overlaps another."""
    found: list[Span] = []
    cut = words(text)
    at = 0
    while at < len(cut):
        match = None
        if cut[at].key[:HEAD] in index.heads:
            match = _longest(text, cut, at, index)
        if index.first and not match:
            match = _declined(text, cut, at, index)
        if match:
            span, count = match
            found.append(span)
        at += count if match else 1
    return tuple(found)


def mentions(text: str, name: str, language: str = "") -> bool:
    """Return whether a name stands in a text, as words of its own."""
    return bool(find_names(text, (name,), language))


def spellings(text: str, names: Iterable[str], language: str = "") -> frozenset[str]:
    """Give each of the names that stand in a text as it is spelled there."""
    return frozenset(text[span.start : span.end] for span in find_names(text, names, language))


def rename(text: str, names: Iterable[str], other: str, language: str = "") -> str:
    """Put another name in the place of each of the names in a text, in its form; never inside a word."""
    made, end = "", len(text)
    for span in reversed(find_names(text, names, language)):
        rest = text[span.end : end] + made
        made = decline(other, span.form, language) + join_particle(other, rest)
        end = span.start
    return text[:end] + made


def name_key(name: str) -> str:
    """Fold a name, so that two spellings of it are equal: letters, digits and signs, for C is not C++."""
    return "".join(word.key for word in words(name))


def untitled(name: str) -> str:
    """Give what is left of a name without its titles."""
    bare = name
    while (first := re.match(r"(\S+?)\.?\s+(?=\S)", bare)) and first[1].casefold() in titles():
        bare = bare[first.end() :]
    return bare


@lru_cache(maxsize=1 << 14)  # check and generator ask the same again and again
def _found(text: str, names: tuple[str, ...], language: str) -> tuple[Span, ...]:
    return find_indexed(text, _index(names, language))


@lru_cache(maxsize=1 << 12)
def _index(names: tuple[str, ...], language: str) -> NameIndex:
    return index_names(names, language)


def _longest(
    text: str, cut: tuple[Word, ...], at: int, index: NameIndex
) -> tuple[Span, int] | None:
    """Find the longest name that begins with a word of the text, and how many words it has."""
    best, key = None, ""
    for end in range(at, len(cut)):
        key += cut[end].key
        if len(key) > index.longest:
            break
        for entry in index.whole.get(key, ()):
            if stands(text, cut, (at, end), entry, index.language):
                span = Span(cut[at].start, closing(text, cut[end].end, entry), entry.name)
                best = span, end + 1 - at
                break
    return best


def _declined(
    text: str, cut: tuple[Word, ...], at: int, index: NameIndex
) -> tuple[Span, int] | None:
    """Find the longest name of which a form begins with a word of the text."""
    known = index.first.keys() & roots(cut[at].key, index.language)
    entries = {id(entry): entry for root in known for entry in index.first[root]}
    for entry in sorted(entries.values(), key=lambda each: -len(each.parts)):
        said = cut[at : at + len(entry.parts)]
        if len(said) < len(entry.parts):
            continue
        pairs = zip(entry.parts, said, strict=True)
        forms = [form_of(part.key, word.key, index.language) for part, word in pairs]
        if None not in forms and stands(text, cut, (at, at + len(said) - 1), entry, index.language):
            form = _form_of_all([form for form in forms if form], text[: said[-1].end])
            start = said[0].start + len(form.before)
            if entry.capital and not text[start].isupper():
                continue  # "марка" is no form of Марк
            end = closing(text, said[-1].end, entry)
            return Span(start, end, entry.name, form), len(said)
    return None


def _form_of_all(forms: list[Form], text: str) -> Form:
    """Take the beginning from the first word and the ending from the last, as the end of `text` spells it."""
    last = forms[-1]
    if any(form.own for form in forms[:-1]):  # an adjective in it: other names do not agree with it
        return Form(forms[0].before)
    return Form(forms[0].before, last.own, text[len(text) - len(last.said) :])
