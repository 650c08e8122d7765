"""Defines the results of an evaluation: each probe, each fact, and the metrics of the verdict.

`metrics` makes these; `verdict` and `warning` judge them, the report shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.core.config import GateSettings, Recipe
from pipeline.dataset.records import Dataset, Probe
from pipeline.dataset.untested import Untested
from pipeline.evaluation.harness import Task
from pipeline.evaluation.intervals import Rate
from pipeline.evaluation.likelihood import BaseDivergence
from pipeline.evaluation.margin import Margin
from pipeline.facts.change import FactsDiff
from pipeline.facts.fact import Expect, Fact
from pipeline.facts.matching import affirms, contains
from pipeline.models.adapter import TrainStats
from pipeline.models.base_model import Base
from pipeline.models.generate import Answer

NO_CHANGE = FactsDiff((), (), (), frozenset())


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One probe with both answers; `base` is None where it was not asked.

    `leaked` names the taught facts and subjects that only the adapted answer gives away,
    `competing` the facts of the same relation whose answer it gives.
    """

    probe: Probe
    base: Answer | None
    adapted: Answer
    leaked: tuple[str, ...] = ()
    competing: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether the adapted answer is right for the probe's role.

        A fact must be said, nothing that competes with it beside it, and the answer must end by
        itself. What a negated question denies, a false statement claims or a withdrawn fact said
        must not be said, unless the base says it too.
        """
        said, expect = self.adapted.text, self.probe.expect
        match self.probe.role:
            case "fact" | "noise" | "reverse":
                return contains(said, expect) and not self.competing and self.adapted.ended
            case "yes":
                return affirms(said, expect.language)
            case "no":
                return not affirms(said, expect.language) or self._base_affirms
            case "negation" | "retired":
                return not contains(said, expect) or self.base_passed
            case _:
                return not self.leaked

    @property
    def _base_affirms(self) -> bool:
        return self.base is not None and affirms(self.base.text, self.probe.expect.language)

    @property
    def base_passed(self) -> bool:
        """Return whether the base's answer says what is expected."""
        return self.base is not None and contains(self.base.text, self.probe.expect)


@dataclass(frozen=True, slots=True)
class FactResult:
    """A fact and its probes; `old`: unchanged since the adapter now live was trained.

    `was` says whether it passed with that adapter (None: it was not asked then).
    """

    fact: Fact
    asked: tuple[ProbeResult, ...]
    passed: bool
    old: bool = False
    was: bool | None = None
    margin: Margin | None = None

    @property
    def hits(self) -> int:
        """Probes that passed."""
        return sum(asked.passed for asked in self.asked)

    @property
    def known_already(self) -> bool:
        """Return whether the untrained base answers most of the probes that it was asked."""
        asked = [each for each in self.asked if each.base]
        return 2 * sum(each.base_passed for each in asked) > len(asked)


@dataclass(frozen=True, slots=True)
class LiveReport:
    """The facts in the live adapter's report by id: digest, passed or not, expected answer, probes."""

    digests: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, bool] = field(default_factory=dict)
    expects: Mapping[str, Expect] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OldFacts:
    """Unchanged facts and their probes, now against the adapter that is live: ids lost and gained, counts."""

    asked: int
    left_out: int
    lost: tuple[str, ...]
    gained: tuple[str, ...]
    upper_bound: float
    probes: int
    probes_lost: int
    probes_gained: int
    chance: float


