"""Files that were composed → the errors that they would bring, in them or in files that are there already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from pipeline.core.errors import FactsError, PipelineError, Problem
from pipeline.facts import check
from pipeline.facts.authoring.compose import Composed, compose_file
from pipeline.facts.authoring.draft import Draft
from pipeline.facts.authoring.library import Library
from pipeline.facts.files.facts_file import Document


def new_errors(made: Sequence[Composed], library: Library) -> list[Problem]:
    """Give the errors of all files with the new ones among them, but those that are there without them."""
    new = {one.path: one.document for one in made}
    others = {path: document for path, document in library.documents.items() if path not in new}
    errors = _errors(others | new, library)
    added = {str(one.path): one.starts[0] for one in made if one.starts}
    if all(added.get(p.where.path, p.where.line + 1) <= p.where.line for p in errors):
        return errors
    before = {(problem.where, problem.rule) for problem in _errors(library.documents, library)}
    return [problem for problem in errors if (problem.where, problem.rule) not in before]


def admit(drafts: Sequence[Draft], library: Library) -> Composed:
    """Put drafts about one subject into its file, checked among all others.

    Raises FactsError with everything that is wrong with it, PipelineError when it cannot be added to.
    """
    first = drafts[0]
    path = library.owner([first.subject]) or library.new_path(first)
    made = compose_file(path, drafts, library)
    if len(made.ids) < len(drafts):
        raise PipelineError(f"{path} is full", "give a part of its facts a subject of their own")
    if errors := new_errors([made], library):
        raise FactsError(tuple(errors))
    return made


def _errors(documents: Mapping[PurePosixPath, Document], library: Library) -> list[Problem]:
    found = check.check_documents([*documents.items()], (), str(library.shown)).problems
    return [p for p in found if p.severity == "error" and p.rule != "no-facts"]
