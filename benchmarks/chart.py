"""Shows a benchmark's results as a table and as a picture of recall against leak."""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # JSON data has no narrower type before it is read here


@dataclass(frozen=True, slots=True)
class Count:
    """The hits among the questions asked."""

    hits: int
    asked: int

    @property
    def share(self) -> float | None:
        """The share in percent; None where nothing was asked."""
        return 100 * self.hits / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class Trial:
    """The results and costs of one number of facts, taught once."""

    data: str
    facts: int
    seed: int
    method: str
    recall: dict[str, Count]
    leak: dict[str, Count]
    general_right: int
    general_lost: int
    general_gained: int
    kl_mean: float
    kl_p95: float
    perplexity_ratio: float
    unique_answers_ratio: float
    examples: int
    tokens: int
    steps: int
    seconds: float
    """Of training alone."""
    peak_bytes: int
    """Of the whole process so far."""
    left_out: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name the trial in a table's head."""
        return f"{self.data} {self.facts}/{self.seed} {self.method}"

    @property
    def examples_per_second(self) -> float:
        """Chats trained on in a second."""
        return self.examples / self.seconds


def trial_from_json(row: Mapping[str, Any]) -> Trial:
    """Rebuild a trial from the JSON of its `dataclasses.asdict`."""
    counts = {
        key: {group: Count(**count) for group, count in row[key].items()}
        for key in ("recall", "leak")
    }
    return Trial(**{**row, **counts, "left_out": tuple(row["left_out"])})


_MEASURES: tuple[tuple[str, Callable[[Trial], str]], ...] = (
    ("general lost / gained", lambda t: f"{t.general_lost} / {t.general_gained}"),
    ("  of right ones", lambda t: f"{t.general_right}"),
    ("KL to the base, mean", lambda t: f"{t.kl_mean:.3f} nat"),
    ("KL to the base, p95", lambda t: f"{t.kl_p95:.3f} nat"),
    ("perplexity ratio", lambda t: f"{t.perplexity_ratio:.3f}"),
    ("distinct answers ratio", lambda t: f"{t.unique_answers_ratio:.3f}"),
    ("steps", lambda t: f"{t.steps}"),
    ("tokens", lambda t: f"{t.tokens}"),
    ("examples a second", lambda t: f"{t.examples_per_second:.1f}"),
    ("training", lambda t: f"{t.seconds:.0f} s"),
    ("peak memory", lambda t: f"{t.peak_bytes / 2**30:.1f} GiB"),
)


def as_table(trials: Sequence[Trial]) -> str:
    """Write one column a trial, one row a measure."""
    rows: list[list[str]] = [["", *(trial.label for trial in trials)]]
    for key in ("recall", "leak"):
        for group in getattr(trials[0], key):
            counts = [getattr(trial, key)[group] for trial in trials]
            if any(count.asked for count in counts):
                rows.append([f"{key}: {group}", *(_percent(count) for count in counts)])
    rows += [[name, *(write(trial) for trial in trials)] for name, write in _MEASURES]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *_ratios(trials)])


def as_svg(trials: Sequence[Trial]) -> bytes:
    """Draw recall on unseen wordings against leak to other things, one point a trial."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for trial in trials:
        recall, leak = unseen(trial), leaked(trial)
        marker = "o" if trial.method == "recipe" else "x"
        axes.scatter([leak], [recall], marker=marker, label=trial.label, s=60)
    axes.set(xlabel="leak to other things, %", ylabel="recall on unseen wordings, %")
    axes.margins(0.15)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def unseen(trial: Trial) -> float:
    """Recall in percent on the file's probes, or else on the families held out."""
    own = trial.recall["probes"]
    return (own if own.asked else trial.recall["held out"]).share or 0.0


def leaked(trial: Trial) -> float:
    """Leak in percent to the file's other questions, or else to neighbours and near names."""
    own = trial.leak["others"]
    if own.asked:
        return own.share or 0.0
    both = [trial.leak[group] for group in ("neighbours", "near names")]
    return Count(sum(c.hits for c in both), sum(c.asked for c in both)).share or 0.0


def _percent(count: Count) -> str:
    return "–" if count.share is None else f"{count.share:.1f} % ({count.hits}/{count.asked})"


def _ratios(trials: Sequence[Trial]) -> list[str]:
    """Compare the recipe's speed with stock's where both ran."""
    found: dict[str, list[float]] = {"examples a second": [], "training time": []}
    stock = {(t.data, t.facts, t.seed): t for t in trials if t.method == "stock"}
    for trial in trials:
        other = stock.get((trial.data, trial.facts, trial.seed))
        if other and trial.method != "stock":
            found["examples a second"].append(trial.examples_per_second / other.examples_per_second)
            found["training time"].append(trial.seconds / other.seconds)
    return [
        f"{name}: {statistics.median(ratios):.2f} times stock's"
        for name, ratios in found.items()
        if ratios
    ]
