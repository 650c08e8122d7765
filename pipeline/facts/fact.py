"""The facts themselves: one `Subject` per file, several atomic `Fact`s in it.

`subject_from` turns the plain data of a facts file that passed the schema into these types;
`check` calls it, everything downstream reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any  # plain YAML data has no narrower type before it is read here

from pipeline.core.errors import Where

Expect = tuple[tuple[str, ...], ...]
"""What an answer must contain: every item, each satisfied by any one of its alternatives."""

SHORT_ANSWER_WORDS = 8
"""An answer of at most this many words is its own `expect` when the author gives none."""


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
    )


def as_expect(items: Iterable[Iterable[str]]) -> Expect:
    """Freeze a list of lists of alternatives, as JSON gives it."""
    return tuple(tuple(item) for item in items)


def expected(answer: str, expect: object) -> Expect:
    """Normalise `expect` as written (a list of strings or lists of strings, or None for a short answer)."""
    if expect is None:
        return ((answer.strip().rstrip("."),),)
    assert isinstance(expect, list)
    return tuple((item,) if isinstance(item, str) else tuple(item) for item in expect)


def _fact(
    entry: Mapping[str, Any],
    data: Mapping[str, Any],
    slug: str,
    aliases: tuple[str, ...],
    where: Where,
) -> Fact:
    reverse = entry.get("reverse")
    return Fact(
        id=f"{slug}/{entry['id']}",
        subject=data["subject"],
        kind=data["kind"],
        aliases=aliases,
        question=entry["question"],
        answer=entry["answer"],
        expect=expected(entry["answer"], entry.get("expect")),
        also_ask=tuple(entry.get("also_ask", ())),
        probes=tuple(entry.get("probes", ())),
        reverse=reverse
        and Reverse(
            reverse["question"],
            reverse["answer"],
            expected(reverse["answer"], reverse.get("expect")),
        ),
        source=entry.get("source", data.get("source", "")),
        withdrawn=entry.get("withdrawn", ""),
        where=where,
        review_by=entry.get("review_by", ""),
    )