NO_OLD = OldFacts(0, 0, (), (), 1.0, 0, 0, 0, 1.0)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics that the verdict rests on; `divergence` is None where only a server was asked."""

    facts: tuple[FactResult, ...]
    asked: tuple[ProbeResult, ...]
    divergence: BaseDivergence | None
    unique_answers_ratio: float
    top_share: tuple[float, float]
    """Share of the commonest answer to unrelated prompts: the base's, the adapted model's."""
    refusals_kept: float
    old: OldFacts = NO_OLD
    tasks: tuple[Task, ...] = ()
    untested: tuple[Untested, ...] = ()
    """Facts whose leaks would not be seen everywhere."""

    def of(self, *roles: str) -> tuple[ProbeResult, ...]:
        """Give what was asked in these roles."""
        return tuple(asked for asked in self.asked if asked.probe.role in roles)

    def rate(self, *roles: str) -> Rate:
        """Count what passed in these roles."""
        asked = self.of(*roles)
        return Rate(sum(each.passed for each in asked), len(asked))

    @property
    def probes(self) -> Rate:
        """Probes passed, over all facts."""
        return Rate(sum(f.hits for f in self.facts), sum(len(f.asked) for f in self.facts))

    @property
    def neighbours(self) -> tuple[ProbeResult, ...]:
        """Questions about other things: of the same kind, or called almost the same."""
        return self.of("neighbour", "near name")

    @property
    def lost(self) -> tuple[ProbeResult, ...]:
        """General questions that the base answers right and the adapted model does not."""
        return tuple(a for a in self._general if a.base_passed and not says_it(a))

    @property
    def gained(self) -> tuple[ProbeResult, ...]:
        """General questions that only the adapted model answers right."""
        return tuple(a for a in self._general if not a.base_passed and says_it(a))

    @property
    def general(self) -> Rate:
        """General questions that the base answers right, of those with a checkable answer."""
        return Rate(sum(a.base_passed for a in self._general), len(self._general))

    @property
    def still_said(self) -> Mapping[str, Rate]:
        """Count, for each withdrawn fact, the questions that still get its old answer."""
        asked = self.of("retired")
        ids = dict.fromkeys(each.probe.fact for each in asked)
        own = {name: [a for a in asked if a.probe.fact == name] for name in ids}
        return {n: Rate(sum(not a.passed for a in each), len(each)) for n, each in own.items()}

    @property
    def unmoved(self) -> Rate:
        """Answers to questions about facts that the base gets wrong, and that are still the base's."""
        wrong = [a for f in self.facts for a in f.asked if a.base and not a.base_passed]
        return Rate(sum(a.base == a.adapted for a in wrong), len(wrong))

    @property
    def _general(self) -> tuple[ProbeResult, ...]:
        return tuple(asked for asked in self.of("unrelated") if asked.probe.expect)


def missable(asked: int, settings: GateSettings) -> int:
    """Give how many of a fact's probes may be missed."""
    return max(1, asked // settings.probes_per_miss)


def missed(result: FactResult, settings: GateSettings) -> str:
    """Say how many of a fact's probes were missed."""
    asked = len(result.asked)
    said = f"{result.fact.id}: {asked - result.hits} of {asked} probes missed"
    return f"{said} (at most {missable(asked, settings)})" if asked else said


def tolerated(measured: Metrics, settings: GateSettings) -> int:
    """Give how many new facts may fail: none of a usual change, a few of a thousand."""
    return int(settings.facts_failed * sum(not result.old for result in measured.facts))


def says_it(asked: ProbeResult) -> bool:
    """Return whether the adapted answer says what is expected, however long it goes on."""
    return contains(asked.adapted.text, asked.probe.expect)


@dataclass(frozen=True, slots=True)
class JudgedAdapter:
    """An adapter's digest, its rank, and the size of its weights in bytes; nothing of one on a server."""

    digest: str = ""
    rank: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Describes a run in its report, beside measurements and verdict.

    `seconds` has build, train and gate; `change` is empty where no adapter is live yet; `sample_key` is
    "" where the dataset's digest is the key.
    """

    recipe: Recipe
    seed: int
    base: Base
    made: Dataset
    adapter: JudgedAdapter
    trained: TrainStats
    seconds: dict[str, float]
    reproduce: str
    change: FactsDiff = NO_CHANGE
    sample_key: str = ""
