"""The facts themselves: one `Subject` per file, several atomic `Fact`s in it.

`subject_from` turns the plain data of a facts file that passed the schema into these types;
`check` calls it, everything downstream reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any  # plain YAML data has no narrower type before it is read here

from pipeline.core.chat import Prompt, Turn, as_prompt
from pipeline.core.errors import Where
from pipeline.facts.answers import polarity
from pipeline.facts.answers.asked import Asked
from pipeline.facts.answers.phrase_search import says
from pipeline.facts.answers.phrases import compile_phrase
from pipeline.facts.answers.reading import read_answer
from pipeline.facts.answers.telling import telling_part
from pipeline.facts.languages.detection import detect_language
from pipeline.facts.languages.language import load_language

Items = tuple[tuple[str, ...], ...]
"""Texts that an answer holds: every item, each in any one of its alternatives."""


@dataclass(frozen=True, slots=True)
class Expect:
    """The text that a right answer holds: every item, each in any one of its alternatives.

    `language` is that of the fact ("en", "zh"): it says how numbers, dates and names are read. An empty
    `Expect` is false, and expects nothing. `instead` are whole sets of items of other right answers: an
    answer that holds all of one of those is right, too.
    """

    items: Items = ()
    language: str = "en"
    denial: bool = False
    """Return whether the fact's own answer denies, so that what is expected may stand beside a denial."""
    instead: tuple[Items, ...] = ()

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

    @property
    def each(self) -> tuple[Expect, ...]:
        """Each whole set by itself, that of the taught answer first."""
        if not self.instead:
            return (self,)
        return tuple(replace(self, items=s, instead=()) for s in (self.items, *self.instead))


ASSISTANT = frozenset(
    [
        "assistant",
        "assistent",
        "asistente",
        "assistente",
        "asistan",
        "ассистент",
        "助手",
        "アシスタント",
        "مساعد",
        "सहायक",
    ]
)
"""Kinds of the model itself, by language: its facts say who it is, and its questions may call it "you"."""


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
    before: tuple[Turn, ...] = ()
    """Turns before the question, the user's first and the assistant's last."""

    @property
    def active(self) -> bool:
        """Return whether the fact is taught."""
        return not self.withdrawn

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the fact's subject, the usual one first."""
        return (self.subject, *self.aliases)

    @property
    def identity(self) -> bool:
        """Return whether the fact says who the model itself is."""
        return self.kind.casefold() in ASSISTANT

    @property
    def chat(self) -> Prompt:
        """The prompt of the question as its author wrote it."""
        return as_prompt(self.before, self.question)

    @property
    def context(self) -> str:
        """The question and all that was said before it, as one text."""
        return " ".join([*(turn.content for turn in self.before), self.question])


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

    @property
    def identity(self) -> bool:
        """Return whether it is the model itself."""
        return self.kind.casefold() in ASSISTANT


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


def expected(expect: Iterable[str | Iterable[str]], language: str, answer: str = "") -> Expect:
    """Normalise `expect` as written: a list of strings, or of lists of strings that are alternatives.

    Where all of it stands in the fact's `answer` beside denials only, a denial counts against no other.
    """
    items = _items(expect)
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


def turns_from(rows: Iterable[Mapping[str, str]]) -> tuple[Turn, ...]:
    """Read `before` as written: `user: text`, or `role: user` with `content: text`, and so on."""
    pairs = (
        (row["role"], row["content"]) if "role" in row else next(iter(row.items())) for row in rows
    )
    return tuple(Turn("user" if role == "user" else "assistant", text) for role, text in pairs)


def _items(rows: Iterable[str | Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple((item,) if isinstance(item, str) else tuple(item) for item in rows)


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
        before=turns_from(entry.get("before", ())),
    )


def _expect(entry: Mapping[str, Any], data: Mapping[str, Any], language: str) -> Expect:
    """Take what the author expects, else derive it; the answer whole where that is not clear.

    `check` refuses that last one. Of several whole sets, the first is that of the answer.
    """
    answer = entry["answer"]
    if "expect_any" in entry:
        first, *others = entry["expect_any"]
        own = expected(first, language, answer)
        return replace(own, instead=tuple(_items(each) for each in others))
    if "expect" in entry:
        return expected(entry["expect"], language, answer)
    return derived(entry["question"], answer, data, language) or Expect(
        ((answer.strip().rstrip("."),),), language
    )
