"""A change to the facts: both its ends, what becomes of each fact, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from pipeline.core import git
from pipeline.core.artifact import digest_json
from pipeline.core.errors import Problem, Where
from pipeline.facts import check, snapshot
from pipeline.facts.check import Checked
from pipeline.facts.fact import Expect, Fact, Subject
from pipeline.facts.files import facts_file
from pipeline.facts.snapshot import FOLDER


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Two commits, and the facts of both as far as they could be read."""

    base: str
    head: str
    before: tuple[Subject, ...]
    after: Checked
    touched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactsDiff:
    """Ids of facts by what became of them since the adapter now live was trained."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    retired: tuple[str, ...]
    old: frozenset[str]


def read_change(repository: Path, base: str, head: str) -> ChangeSet:
    """Read the change from where `head` left `base` up to `head`.

    Raises ConfigError when one is no commit.
    """
    start, end = git.fork_point(repository, base, head), git.resolve(repository, head)
    paths = git.touched(repository, start, end)
    return ChangeSet(
        start, end, checked_at(repository, start).subjects, checked_at(repository, end), paths
    )


def checked_at(repository: Path, revision: str) -> Checked:
    """Check the facts of a revision."""
    there = snapshot.read_snapshot(repository, revision)
    found = [
        (PurePosixPath(path), facts_file.parse_document(raw, path)) for path, raw in there.files
    ]
    return check.check_documents(found, there.problems, FOLDER)


def problems(change: ChangeSet) -> tuple[Problem, ...]:
    """Give everything that is wrong with the facts, and with changing them like this."""
    wrong = change.after.problems
    if not any(problem.severity == "error" for problem in wrong):
        wrong = (*wrong, *_removed(change.before, change.after.subjects))
    return (*wrong, *_mixed(change.touched))


def diff(before: Mapping[str, str], facts: Iterable[Fact]) -> FactsDiff:
    """Compare the facts that are taught now with the digests, by id, of those that were."""
    now = {fact.id: fact_digest(fact) for fact in facts}
    return FactsDiff(
        added=tuple(name for name in now if name not in before),
        changed=tuple(n for n, d in now.items() if n in before and before[n] != d),
        retired=tuple(name for name in before if name not in now),
        old=frozenset(n for n, d in now.items() if before.get(n) == d),
    )


def fact_digest(fact: Fact) -> str:
    """Digest of what a fact says, wherever it stands.

    The whole of it: two facts with the same first sixteen digits can be found, one of which would then
    pass for the other, unchanged. To reports that hold sixteen every fact is a changed one.
    """
    return digest_json(_said(fact))


def facts_digest(subjects: Iterable[Subject]) -> str:
    """Digest of what all facts say, wherever their files lie and whenever they are looked at again."""
    rows = []
    for subject in subjects:
        left_out = ("where",) if subject.language else ("where", "language")
        row = {key: value for key, value in asdict(subject).items() if key not in left_out}
        rows.append({**row, "facts": [_said(fact) for fact in subject.facts]})
    return digest_json(rows)


def digest_by_subject(subjects: Iterable[Subject]) -> str:
    """Digest of what facts say, in the order of their subjects."""
    return facts_digest(sorted(subjects, key=lambda subject: subject.slug))


def _said(fact: Fact) -> dict[str, object]:
    """Leave out of a fact where it stands, when it is looked at again, and what is as usual.

    So a fact keeps the digest that it had before facts named their language and could have turns before.
    """
    usual = {"language": "en", "before": ()}
    said = {
        key: value
        for key, value in asdict(fact).items()
        if key not in ("where", "review_by") and not (key in usual and usual[key] == value)
    }
    said["expect"] = _expectation(fact.expect)
    if turned := fact.reverse:
        said["reverse"] = {**asdict(turned), "expect": _expectation(turned.expect)}
    return said


def _expectation(expect: Expect) -> Sequence[object]:
    """Give the items alone, unless other whole sets are right as well."""
    return [expect.items, *expect.instead] if expect.instead else expect.items


def _removed(before: Iterable[Subject], after: Iterable[Subject]) -> Iterator[Problem]:
    """Yield the facts whose ids are gone; somebody's link or adapter may still name them."""
    kept = {fact.id for subject in after for fact in subject.facts}
    for fact in (fact for subject in before for fact in subject.facts):
        if fact.id not in kept:
            message = f"the fact `{fact.id}` is gone; ids never disappear"
            hint = "put it back with a line `withdrawn: why`; it is then no longer taught"
            yield Problem(Where(fact.where.path), "removed-id", message, hint)


def _mixed(touched: Iterable[str]) -> Iterator[Problem]:
    """Yield what a change to the facts touches besides."""
    inside = [path for path in touched if path.startswith(f"{FOLDER}/")]
    outside = [path for path in touched if not path.startswith(f"{FOLDER}/")]
    if inside and outside:
        more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
        message = f"a change to {FOLDER}/ touches nothing else, but this one also has this file"
        hint = "make two pull requests: one with the facts, one with the rest"
        yield Problem(Where(outside[0]), "mixed-change", f"{message}{more}", hint)
