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
from functools import cache, lru_cache

from pipeline.facts.declension import NO_FORM, Form, declension_of, decline, form_of, roots, titles
from pipeline.facts.fact import Fact
from pipeline.facts.language import load_language
from pipeline.facts.segmentation import HANGUL, Word, words

HEAD = 3
"""Letters by which a word of a text is passed over where no name begins so."""
SHORT = 2
"""Letters of a name that need its capitals: "go" is a verb, "it" a pronoun."""
_JOINTS = frozenset("-‐‑–·.'’_/")
"""What may stand between two words of a name where the name itself has a space, or the other way round."""
_GLUE = re.compile(r"[\w&@#+*=/\\'’.\-‐‑]")
"""What joins a letter to what stands beside it: the C of "C++", "C-3PO" and "A/C" is no name of its own."""
_BEGINS = re.compile(r"(?:^|[.!?:;\n]\s*|[¿¡“”\"‘(])\s*$")


@dataclass(frozen=True, slots=True)
class Span:
    """A name in a text: where it stands, which of the names looked for it is, and in which form."""

    start: int
    end: int
    name: str
    form: Form = NO_FORM


@dataclass(frozen=True, slots=True)
class _Entry:
    """One spelling of a name, cut into words."""

    name: str
    spelling: str
    parts: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class NameIndex:
    """Many names, ready to be found in one pass over a text.

    `whole` are the spellings by their letters, `heads` how these begin, `first` the spellings whose words may
    change, by each root of the first word.
    """

    language: str
    heads: frozenset[str]
    whole: Mapping[str, tuple[_Entry, ...]]
    first: Mapping[str, tuple[_Entry, ...]]
    longest: int


def index_names(names: Iterable[str], language: str = "") -> NameIndex:
    """Make an index of names; `language` is the code of the texts' ("" for none in particular)."""
    whole: dict[str, list[_Entry]] = defaultdict(list)
    first: dict[str, list[_Entry]] = defaultdict(list)
    for name in dict.fromkeys(names):
        for spelling in dict.fromkeys((name, untitled(name))):
            entry = _Entry(name, spelling, words(spelling))
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
    return find_indexed(text, _index(tuple(names), language))


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
    """Whether a name stands in a text, as words of its own."""
    return bool(find_names(text, (name,), language))


def spellings(text: str, names: Iterable[str], language: str = "") -> frozenset[str]:
    """Give each of the names that stand in a text as it is spelled there."""
    return frozenset(text[span.start : span.end] for span in find_names(text, names, language))


def rename(text: str, names: Iterable[str], other: str, language: str = "") -> str:
    """Put another name in the place of each of the names in a text, in its form; never inside a word."""
    made, at = [], 0
    for span in find_names(text, names, language):
        made += [text[at : span.start], decline(other, span.form, language)]
        at = span.end
    return "".join([*made, text[at:]])


def asked_name(fact: Fact) -> str:
    """Give the name by which a fact's question asks; the subject's where it has none."""
    found = find_names(fact.question, (fact.subject, *fact.aliases), fact.language)
    return found[0].name if found else fact.subject


def name_key(name: str) -> str:
    """Fold a name, so that two spellings of it are equal: letters, digits and signs, for C is not C++."""
    return "".join(word.key for word in words(name))


def untitled(name: str) -> str:
    """Give what is left of a name without its titles."""
    bare = name
    while (first := re.match(r"(\S+?)\.?\s+(?=\S)", bare)) and first[1].casefold() in titles():
        bare = bare[first.end() :]
    return bare


def is_grammar(name: str, language: str = "") -> bool:
    """Whether all words of a name are words of grammar, such as "I" or "The Who", and found by case alone."""
    return all(word.key in _idle(language) for word in words(name))


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
            if _stands(text, cut, (at, end), entry, index.language):
                span = Span(cut[at].start, _closed(text, cut[end].end, entry), entry.name)
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
        if None not in forms and _stands(
            text, cut, (at, at + len(said) - 1), entry, index.language
        ):
            form = _form_of_all([form for form in forms if form], text[: said[-1].end])
            start = said[0].start + len(form.before)
            end = _closed(text, said[-1].end, entry)
            return Span(start, end, entry.name, form), len(said)
    return None


