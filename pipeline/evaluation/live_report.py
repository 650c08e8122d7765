"""Reads the report of the adapter that is live now: its facts by digest, and how it answered them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # the plain data of a report

from pipeline.core.errors import ConfigError
from pipeline.facts.fact import Expect, reported_expect


@dataclass(frozen=True, slots=True)
class LiveReport:
    """A report's facts by id: digest of each, whether it passed then, what was expected, and its probes."""

    digests: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, bool] = field(default_factory=dict)
    expects: Mapping[str, Expect] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)


def read_live_report(path: Path) -> LiveReport:
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
            "name the output folder of a `facts learn` that passed, or its report.json",
        ) from error


def _live(data: dict[str, Any]) -> LiveReport:
    details = data["details"]
    return LiveReport(
        digests=dict(data["facts"]["digests"]),
        passed={detail["id"]: detail["status"] != "fail" for detail in details},
        expects={detail["id"]: reported_expect(detail) for detail in details},
        probes={d["id"]: {p["prompt"]: bool(p["passed"]) for p in d["probes"]} for d in details},
    )
