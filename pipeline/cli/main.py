"""The `facts` command: parse, call a stage, return an exit code. Data on stdout, talk on stderr."""

from __future__ import annotations

import argparse
import sys
import traceback

from pipeline.cli import ask, ci, completion, facts, import_facts, learn, publish, serve
from pipeline.cli.options import BUG, FAILED, INTERRUPTED
from pipeline.core import console, escape
from pipeline.core.errors import FactsError, PipelineError


def main(argv: list[str] | None = None) -> int:
    """Run one verb; give 0 fine, 1 facts or model failed, 2 wrong usage, 3 our bug, 130 Ctrl-C."""
    with console.guarded():
        return _main(argv)


def _main(argv: list[str] | None) -> int:
    args = command_line().parse_args(argv)
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


def command_line() -> argparse.ArgumentParser:
    """Give the parser of the command: every verb with its options."""
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

    learn.add_learn_verbs(verb)
    facts.add_facts_verbs(verb)
    ask.add_ask_verb(verb)
    learn.add_bench_verb(verb)
    serve.add_serve_verbs(verb)
    facts.add_new_verb(verb)
    import_facts.add_import_verb(verb)
    publish.add_publish_verbs(verb)
    ci.add_ci_verb(verb)
    completion.add_completion_verb(verb, parser)
    return parser
