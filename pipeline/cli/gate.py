"""`facts gate`: its options, some shared with `facts learn`, and the call of the gate."""

from __future__ import annotations

import argparse
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import direct_http
from pipeline.core.arguments import given
from pipeline.core.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.evaluation.evaluate import ServedModels
    from pipeline.models.context import RunContext

API_KEY = "SCHOOLHOUSE_API_KEY"
"""Environment variable with the key that a server asks for."""


def engine_option(parser: argparse.ArgumentParser) -> None:
    """Add `--engine`: judge the adapter on the engine that will serve it."""
    parser.add_argument(
        "--engine", nargs="?", const="", metavar="FILE",
        help="judge what vLLM answers, with the flags of this serve.toml (default: ./serve.toml, else the "
        "shipped one): the one that runs, or one started for it",
    )  # fmt: skip


def sample_option(parser: argparse.ArgumentParser) -> None:
    """Add `--sample-key`: draw the sample of unchanged facts by this key."""
    parser.add_argument(
        "--sample-key", type=_key, metavar="KEY",
        help="draw the sample of what is asked by this key, which no author of a fact can choose "
        "(default: the dataset's digest)",
    )  # fmt: skip


def _key(text: str) -> str:
    """Read a key; an empty one would stand for the dataset's digest, which an author can choose."""
    if not re.fullmatch(r"[0-9A-Za-z._-]{1,128}", text):
        raise argparse.ArgumentTypeError(
            f"{text[:128]!a} is not 1 to 128 letters, digits, dots, hyphens and underscores"
        )
    return text


def engine(args: argparse.Namespace, context: RunContext) -> ServedModels | None:
    """Give the engine that the option names, if it was given. Raises ConfigError where it cannot be used."""
    if args.engine is None:
        return None
    from pipeline.evaluation.evaluate import ServedModels
    from serve import temporary_engine

    own = temporary_engine.settings_for(Path(args.engine) if args.engine else None, context.base)
    return ServedModels(args.engine, partial(temporary_engine.side_by_side, own, context.base))


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb alone."""
    parser.add_argument(
        "--adapter", type=Path, metavar="DIR", help="adapter folder (default: OUT/adapter)"
    )
    parser.add_argument(
        "--server", type=given, metavar="URL",
        help=f"ask a live OpenAI-compatible server instead; its key, if any, is in {API_KEY}",
    )  # fmt: skip
    engine_option(parser)
    parser.add_argument(
        "--model", type=given, metavar="NAME", help="what the adapter is called on the server"
    )
    parser.add_argument(
        "--lm-eval", nargs="+", default=[], metavar="TASK",
        help="also run these tasks of an installed lm-evaluation-harness; told, not target",
    )  # fmt: skip
    parser.add_argument(
        "--self-test", action="store_true",
        help="prove the gate: plant bad adapters beside OUT/adapter and expect each to be rejected",
    )  # fmt: skip


def run_gate(args: argparse.Namespace, context: RunContext) -> bool:
    """Judge the adapter that the options name; give whether it passed."""
    from pipeline import learn
    from pipeline.evaluation import evaluate
    from pipeline.models.client import Server
    from pipeline.report import files

    if bool(args.server) != bool(args.model):
        raise ConfigError("--server and --model go together", "name both, or neither")
    if args.adapter and args.server:
        raise ConfigError("--adapter and --server are two ways to be asked", "name one of them")
    if args.engine is not None and (args.server or args.self_test):
        raise ConfigError(
            "--engine is for a folder's adapter alone", "leave out --server and --self-test"
        )
    if args.lm_eval and args.server:
        raise ConfigError(
            "--lm-eval needs the model's probabilities, which a server keeps",
            "gate the adapter's folder",
        )
    if args.self_test:
        from pipeline.evaluation import self_test

        return self_test.run_self_test(context)
    key = direct_http.key(API_KEY)
    target = evaluate.Target(
        folder=args.adapter,
        server=Server(args.server, args.model, key) if args.server else None,
        engine=engine(args, context),
        live=files.read_live_report(args.against),
        tasks=tuple(args.lm_eval),
        sample_key=args.sample_key or "",
    )
    return learn.judge(context, target).passed
