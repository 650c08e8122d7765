"""Print the gate's rate of accepting models of a known recall, by number of facts (simulation).

    python benchmarks/gate_rates.py [RUNS]

A row's bound is exact at 95 % confidence for the runs made, on the conservative side of its goal.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.core import config
from pipeline.dataset import build
from pipeline.evaluation import simulate
from pipeline.facts import check, synthetic


def main() -> None:
    """Simulate the shipped facts, then made-up ones."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    recipe = config.load_recipe("smollm2-135m")
    cases = {"shipped": check.load_subjects(Path("facts"))}
    cases |= {f"{size} made up": synthetic.subjects(size, 0) for size in (1, 12, 30, 100)}
    print(f"{'facts':<12} {'recall':>7} {'accepted':>9} {'bound':>18}")
    for name, subjects in cases.items():
        made = build.build(subjects, recipe.dataset, 0)
        for recall in (0.9, 0.95, 0.97, 0.98, 0.99, 0.998):
            found = simulate.accepted(made, recipe, recall, runs, seed=0)
            low = recall > 0.95
            bound = (
                f"at least {found.lower_bound:.3f}" if low else f"at most {found.upper_bound:.4f}"
            )
            share = found.count / found.total
            print(f"{name:<12} {recall:>7} {share:>9.4f} {bound:>18}", flush=True)


if __name__ == "__main__":
    main()
