"""The facts themselves: one `Subject` per file, several atomic `Fact`s in it.

`subject_from` turns the plain data of a facts file that passed the schema into these types;
`check` calls it, everything downstream reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # plain YAML data has no narrower type before it is read here

from pipeline.core.errors import Where
from pipeline.facts import polarity
from pipeline.facts.asked import Asked
from pipeline.facts.language import detect_language, load_language
from pipeline.facts.phrase_search import says
from pipeline.facts.phrases import compile_phrase
from pipeline.facts.reading import read_answer
from pipeline.facts.telling import telling_part


@dataclass(frozen=True, slots=True)
class Expect:
    """The text that a right answer holds: every item, each in any one of its alternatives.

    `language` is that of the fact ("en", "zh"): it says how numbers, dates and names are read. An empty
    `Expect` is false, and expects nothing.
    """

    items: tuple[tuple[str, ...], ...] = ()
    language: str = "en"
    denial: bool = False
    """Whether the fact's own answer denies, so that what is expected may stand beside a denial."""

    def __hash__(self) -> int:
        """Hash the items alone, which tell nearly all: the gate looks an `Expect` up a million times."""
        return hash(self.items)

    def __bool__(self) -> bool:
        """Return whether anything is expected."""
        return bool(self.items)

    def __len__(self) -> int:
        """Count the items."""
        return len(self.items)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        """Yield the items."""
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class Reverse:
    """A fact asked from its object: "Which project does Jason Cox maintain?"."""

    question: str
    answer: str
    expect: Expect


@dataclass(frozen=True, slots=True)
class Fact:
    """One question, one answer, and what an answer must contain to count."""

    id: str
    """Full id, subject slug and the author's id: "tinyllm/purpose"."""
    subject: str
    kind: str
    aliases: tuple[str, ...]
    question: str
    answer: str
    expect: Expect
    also_ask: tuple[str, ...]
    probes: tuple[str, ...]
    reverse: Reverse | None
    source: str
    withdrawn: str
    """Why the fact is no longer taught; empty while it is."""
    where: Where
    review_by: str = ""
    """The day (ISO) by which somebody should see whether it still holds; empty for none."""
    language: str = "en"
    """The language that the fact is written in, by its ISO 639-1 code; empty where none is known."""

    @property
    def active(self) -> bool:
        """Whether the fact is taught."""
        return not self.withdrawn


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that facts are about; `slug` is the file's name without its ending."""

    slug: str
    name: str
    kind: str
    aliases: tuple[str, ...]
    facts: tuple[Fact, ...]
    where: Where
    license: str = ""
    """Licence of the facts as SPDX writes it; empty where nobody said."""
    language: str = ""
    """The language that the file says all its facts are in; empty where each is detected."""

    @property
    def names(self) -> tuple[str, ...]:
        """The name first, then the aliases."""
        return (self.name, *self.aliases)


def taught(subjects: Iterable[Subject]) -> Iterator[Fact]:
    """Yield the facts that are taught, in file order."""
    return (fact for subject in subjects for fact in subject.facts if fact.active)


def subject_from(
    data: Mapping[str, Any], slug: str, locate: Callable[[tuple[str | int, ...]], Where]
) -> Subject:
    """Build a `Subject` from the plain data of a file that passed the schema.

    `locate` maps a path into the data, such as ("facts", 0, "answer"), to its place in the file.
    """
    aliases = tuple(data.get("aliases", ()))
    facts = tuple(
        _fact(entry, data, slug, aliases, locate(("facts", index)))
        for index, entry in enumerate(data["facts"])
    )
    return Subject(
        slug,
        data["subject"],
        data["kind"],
        aliases,
        facts,
        locate(("subject",)),
        data.get("license", ""),
        data.get("language", ""),
    )


