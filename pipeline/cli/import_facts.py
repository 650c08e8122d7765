"""The verb `facts import`: reads tables and chats of others, and says line by line what it did not take."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any  # JSON data

from pipeline.cli.options import FAILED, FINE, Verb, facts_option
from pipeline.core import console

if TYPE_CHECKING:
    from pipeline.facts.authoring.library import Library
    from pipeline.facts.importing.rows import Reading
    from pipeline.facts.importing.run import Import

_PARTS = {
    "subject": "what the facts are about",
    "kind": "what sort of thing that is",
    "topic": "the folder below facts/ (default: the kind)",
    "source": "where the facts are from",
    "license": "their licence, as SPDX writes it",
    "question": "the column of the question",
    "answer": "the column of the answer",
    "expect": "what a right answer must contain",
}
_ASKED: tuple[str, ...] = ("subject", "kind", "source")


def add_import_verb(verb: Verb) -> None:
    """Add `facts import`."""
    own = verb(
        "import", _import, "write facts files from CSV, TSV, JSON, JSONL, chats or qna.yaml",
        "Only adds: no file is overwritten, and what the check refuses is left out and told. In the text "
        "of an option, {COLUMN} stands for the cell of that column.",
    )  # fmt: skip
    own.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what to read")
    facts_option(own)
    for part, text in _PARTS.items():
        own.add_argument(f"--{part}", default="", metavar="TEXT", help=text)
    own.add_argument("--encoding", default="", metavar="NAME", help="default: told by the bytes")
    own.add_argument(
        "--delimiter",
        default="",
        metavar="SIGN",
        help="between cells: , ; | or tab (default: told by the rows)",
    )
    own.add_argument(
        "--header", action=argparse.BooleanOptionalAction, default=None,
        help="whether the first row names the columns (default: told by the rows)",
    )  # fmt: skip
    own.add_argument(
        "--fill-in", type=Path, metavar="CSV",
        help="where rows go that lack subject, kind or source (default: FILE.fill-in.csv here)",
    )  # fmt: skip
    own.add_argument("--dry-run", action="store_true", help="write nothing")
    own.add_argument("--json", action="store_true", help="say what was done as JSON")


def _import(args: argparse.Namespace) -> int:
    from pipeline.facts.authoring.library import read_library
    from pipeline.facts.importing import run

    texts = {part: getattr(args, part) for part in _PARTS if getattr(args, part)}
    reading = run.read_files(
        args.files, run.Options(texts, args.encoding, args.delimiter, args.header)
    )
    for line in reading.said:
        console.say(line)
    library = read_library(args.facts)
    if sys.stdin.isatty() and not args.dry_run:
        _ask(reading, library)
        library = read_library(args.facts)  # which has handed out names by now
    made = run.plan_import(reading, library)
    fill_in = args.fill_in or Path(f"{args.files[0].stem}.fill-in.csv")
    if not args.dry_run:
        run.write_import(made, library, fill_in)
    print(_as_json(made, fill_in) if args.json else _as_text(made, fill_in, dry=args.dry_run))
    return FINE if made.complete else FAILED


def _ask(reading: Reading, library: Library) -> None:
    """Ask once for each part that rows lack; no answer leaves it to the table."""
    from pipeline.facts.importing import run

    texts: dict[str, str] = {}
    for part in _ASKED:
        if count := run.needs(reading, library)[part]:
            print(
                f"{_count(count, 'row')} without {part} ({_PARTS[part]}). "
                f"One for all of them (empty: leave it out): ",
                end="", file=sys.stderr, flush=True,
            )  # fmt: skip
            texts[part] = sys.stdin.readline().strip()
            run.with_defaults(reading, texts)


def _as_text(made: Import, fill_in: Path, *, dry: bool) -> str:
    """Write all that is wrong, a line for each file, and the sum."""
    from pipeline.core import problems

    told = problems.as_text((*made.refused, *made.left))
    would = "would be " if dry else ""
    lines = [
        f"{file.path}  {would}{'added to' if file.old else 'written'}, {_count(len(file.ids), 'fact')}"
        for file in made.files
    ]
    parts = [f"{_count(made.added, 'fact')} {would}added"]
    parts += [f"{_count(made.already, 'row')} there already"] * bool(made.already)
    parts += [f"{_count(made.out, 'row')} left out"] * bool(made.out)
    if made.lacking and not made.refused:
        lacking = f"{_count(len(made.lacking), 'row')} without {_lacking(made)}"
        parts.append(
            f"{lacking}: {'would go to' if dry else 'fill in'} {fill_in}, then import that"
        )
    if made.refused:
        parts = ["nothing was written: " + _count(len(made.refused), "thing") + " to mend first"]
    return told + "".join(f"{line}\n" for line in [*lines, "; ".join(parts)]).rstrip("\n")


def _lacking(made: Import) -> str:
    from pipeline.facts.importing.place import lacks

    parts = {part for row in made.lacking for part in lacks(row)}
    return " or ".join(part for part in _ASKED if part in parts)


def _as_json(made: Import, fill_in: Path) -> str:
    from pipeline.core import problems

    def rows(found: tuple[Any, ...]) -> Any:
        return json.loads(problems.as_json(found))["problems"]

    return json.dumps(
        {
            "files": [
                {"path": str(file.path), "new": file.old is None, "facts": list(file.ids)}
                for file in made.files
            ],
            "added": made.added,
            "already": made.already,
            "fill_in": str(fill_in) if made.lacking else "",
            "lacking": [str(row.where) for row in made.lacking],
            "left_out": rows(made.left),
            "refused": rows(made.refused),
        },
        indent=2,
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"
