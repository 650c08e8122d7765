"""Holds the report of the adapter that is live now: its facts by digest, and how it answered them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.facts.fact import Expect


@dataclass(frozen=True, slots=True)
class LiveReport:
    """A report's facts by id: digest of each, whether it passed then, what was expected, and its probes."""

    digests: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, bool] = field(default_factory=dict)
    expects: Mapping[str, Expect] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
