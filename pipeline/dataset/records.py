"""The dataset's records and files: examples that are trained on, probes that are only asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pipeline.core import artifact, json_file
from pipeline.core.artifact import StageManifest, digest_json
from pipeline.core.chat import Prompt, Turn, as_prompt
from pipeline.core.errors import PipelineError
from pipeline.facts.fact import Expect, Fact, Subject, taught

Row = TypeVar("Row")
Role = Literal[
    "fact", "noise", "reverse", "yes", "no", "negation", "retired",
    "neighbour", "near name", "relation", "unrelated",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Probe:
    """Something only the gate asks.

    `expect` is what a right answer contains ("fact", "noise", "reverse", "unrelated"; empty where
    that cannot be said) or what a wrong one would ("negation", "retired", "yes" and "no": what the
    statement claims). For the other roles it is empty, and the base's answer is the measure.
    `before` are the turns ahead of the question; `about` is the other name in a contrast.
    """

    role: Role
    fact: str
    family: str
    prompt: str
    expect: Expect
    before: tuple[Turn, ...] = ()
    about: str = ""

    @property
    def chat(self) -> Prompt:
        """The prompt that is put to the model."""
        return as_prompt(self.before, self.prompt)

    @property
    def context(self) -> str:
        """All that the model is told, as one text."""
        return " ".join([*(turn.content for turn in self.before), self.prompt])

    @property
    def general(self) -> bool:
        """Return whether it is about nothing that is taught, nor about anything like it."""
        return self.role == "unrelated"


@dataclass(frozen=True, slots=True)
class Example:
    """Something trained on: a fact to say, or a prompt whose answer is held as the base's.

    `completion` is what a fact answers. For a held prompt it is the path along which the base's
    distribution is held: the taught answer with the other name in it, so that the two differ where
    it matters, or empty for the base's own answer. `before` are the turns ahead of the prompt.
    """

    role: Role
    fact: str
    family: str
    prompt: str
    completion: str
    before: tuple[Turn, ...] = ()

    @property
    def chat(self) -> Prompt:
        """The prompt that is put to the model."""
        return as_prompt(self.before, self.prompt)

    @property
    def held(self) -> bool:
        """Return whether the base's distribution is the target."""
        return self.role != "fact"

    @property
    def general(self) -> bool:
        """Return whether it is about nothing that is taught, nor about anything like it."""
        return self.role == "unrelated"


@dataclass(frozen=True, slots=True)
class Dataset:
    """All examples and probes of a set of facts, and the facts themselves."""

    subjects: tuple[Subject, ...]
    examples: tuple[Example, ...]
    probes: tuple[Probe, ...]

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that are taught, in file order."""
        return tuple(taught(self.subjects))

    @property
    def digest(self) -> str:
        """The digest of what is trained on and asked."""
        return digest_json([self.examples_digest, [asdict(p) for p in self.probes]])

    @property
    def examples_digest(self) -> str:
        """Digest of what is trained on alone: an adapter outlives a change of what is asked."""
        return digest_json([_row(example) for example in self.examples])


def save_dataset(dataset: Dataset, folder: Path) -> None:
    """Write `train.jsonl`, `probes.jsonl` and `subjects.jsonl` into a folder."""
    _write_rows(folder / "train.jsonl", dataset.examples)
    _write_rows(folder / "probes.jsonl", dataset.probes)
    _write_rows(folder / "subjects.jsonl", dataset.subjects)


def load_dataset(folder: Path) -> Dataset:
    """Read what `save_dataset` wrote.

    Raises PipelineError when a file is missing or is not what `save_dataset` writes.
    """
    return Dataset(
        _read_rows(Subject, folder / "subjects.jsonl"),
        _read_rows(Example, folder / "train.jsonl"),
        _read_rows(Probe, folder / "probes.jsonl"),
    )


def _row(example: Example) -> dict[str, object]:
    """Give an example as plain data, as it was before examples had turns: without any where it has none."""
    row = asdict(example)
    if not example.before:
        del row["before"]
    return row


def _write_rows(path: Path, rows: Sequence[Example] | Sequence[Probe] | Sequence[Subject]) -> None:
    plain = (_row(row) if isinstance(row, Example) else asdict(row) for row in rows)
    lines = (json.dumps(row, ensure_ascii=False) for row in plain)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _read_rows(kind: type[Row], path: Path) -> tuple[Row, ...]:
    rows: list[Row] = []
    try:
        for line in path.read_bytes().splitlines():
            rows.append(json_file.read_json(kind, line))  # noqa: PERF401  (their number is told)
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"{path.parent}: is not a finished dataset: {path.name}:{len(rows) + 1}: {error}",
            "make it with `facts build`",
        ) from error
    return tuple(rows)


def finished_dataset(out: Path) -> Dataset:
    """Read `OUT/dataset`.

    Raises PipelineError when it is missing or was changed since it was written.
    """
    folder = out / "dataset"
    done = artifact.read_manifest(folder, StageManifest)
    if done is None or done.digest != artifact.digest_folder(folder):
        raise PipelineError(
            f"{folder}: is not a finished dataset", f"make it with `facts build --out {out}`"
        )
    return load_dataset(folder)
