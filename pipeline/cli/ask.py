"""`facts ask`: shows the base's and the adapter's answer to the same question."""

from __future__ import annotations

import argparse
import json
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from pipeline.cli.options import FINE, Verb, run_context, run_options
from pipeline.core import progress
from pipeline.core.chat import under_system
from pipeline.core.problems import visible

if TYPE_CHECKING:
    from pipeline.models.context import RunContext
    from pipeline.models.local_model import LocalModel

TOKENS = 120
"""Tokens of an answer here, at most."""
WIDTH = 80


class Both(NamedTuple):
    """A question with both models' answers."""

    question: str
    base: str
    adapted: str


def add_ask_verb(verb: Verb) -> None:
    """Add the verb."""
    ask = verb("ask", _ask, "show the base's and the adapter's answers side by side")
    ask.add_argument("question", nargs="?", metavar="QUESTION", help="without it: a small chat")
    ask.add_argument("--json", action="store_true", help="print the answers as JSON")
    run_options(ask)


def _ask(args: argparse.Namespace) -> int:
    context = run_context(args)
    if args.question:
        print(side_by_side(ask_once(context, args.question), as_json=args.json))
    else:
        chat_loop(context)
    return FINE


def ask_once(context: RunContext, question: str) -> Both:
    """Answer one question. Raises PipelineError when there is no finished adapter."""
    return _both(context, _adapted(context), question)


def chat_loop(context: RunContext) -> None:
    """Answer questions from standard input until it ends; each question stands for itself."""
    adapted = _adapted(context)
    print("Ask a question; an empty line ends.")
    while question := _line():
        both = _both(context, adapted, question)
        print(side_by_side(both, as_json=False), end="\n\n")


def side_by_side(both: Both, *, as_json: bool) -> str:
    """Lay out both answers for people, or as JSON."""
    if as_json:
        return json.dumps(both._asdict(), ensure_ascii=False)
    blocks = []
    for label, text in (("base", both.base), ("adapted", both.adapted)):
        lines = [visible(line) for line in text.splitlines() or [""]]
        wrapped = [part for line in lines for part in (textwrap.wrap(line, WIDTH - 10) or [""])]
        blocks += [
            f"{label if first == 0 else '':<8}  {part}" for first, part in enumerate(wrapped)
        ]
    return "\n".join(blocks)


def _adapted(context: RunContext) -> LocalModel:
    from pipeline.models import adapter

    folder = context.out / "adapter"
    adapter.finished_adapter(folder)
    return adapter.load_adapter(context.local(), folder)


def _both(context: RunContext, adapted: LocalModel, question: str) -> Both:
    """Ask as serving does: behind the recipe's first system prompt, or that of the chat template."""
    from pipeline.dataset import records
    from pipeline.evaluation import answer_limits
    from pipeline.models import generate

    asked = [under_system(context.recipe.base.system_prompts, question)]
    tokens = TOKENS
    if (context.out / "dataset" / "train.jsonl").exists():  # an adapter may have come without it
        made = records.load_dataset(context.out / "dataset")
        tokens = max(tokens, answer_limits.longest_answer(adapted.tokenizer, made))
    with progress.bar("answering", 2) as shown:
        with adapted.base_only():
            base = generate.ask_model(adapted, asked, tokens, shown)[0]
        taught = generate.ask_model(adapted, asked, tokens, shown)[0]
    return Both(question, base.text, taught.text)


def _line() -> str:
    try:
        return input("> ").strip()
    except EOFError:
        return ""
