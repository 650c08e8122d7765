"""The facts files that are there: which one holds a subject, and which names of files are taken."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipeline.core.errors import PipelineError
from pipeline.facts.authoring.draft import Draft
from pipeline.facts.authoring.slug import distinct_slug, slug
from pipeline.facts.checks.rules import sameness
from pipeline.facts.files import facts_file, lookalikes, schema
from pipeline.facts.files.facts_file import Document


@dataclass(slots=True)
class Library:
    """All facts files below `root`, called `shown`/…; names that are handed out are kept as taken."""

    root: Path
    shown: PurePosixPath
    documents: dict[PurePosixPath, Document]
    stems: set[str] = field(default_factory=set)
    folders: dict[str, str] = field(default_factory=dict)
    """Topics by their folded names: a second folder in another case is the same one on some machines."""
    owners: dict[str, PurePosixPath] = field(default_factory=dict)
    blind: dict[str, PurePosixPath] = field(default_factory=dict)
    """The files that do not say what they are about, by stem."""

    def owner(self, names: Sequence[str]) -> PurePosixPath | None:
        """Give the file about the first of the names that has one."""
        return next(
            (self.owners[key] for n in names if (key := subject_key(n)) in self.owners), None
        )

    def new_path(self, draft: Draft) -> PurePosixPath:
        """Give a new file for a subject a path of its own, and take it.

        Raises PipelineError where a file of that name is there and does not say what it is about.
        """
        if blind := self.blind.get(slug(draft.subject)):
            raise PipelineError(f"{blind}: cannot be read", "mend that file first: `facts check`")
        topic = slug(draft.topic or draft.kind, "facts")
        stem = distinct_slug(draft.subject, self.stems)
        self.stems.add(stem)
        path = self.shown / self.folders.setdefault(topic, topic) / f"{stem}.yaml"
        self.owners[subject_key(draft.subject)] = path
        return path

    def on_disk(self, path: PurePosixPath) -> Path:
        """Give where a file lies that is called `path`."""
        return self.root / path.relative_to(self.shown)


def read_library(root: Path, shown: PurePosixPath | None = None) -> Library:
    """Read all facts files below a folder, which may not be there yet."""
    called = shown or PurePosixPath(root.as_posix())
    library = Library(root, called, {})
    for folder, folders, names in os.walk(root):
        folders.sort()
        if Path(folder) == root:
            library.folders = {name.casefold(): name for name in folders}
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix.lower() in (".yaml", ".yml"):
                library.stems.add(path.stem.casefold())
            if path.suffix == ".yaml":
                place = called / path.relative_to(root).as_posix()
                library.documents[place] = facts_file.read_document(path, str(place))
    for place, document in library.documents.items():
        names_of = _names(document)
        for name in names_of:
            library.owners.setdefault(subject_key(name), place)
        if not names_of:
            library.blind[place.stem] = place
    return library


def subject_key(name: str) -> str:
    """Reduce a name to what two subjects may not share: see `rules`."""
    return sameness(lookalikes.skeleton(name))


def in_order(document: Document) -> bool:
    """Return whether a file has the shape of a facts file."""
    wrong = any(problem.severity == "error" for problem in document.problems)
    return document.data is not None and not wrong and not any(schema.in_document(document))


def _names(document: Document) -> tuple[str, ...]:
    """Give what a file says it is about, as far as that can be read."""
    data = document.data or {}
    aliases = data.get("aliases")
    names = (data.get("subject"), *(aliases if isinstance(aliases, list) else ()))
    return tuple(name for name in names if isinstance(name, str) and name.strip())
