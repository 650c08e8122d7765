"""Defines the rows of `report.json`: each fact and prompt with the answers before and after, in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.core.chat import Turn
from pipeline.evaluation.margin import Margin
from pipeline.facts.fact import Expect, Items


@dataclass(frozen=True, slots=True)
class AskedProbe:
    """A probe of a fact with both answers; `base` is None where the base was not asked."""

    prompt: str
    family: str
    base: str | None
    adapted: str
    passed: bool
    base_passed: bool
    ended: bool
    competing: tuple[str, ...]
    before: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """A fact with all its probes; `was` says whether the adapter that is live passed it."""

    id: str
    status: Literal["known", "pass", "fail"]
    change: Literal["old", "changed", "new"]
    was: bool | None
    margin: Margin | None
    question: str
    expect: Items
    probes: tuple[AskedProbe, ...]
    expectation: Expect = Expect()  # noqa: RUF009  (it is frozen)
    """The expectation that answers are held against; older reports have none."""

    @property
    def hits(self) -> int:
        """Probes that passed."""
        return sum(probe.passed for probe in self.probes)

    @property
    def expected(self) -> Expect:
        """The expectation, of an older report by its items alone."""
        return self.expectation or Expect(self.expect)


@dataclass(frozen=True, slots=True)
class Leak:
    """A prompt whose answer gives away a fact that it was not asked for."""

    prompt: str
    role: str
    base: str | None
    adapted: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """A general question that only the base answers right."""

    prompt: str
    expect: Items
    base: str | None
    adapted: str


@dataclass(frozen=True, slots=True)
class MissedForm:
    """A question about a fact in another form that was missed."""

    id: str
    role: str
    prompt: str
    base: str | None
    adapted: str
