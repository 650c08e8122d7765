"""Paths in, `Subject`s and every `Problem` out: finds facts files, reads them, applies all rules.

`facts check` shows what `check` returns; all other stages call `load_subjects` and get subjects or an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from pipeline.core.errors import ConfigError, FactsError, Problem, Where
from pipeline.facts.checks import rules, turn_rules
from pipeline.facts.checks.rules import FactsFile
from pipeline.facts.fact import Subject, subject_from
from pipeline.facts.files import facts_file, schema
from pipeline.facts.files.facts_file import Document


@dataclass(frozen=True, slots=True)
class Checked:
    """The subjects that could be read, and everything that is wrong, ordered by place."""

    subjects: tuple[Subject, ...]
    problems: tuple[Problem, ...]


def load_subjects(root: Path) -> tuple[Subject, ...]:
    """Read all facts below `root`.

    Raises FactsError with every problem if the facts have any error, ConfigError without a `root`.
    """
    checked = check([root])
    if any(problem.severity == "error" for problem in checked.problems):
        raise FactsError(checked.problems)
    return checked.subjects


def check(paths: Sequence[Path]) -> Checked:
    """Check facts files and folders of them, together.

    Raises ConfigError if one of `paths` does not exist; whatever is wrong inside is a problem.
    """
    files, problems = _find(paths)
    found = [(path, facts_file.read_document(path, path.as_posix())) for path in files]
    return check_documents(found, problems, " ".join(path.as_posix() for path in paths))


def check_documents(
    found: Sequence[tuple[PurePath, Document]], before: Iterable[Problem], where: str
) -> Checked:
    """Check documents together; `before` is what is wrong already, `where` is where they were sought."""
    problems = [*before, *_file_names(path for path, _ in found)]
    entries: list[FactsFile] = []
    for path, document in found:
        problems += document.problems
        if document.data is None:
            continue
        misfits = list(schema.in_document(document)) or list(turn_rules.unreadable_turns(document))
        problems += misfits
        if not misfits and all(p.severity == "warning" for p in document.problems):
            subject = subject_from(document.data, path.stem, document.locate)
            entries.append(FactsFile(subject, document))
    for entry in entries:
        problems += rules.problems_within(entry)
    problems += rules.problems_between(entries)
    if not found and not problems:
        hint = "put a file such as facts/people/marie-curie.yaml there; `facts new` writes one"
        problems.append(Problem(Where(where), "no-facts", "no facts were found", hint))
    return Checked(tuple(entry.subject for entry in entries), tuple(sorted(problems, key=_place)))


def _place(problem: Problem) -> tuple[str, int, int, str]:
    return problem.where.path, problem.where.line, problem.where.column, problem.message


def _find(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """List every facts file once, in order, and what only looks like one."""
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        if not os.path.lexists(path):
            hint = "give a facts file, or a folder with facts files in it"
            raise ConfigError(f"{path.as_posix()} does not exist", hint)
        if path.is_dir() and not path.is_symlink() and path.suffix != ".yaml":
            found: Iterable[Path | Problem] = _walk(path)
        else:
            found = [path]
        for file in found:
            if isinstance(file, Problem):
                problems.append(file)
            else:
                files.setdefault(os.path.abspath(file), file)  # noqa: PTH100  (resolve follows links)
    return sorted(files.values()), problems


def _walk(root: Path) -> Iterator[Path | Problem]:
    """Yield all below `root` that is, or looks like, a facts file; `facts_file` tells which."""
    closed: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=closed.append):
        for name in sorted([*folders, *names]):
            path = Path(folder, name)
            if path.is_symlink() or path.suffix.lower() in (".yaml", ".yml"):
                yield path
                if name in folders:
                    folders.remove(name)
    for error in closed:
        where, hint = (
            Where(Path(error.filename).as_posix()),
            "look at the permissions of the folder",
        )
        yield Problem(where, "unreadable", f"the folder cannot be opened: {error.strerror}", hint)


def _file_names(files: Iterable[PurePath]) -> Iterator[Problem]:
    """Yield the files whose names do not make a slug, or make the slug of another file."""
    first: dict[str, PurePath] = {}
    spelled: dict[str, PurePath] = {}
    for path in files:
        where = Where(path.as_posix())
        alike = spelled.setdefault(path.as_posix().casefold(), path)
        if alike != path:
            message = f"{alike.as_posix()} differs from this name in case alone"
            hint = "keep one of the two; where case does not count, one would replace the other"
            yield Problem(where, "file-name", message, hint)
        if path.suffix != ".yaml":
            hint = f"rename it to {path.stem}.yaml"
            yield Problem(where, "file-name", "the name of a facts file ends in .yaml", hint)
        elif not re.fullmatch("[a-z0-9][a-z0-9-]*", path.stem):
            message = "the name of a facts file is made of small letters, digits and hyphens"
            hint = "rename it, for example to marie-curie.yaml; ids of facts start with this name"
            yield Problem(where, "file-name", message, hint)
        elif first.setdefault(path.stem, path) != path:
            message = (
                f"{first[path.stem].as_posix()} has the same name, so that ids would be the same"
            )
            yield Problem(where, "file-name", message, "rename one of the two")
