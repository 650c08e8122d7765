"""The verbs `facts learn`, its stages one by one, and `facts bench`."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path

from pipeline.cli import gate
from pipeline.cli.options import (
    FAILED,
    FINE,
    Verb,
    above_zero,
    facts_option,
    run_context,
    run_options,
)
from pipeline.core import lock


def add_learn_verbs(verb: Verb) -> None:
    """Add the verbs."""
    learn = verb(
        "learn", _learn, "check, build, train, gate and report, in one go",
        "The exit code is the verdict; finished stages with unchanged inputs are reused.",
    )  # fmt: skip
    build = verb("build", _build, "write the examples and probes of the facts to OUT/dataset")
    train = verb("train", _train, "train OUT/adapter on OUT/dataset")
    gating = verb("gate", _gate, "judge OUT/adapter on OUT/dataset and write the reports")
    for parser in (learn, build):
        facts_option(parser)
    for parser in (learn, build, train, gating):
        run_options(parser)
    for parser in (learn, gating):
        parser.add_argument(
            "--against", type=Path, metavar="OUT|REPORT",
            help="output folder or report.json of the adapter now live: its facts are unchanged ones",
        )  # fmt: skip
        gate.sample_option(parser)
    learn.add_argument(
        "--from", dest="before", type=Path, metavar="OUT",
        help="output folder of a run that passed: where facts were only added since, go on from its "
        "adapter; all facts are gated, and taught anew when the gate says no",
    )  # fmt: skip
    learn.add_argument(
        "--estimate", action="store_true",
        help="only say how much memory training will take, and whether it fits here",
    )  # fmt: skip
    gate.options(gating)
    gate.engine_option(learn)


def add_bench_verb(verb: Verb) -> None:
    """Add `facts bench`."""
    bench = verb(
        "bench", _bench, "measure recall, leak, retention and speed against the number of facts",
        "Teaches facts that it makes up, or the first rows of a file. Writes bench.json and "
        "bench.svg to OUT; what was measured before is kept, so an interrupted run goes on.",
    )  # fmt: skip
    bench.add_argument(
        "--data", type=Path, metavar="FILE",
        help="JSON lines with subject, question, answer, probes, and neighbours or unrelated",
    )  # fmt: skip
    bench.add_argument(
        "--sizes", type=above_zero, nargs="+", default=[10, 100, 1000], metavar="N",
        help="numbers of facts (default: 10 100 1000)",
    )  # fmt: skip
    bench.add_argument(
        "--seeds", type=int, nargs="+", default=[0], metavar="N", help="seeds (default: 0)"
    )
    bench.add_argument(
        "--against", choices=["stock"],
        help="stock: teach the same facts with plain TRL as well, and print the ratios",
    )  # fmt: skip
    bench.add_argument("--json", action="store_true", help="print the measurements as JSON")
    run_options(bench, out="build/bench", seed=False)


def _learn(args: argparse.Namespace) -> int:
    from pipeline import learn
    from pipeline.evaluation.evaluate import Target
    from pipeline.report import files

    if args.estimate:
        return _estimate(args)
    live = files.read_live_report(args.against)
    with lock.gpu():
        context = run_context(args)
        engine = gate.engine(args, context)
        target = Target(engine=engine, live=live, sample_key=args.sample_key or "")
        verdict = learn.learn(args.facts, context, target, args.before)
    return FINE if verdict.passed else FAILED


def _estimate(args: argparse.Namespace) -> int:
    from pipeline.dataset import build
    from pipeline.facts import check
    from pipeline.training import forecast
    from pipeline.training.batching import schedule

    context = run_context(args)
    subjects, recipe = check.load_subjects(args.facts), context.recipe
    systems = recipe.base.system_prompts
    made = build.build(subjects, recipe.dataset, context.seed, systems=systems)
    steps = schedule(made.examples, context.recipe.train, context.seed)
    estimate = forecast.forecast(context.base, made, context.recipe, steps)
    print(forecast.forecast_as_text(estimate))
    return FINE if estimate.fits else FAILED


def _build(args: argparse.Namespace) -> int:
    from pipeline import learn

    with lock.gpu():
        learn.build(args.facts, run_context(args))
    return FINE


def _train(args: argparse.Namespace) -> int:
    from pipeline.models import processes
    from pipeline.training import fit

    with lock.gpu() if processes.is_main() else nullcontext():
        processes.together()
        fit.fit(run_context(args))
    return FINE


def _gate(args: argparse.Namespace) -> int:
    with lock.gpu():
        return FINE if gate.run_gate(args, run_context(args)) else FAILED


def _bench(args: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from benchmarks import chart, recipe

    cases = recipe.cases(args.data, args.sizes, args.seeds)
    with lock.gpu():
        trials = recipe.run_cases(cases, run_context(args), args.against)
    as_json = json.dumps([asdict(trial) for trial in trials], indent=2)
    print(as_json if args.json else chart.as_table(trials))
    return FINE
