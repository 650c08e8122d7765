"""Defines the files that a release adds to an adapter and its report: where it is from, and its facts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.core.chat import Turn
from pipeline.core.errors import PublishError
from pipeline.core.json_file import read_json
from pipeline.facts.fact import Items
from pipeline.models.machine import Machine

FACTS, PROVENANCE, REPORT = "facts.jsonl", "provenance.json", "report.json"
HINT = "do not use it; publish the run again, or tell the publisher"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Provenance:
    """`provenance.json`: every link from a commit to the weights, by names and digests; no time."""

    schema: int
    facts: dict[str, str]
    dataset: str
    recipe: dict[str, str]
    code: str
    base: dict[str, str]
    seed: int
    machine: Machine
    gate: dict[str, str]
    adapter: dict[str, str]


@dataclass(frozen=True, slots=True)
class ReleasedFact:
    """A line of `facts.jsonl`: a fact with its source, and how many of its probes passed."""

    id: str
    subject: str
    question: str
    answer: str
    expect: Items
    source: str
    license: str
    status: str
    probes_passed: int
    probes: int
    expect_any: tuple[Items, ...] = ()
    before: tuple[Turn, ...] = ()


def read_content(path: Path, kind: type[T]) -> T:
    """Read a release's JSON file. Raises PublishError when it cannot be read, or is something else."""
    with _readable(path):
        return read_json(kind, path.read_bytes(), more=True)


def read_facts(release: Path) -> list[ReleasedFact]:
    """Read the facts of a release, of which there is one at least. Raises PublishError."""
    path = release / FACTS
    with _readable(path):
        lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
        return [read_json(ReleasedFact, line, more=True) for line in lines]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise PublishError(f"{path.name}: cannot be read: {error}", HINT) from error