def _form_of_all(forms: list[Form], text: str) -> Form:
    """Take the beginning from the first word and the ending from the last, as the end of `text` spells it."""
    last = forms[-1]
    if any(form.own for form in forms[:-1]):  # an adjective in it: other names do not agree with it
        return Form(forms[0].before)
    return Form(forms[0].before, last.own, text[len(text) - len(last.said) :])


def _stands(
    text: str, cut: tuple[Word, ...], at: tuple[int, int], entry: _Entry, language: str
) -> bool:
    """Whether words of a text that have the letters of a name are the name."""
    first, last = cut[at[0]], cut[at[1]]
    if text[last.end : last.end + 1] in {"+", "#"} and last.key not in {"+", "#"}:
        return False
    if HANGUL.match(text[first.start]) and HANGUL.match(text[first.start - 1 : first.start]):
        return False  # only an ending may be joined to a name of Korean
    gaps = zip(cut[at[0] : at[1]], cut[at[0] + 1 : at[1] + 1], strict=True)
    if not all(_joins(text[one.end : other.start], entry) for one, other in gaps):
        return False
    return _cased(text, first.start, last.end, entry, language)


def _joins(gap: str, entry: _Entry) -> bool:
    """Whether what stands between two words of a text may stand inside this name."""
    if not gap or gap.isspace():
        return True
    own = set(entry.spelling)
    return all(
        char in own or (char in _JOINTS and gap == char) for char in gap if not char.isspace()
    )


def _cased(text: str, start: int, end: int, entry: _Entry, language: str) -> bool:
    """Whether a name that could be another word has its own case, and stands alone if it is a letter."""
    said, own = text[start:end], entry.spelling
    keys = [part.key for part in entry.parts]
    if keys == [keys[0]] and len(keys[0]) == 1 and keys[0].isalpha() and own.upper() != own.lower():
        return said == own and _alone(text, start, end)
    if is_grammar(own, language):
        if own == own.lower():
            return False
        shown = said == own
        return shown and (own == own.upper() or not _BEGINS.search(text[:start]))
    if len(keys) == 1 and len(keys[0]) <= SHORT and own.isalpha() and len(said) == len(own):
        return all(a == b for a, b in zip(said, own, strict=True) if b != b.lower())
    return True


def _alone(text: str, start: int, end: int) -> bool:
    """Whether a letter is a word of its own, and no initial: "R's packages", but not "R&D" or "J. R. Lee"."""
    if start and _GLUE.match(text[start - 1]):
        return False
    if re.match(r"['’]s\b", text[end:]):
        return True
    if re.match(r"\.(?:\s|$)", text[end:]):  # an initial, or the end of a sentence
        before = text[:start].rstrip()
        name_follows = re.match(r"\.\s+\w", text[end:]) and text[end + 1 :].lstrip()[:1].isupper()
        initial = not before or before.endswith(".") or before.split()[-1][:1].isupper()
        return not (name_follows and initial)
    return not (end < len(text) and _GLUE.match(text[end]))


def _closed(text: str, end: int, entry: _Entry) -> int:
    """Take a name's own last sign into its span: the point of "Acme Inc." that ends no sentence."""
    tail = entry.spelling[entry.parts[-1].end :]
    if not tail or not text.startswith(tail, end):
        return end
    if tail == "." and re.match(r"\s*(?:$|[A-Z])", text[end + 1 :]):
        return end
    return end + len(tail)


@cache
def _idle(language: str) -> frozenset[str]:
    """Give the words that stand in any text of a language, and the English ones."""
    tongues = (load_language("en"), load_language(language))
    return frozenset(
        word for tongue in tongues for word in tongue.stop | tongue.question_words | tongue.refer
    )
