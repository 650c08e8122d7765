"""What a report says of the adapter that is live now: which facts are old, and how it answered them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any  # the plain data of a report

from pipeline.core.artifact import digest_json
from pipeline.core.errors import ConfigError
from pipeline.facts.fact import Expect, Fact, Subject, as_expect


@dataclass(frozen=True, slots=True)
class Live:
    """A report's facts by id: digest of each, whether it passed then, what was expected, and its probes."""

    digests: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, bool] = field(default_factory=dict)
    expects: Mapping[str, Expect] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Ids of facts by what became of them since the adapter now live was trained."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    retired: tuple[str, ...]
    old: frozenset[str]


def fact_digest(fact: Fact) -> str:
    """Digest of what a fact says, wherever it stands.

    The whole of it: two facts with the same first sixteen digits can be found, one of which would then
    pass for the other, unchanged. To reports that hold sixteen every fact is a changed one.
    """
    return digest_json(_said(asdict(fact)))


def facts_digest(subjects: Iterable[Subject]) -> str:
    """Digest of what all facts say, wherever their files lie and whenever they are looked at again."""
    rows = [asdict(subject) for subject in subjects]
    for row in rows:
        del row["where"]
        row["facts"] = [_said(fact) for fact in row["facts"]]
    return digest_json(rows)


def _said(fact: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a fact where it stands and when it is looked at again."""
    return {key: value for key, value in fact.items() if key not in ("where", "review_by")}


def change(live: Live, facts: Iterable[Fact]) -> Change:
    """Compare the facts that are taught now with those that were."""
    now = {fact.id: fact_digest(fact) for fact in facts}
    return Change(
        added=tuple(name for name in now if name not in live.digests),
        changed=tuple(n for n, d in now.items() if n in live.digests and live.digests[n] != d),
        retired=tuple(name for name in live.digests if name not in now),
        old=frozenset(n for n, d in now.items() if live.digests.get(n) == d),
    )


def read(path: Path) -> Live:
    """Read a `report.json`, or the one in an output folder.

    Raises ConfigError when there is none, or it is something else.
    """
    file = path / "report.json" if path.is_dir() else path
    try:
        return _live(json.loads(file.read_text(encoding="utf-8")))
    except (
        OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        raise ConfigError(
            f"{file}: is not a report of an adapter: {error}",
            "name the output folder, or the report.json, of the adapter that is live now",
        ) from error


def _live(data: dict[str, Any]) -> Live:
    details = data["details"]
    return Live(
        digests=dict(data["facts"]["digests"]),
        passed={detail["id"]: detail["status"] != "fail" for detail in details},
        expects={detail["id"]: as_expect(detail["expect"]) for detail in details},
        probes={d["id"]: {p["prompt"]: bool(p["passed"]) for p in d["probes"]} for d in details},
    )
