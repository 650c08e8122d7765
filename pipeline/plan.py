"""Two states of the facts → what changed between them, and so how much has to be trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.errors import Where
from pipeline.facts import Fact, Subject

_NOWHERE = Where("", 0, 0)


@dataclass(frozen=True, slots=True)
class Change:
    """Ids of facts that are taught now and were not, say something else, or are no longer taught."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    retired: tuple[str, ...]

    @property
    def only_adds(self) -> bool:
        """Whether an adapter that holds what was taught before may be trained on, not anew."""
        return bool(self.added) and not self.changed and not self.retired


def change(before: Sequence[Subject], after: Sequence[Subject]) -> Change:
    """Compare the facts taught before and after; where their files lie does not matter."""
    old, new = _taught(before), _taught(after)
    return Change(
        added=tuple(fact for fact in new if fact not in old),
        changed=tuple(fact for fact in new if fact in old and new[fact] != old[fact]),
        retired=tuple(fact for fact in old if fact not in new),
    )


def _taught(subjects: Sequence[Subject]) -> dict[str, Fact]:
    return {
        fact.id: replace(fact, where=_NOWHERE)
        for subject in subjects
        for fact in subject.facts
        if fact.live
    }