def subject_from_json(row: Mapping[str, Any]) -> Subject:
    """Rebuild a `Subject` from the JSON of its `dataclasses.asdict`.

    Raises KeyError or TypeError when the row is something else.
    """
    facts = tuple(
        Fact(
            **{
                **fact,
                "aliases": tuple(fact["aliases"]),
                "expect": as_expect(fact["expect"]),
                "also_ask": tuple(fact["also_ask"]),
                "probes": tuple(fact["probes"]),
                "reverse": fact["reverse"]
                and Reverse(**{**fact["reverse"], "expect": as_expect(fact["reverse"]["expect"])}),
                "where": Where(**fact["where"]),
            }
        )
        for fact in row["facts"]
    )
    where, aliases = Where(**row["where"]), tuple(row["aliases"])
    return Subject(**{**row, "aliases": aliases, "facts": facts, "where": where})


def as_expect(row: Mapping[str, Any] | Iterable[Iterable[str]]) -> Expect:
    """Rebuild an `Expect` from JSON: its own, or the plain lists that older files have."""
    if isinstance(row, Mapping):
        items = tuple(tuple(item) for item in row["items"])
        return Expect(items, row["language"], row.get("denial", False))
    return Expect(tuple(tuple(item) for item in row))


def reported_expect(detail: Mapping[str, Any]) -> Expect:
    """Rebuild an `Expect` from a fact's entry in a report; older ones tell no language, which was English."""
    found = as_expect(detail["expect"])
    language, denial = detail.get("language", "en"), detail.get("denial", False)
    if not (isinstance(language, str) and isinstance(denial, bool)):
        raise TypeError(language)
    return Expect(found.items, language, denial)


def expected(expect: Sequence[str | Sequence[str]], language: str, answer: str = "") -> Expect:
    """Normalise `expect` as written: a list of strings, or of lists of strings that are alternatives.

    Where it stands in the fact's `answer` only beside denials, a denial counts against no other answer.
    """
    items = tuple((item,) if isinstance(item, str) else tuple(item) for item in expect)
    if not polarity.may_deny(answer, load_language(language)):
        return Expect(items, language)
    reading = read_answer(answer, language)

    def said(*, strict: bool) -> bool:
        return all(
            any(says(compile_phrase(each, language), reading, strict=strict) for each in item)
            for item in items
        )

    return Expect(items, language, denial=not said(strict=True) and said(strict=False))


def derived(question: str, answer: str, about: Mapping[str, Any], language: str) -> Expect:
    """Derive what must be said from a question and its answer; empty where that is not clear."""
    names = (about["subject"], *about.get("aliases", ()))
    items = telling_part(Asked(question, answer, names, about["kind"], language))
    return expected(items, language, answer)


def _fact(
    entry: Mapping[str, Any],
    data: Mapping[str, Any],
    slug: str,
    aliases: tuple[str, ...],
    where: Where,
) -> Fact:
    reverse = entry.get("reverse")
    language = data.get("language") or detect_language(f"{entry['question']} {entry['answer']}")
    return Fact(
        id=f"{slug}/{entry['id']}",
        subject=data["subject"],
        kind=data["kind"],
        aliases=aliases,
        question=entry["question"],
        answer=entry["answer"],
        expect=_expect(entry, data, language),
        also_ask=tuple(entry.get("also_ask", ())),
        probes=tuple(entry.get("probes", ())),
        reverse=reverse
        and Reverse(reverse["question"], reverse["answer"], _expect(reverse, data, language)),
        source=entry.get("source", data.get("source", "")),
        withdrawn=entry.get("withdrawn", ""),
        where=where,
        review_by=entry.get("review_by", ""),
        language=language,
    )


def _expect(entry: Mapping[str, Any], data: Mapping[str, Any], language: str) -> Expect:
    """Take what the author expects, else derive it; the answer whole where that is not clear.

    `check` refuses that last one.
    """
    answer = entry["answer"]
    if "expect" in entry:
        return expected(entry["expect"], language, answer)
    return derived(entry["question"], answer, data, language) or Expect(
        ((answer.strip().rstrip("."),),), language
    )
