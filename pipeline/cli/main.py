"""The `facts` command: parse, call a stage, return an exit code. Data on stdout, talk on stderr."""

from __future__ import annotations

import argparse
import sys
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli import ci, facts, gate, publish
from pipeline.core import console, escape, lock
from pipeline.core.errors import FactsError, PipelineError, Problem
from pipeline.training import fit

if TYPE_CHECKING:
    from pipeline.models.base_model import Base
    from pipeline.models.context import RunContext

FINE, FAILED, BUG, INTERRUPTED = 0, 1, 3, 130


def main(argv: list[str] | None = None) -> int:
    """Run one verb; give 0 fine, 1 facts or model failed, 2 wrong usage, 3 our bug, 130 Ctrl-C."""
    with console.guarded():
        return _main(argv)


def _main(argv: list[str] | None) -> int:
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except FactsError as error:
        from pipeline.core import problems

        print(problems.as_text(error.problems))
        return error.exit_code
    except PipelineError as error:
        print(escape.line(f"facts: {error.message}"), file=sys.stderr)
        if error.hint:
            print(escape.line(f"hint: {error.hint}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nfacts: interrupted; finished stages are kept", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
    except Exception:  # noqa: BLE001  (the one place where a bug ends)
        traceback.print_exc()
        print(
            "facts: this is a bug in Schoolhouse; please report it with the trace above",
            file=sys.stderr,
        )
        return BUG


def _learn(args: argparse.Namespace) -> int:
    from pipeline import learn
    from pipeline.evaluation import live_report
    from pipeline.evaluation.evaluate import Target

    if args.estimate:
        return _estimate(args)
    live = live_report.read_live_report(args.against) if args.against else live_report.LiveReport()
    with lock.gpu():
        session = _session(args)
        engine = gate.engine(args, session)
        judged = Target(engine=engine, live=live, sample_key=args.sample_key or "")
        verdict = learn.learn(args.facts, session, judged, args.before)
    return FINE if verdict.passed else FAILED


def _estimate(args: argparse.Namespace) -> int:
    from pipeline.dataset import build
    from pipeline.facts import check
    from pipeline.training import forecast
    from pipeline.training.batching import schedule

    session = _session(args)
    made = build.build(check.load_subjects(args.facts), session.recipe.dataset, session.seed)
    steps = schedule(made.examples, session.recipe.train, session.seed)
    found = forecast.forecast(session.base, made, session.recipe, steps)
    print(forecast.forecast_as_text(found))
    return FINE if found.fits else FAILED


def _check(args: argparse.Namespace) -> int:
    from pipeline.core import problems
    from pipeline.facts import check

    here = args.paths or [Path("facts")]
    found = facts.problems(args) if args.base else check.check(here).problems
    if args.format == "github":
        console.commands(problems.as_github(found))
    else:
        print((problems.as_json if args.format == "json" else problems.as_text)(found))
    return FAILED if any(p.severity == "error" for p in found) else FINE


def _build(args: argparse.Namespace) -> int:
    from pipeline import learn

    with lock.gpu():
        learn.build(args.facts, _session(args))
    return FINE


def _train(args: argparse.Namespace) -> int:
    from pipeline.models import processes

    with lock.gpu() if processes.is_main() else nullcontext():
        processes.together()
        fit.fit(_session(args))
    return FINE


def _gate(args: argparse.Namespace) -> int:
    with lock.gpu():
        return FINE if gate.run_gate(args, _session(args)) else FAILED


def _bench(args: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from benchmarks import chart, recipe

    found = recipe.cases(args.data, args.sizes, args.seeds)
    with lock.gpu():
        trials = recipe.run_cases(found, _session(args), args.against)
    as_json = json.dumps([asdict(trial) for trial in trials], indent=2)
    print(as_json if args.json else chart.as_table(trials))
    return FINE


def _ask(args: argparse.Namespace) -> int:
    from pipeline.cli import ask

    session = _session(args)
    if args.question:
        print(ask.side_by_side(ask.ask_once(session, args.question), as_json=args.json))
        return FINE
    ask.chat_loop(session)
    return FINE


def _new(args: argparse.Namespace) -> int:
    from pipeline.facts import author

    print(author.interview(args.facts))
    return FINE


def _live(adapter: Path, base: Base, question: str) -> tuple[Problem, ...] | None:
    from serve import temporary_engine

    with lock.gpu():
        return temporary_engine.try_adapter(adapter, base, question)


def _session(args: argparse.Namespace) -> RunContext:
    from pipeline.core import config
    from pipeline.models.context import RunContext

    return RunContext(config.load_recipe(args.recipe), args.out, getattr(args, "seed", 0))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="facts",
        description="Teach a language model the facts of a folder, and prove that it learned them.",
        epilog="Exit codes: 0 fine, 1 the facts or the model failed, 2 wrong usage or "
        "configuration, 3 a bug in Schoolhouse. Start with `facts learn`.",
    )
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def verb(name: str, run: object, text: str, more: str = "") -> argparse.ArgumentParser:
        own = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}. {more}")
        own.set_defaults(run=run)
        return own

    learn = verb(
        "learn", _learn, "check, build, train, gate and report, in one go",
        "The exit code is the verdict; finished stages with unchanged inputs are reused.",
    )  # fmt: skip
    build = verb("build", _build, "write the examples and probes of the facts to OUT/dataset")
    train = verb("train", _train, "train OUT/adapter on OUT/dataset")
    gating = verb("gate", _gate, "judge OUT/adapter on OUT/dataset and write the reports")
    for own in (learn, build):
        _facts_option(own)
    for own in (learn, build, train, gating):
        _run_options(own)
    for own in (learn, gating):
        own.add_argument(
            "--against", type=Path, metavar="OUT|REPORT",
            help="output folder or report.json of the adapter now live: its facts are unchanged ones",
        )  # fmt: skip
        gate.sample_option(own)
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

    check = verb("check", _check, "say everything that is wrong with facts files")
    check.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: facts)"
    )
    check.add_argument(
        "--format", choices=["text", "github", "json"], default="text",
        help="github: annotations on a pull request (default: text)",
    )  # fmt: skip
    facts.add(verb, check)

    ask = verb("ask", _ask, "show the base's and the adapter's answers side by side")
    ask.add_argument("question", nargs="?", metavar="QUESTION", help="without it: a small chat")
    ask.add_argument("--json", action="store_true", help="print the answers as JSON")
    _run_options(ask)

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
        "--sizes", type=_count, nargs="+", default=[10, 100, 1000], metavar="N",
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
    _run_options(bench, out="build/bench", seed=False)

    from pipeline.cli import serve

    serve.add_verbs(verb)

    _facts_option(verb("new", _new, "write a facts file by answering a few questions"))
    publish.add(verb, _live)
    ci.add(verb)
    return parser


def _facts_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--facts",
        type=Path,
        default=Path("facts"),
        metavar="DIR",
        help="facts folder (default: facts)",
    )


def _count(text: str) -> int:
    """Read a whole number above zero."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not above zero")
    return number


def _run_options(parser: argparse.ArgumentParser, *, out: str = "build", seed: bool = True) -> None:
    parser.add_argument(
        "--recipe", default="smollm2-135m", metavar="NAME|FILE",
        help="a shipped recipe or a TOML file (default: smollm2-135m)",
    )  # fmt: skip
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(out),
        metavar="DIR",
        help=f"output folder (default: {out})",
    )
    if seed:
        parser.add_argument(
            "--seed", type=int, default=0, metavar="N", help="random seed (default: 0)"
        )
