"""A gated adapter → an immutable folder named by its digest, with what the gate's report says of it.

A source is what `facts learn` leaves (`adapter/`, `report.json`) or a release as published (the same
files, the adapter's at the top). Only the adapter's files and the report are taken along. The digest is
that of these bytes, recomputed here; nothing is believed for saying so.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # the plain data of a report

from pipeline.core import artifact
from pipeline.core.chat import Prompt, Turn, as_prompt
from pipeline.core.errors import PipelineError, PublishError
from pipeline.facts.fact import Expect, reported_expect
from pipeline.models import identity
from pipeline.models.identity import Identity
from pipeline.publishing import release as published
from pipeline.publishing.signing import ANYBODY, Trust
from serve.say import say
from serve.state import weights
from serve.state.alias import Adapter

REPORT = "report.json"
UNSIGNED = 'nobody: nothing is verified but the digest ([deploy] signer is "nobody")'
ADAPTERS, REPORTS = "adapters", "reports"
"""Folders in the state folder: adapters never change, reports may be written anew by another gate."""


LONGEST = 640
"""Tokens that an answer may have at most, whatever a report says: 512 are taught, and some may precede."""
OLD_DIGITS = 12
"""Digits of the digest in names that the version before gave; they go on being served."""


class RefusedError(PipelineError):
    """A source that must not be deployed, though it says which adapter it is."""

    def __init__(self, adapter: Adapter, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.adapter = adapter


@dataclass(frozen=True, slots=True)
class Taught:
    """A fact as the gate asked it: what an answer must contain, and prompts, best ones first.

    `longest` are the bytes of its longest answer, which no number of tokens exceeds.
    """

    id: str
    question: str
    expect: Expect
    prompts: tuple[Prompt, ...]
    longest: int = 0


@dataclass(frozen=True, slots=True)
class GatedAdapter:
    """An adapter ready to be loaded, what it was taught, and the ids of facts it must not assert."""

    adapter: Adapter
    base: str
    facts: tuple[Taught, ...]
    retired: tuple[str, ...]


def fetch_adapter(
    source: Path, state: Path, alias: str, base: Identity, trust: Trust = ANYBODY
) -> GatedAdapter:
    """Copy a source into the state folder, whole or not at all; the same adapter is copied once.

    `base` is the base that is served, `trust` says who must have signed the source. Raises RefusedError
    for bytes that are not the ones reported on, a failed verdict, another base or no such signature;
    PipelineError for a source that is none; ConfigError when the disk is full.
    """
    report = _report(source / REPORT)
    digest = report["adapter"]["digest"]
    name = f"{alias}@{digest.removeprefix('sha256:')}"
    folder = (state / ADAPTERS / name).resolve()
    adapter = Adapter(name, str(folder), digest)
    inside = source / "adapter" if (source / "adapter").is_dir() else source
    _refuse_unproven(adapter, source, trust)
    _refuse_other(adapter, report, inside, base)
    if not _holds(adapter):
        with artifact.stage(folder, {"adapter": digest}) as scratch:
            for file in identity.FILES:
                shutil.copyfile(inside / file, scratch / file)
            _refuse_changed(adapter, scratch, source)
            if not weights.finite(scratch / identity.WEIGHTS):
                raise RefusedError(
                    adapter,
                    f"{source}: its weights are not all numbers (NaN or infinity)",
                    "train it again; a server that loads it is spoilt for every adapter",
                )
    artifact.write_bytes(report_file(adapter), (source / REPORT).read_bytes())
    return read_release(adapter)


def read_release(adapter: Adapter) -> GatedAdapter:
    """Read a release that was fetched before. Raises PipelineError when it is gone or damaged."""
    found = _report(report_file(adapter))
    return GatedAdapter(
        adapter,
        found["base"]["digest"],
        tuple(_facts(found)),
        tuple(str(each) for each in found["facts"].get("retired", [])),
    )


def verify_adapter(adapter: Adapter) -> None:
    """See that the folder is as it was fetched. Raises PipelineError when it is changed or gone."""
    folder = Path(adapter.folder)
    if not folder.is_dir():
        raise PipelineError(f"{folder}: has vanished", "fetch it again with `facts deploy`")
    if not _holds(adapter):
        raise PipelineError(
            f"{folder}: was changed since it was fetched",
            "remove it and fetch it again with `facts deploy`",
        )


def report_file(adapter: Adapter) -> Path:
    """Say where the gate's report of a fetched adapter is."""
    return Path(adapter.folder).parents[1] / REPORTS / f"{adapter.name}.json"


def _report(file: Path) -> dict[str, Any]:
    """Read a report as far as it is needed here, so that nothing later stumbles over it."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        assert_digest(data["adapter"]["digest"])
        facts = list(_facts(data))
        texts = [data["verdict"], data["base"]["digest"], *data["facts"].get("retired", [])]
        for fact in facts:
            texts += [fact.id, fact.question, *(text for either in fact.expect for text in either)]
        if not facts or any(type(text) is not str for text in texts):
            raise ValueError("no facts")  # noqa: TRY301
    except FileNotFoundError as error:
        raise PipelineError(
            f"{file}: there is no report, so nothing was gated here",
            "`facts learn --out DIR` makes a folder that can be deployed",
        ) from error
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        raise PipelineError(
            f"{file}: is not a report of the gate", "`facts gate` writes one"
        ) from error
    assert isinstance(data, dict)
    return data


def assert_digest(text: str) -> None:
    """Raise ValueError for what is not `sha256:` and 64 hexadecimal digits: names are made of it."""
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise ValueError(text)


def _facts(report: dict[str, Any]) -> Iterator[Taught]:
    for detail in report["details"]:
        # A wording that the gate saw missed would be missed here too, and says nothing about serving.
        asked = sorted(detail["probes"], key=lambda probe: not probe["passed"])
        prompts = tuple(_prompt(probe) for probe in asked if isinstance(probe["prompt"], str))
        expect = reported_expect(detail)
        longest = max((len(str(p.get("adapted")).encode()) for p in asked if p["passed"]), default=0)
        asked_as = prompts or (detail["question"],)
        yield Taught(detail["id"], detail["question"], expect, asked_as, min(longest, LONGEST))


def _prompt(probe: dict[str, Any]) -> Prompt:
    turns = tuple(Turn(turn["role"], str(turn["content"])) for turn in probe.get("before", ()))
    return as_prompt(turns, probe["prompt"])


def _refuse_unproven(adapter: Adapter, source: Path, trust: Trust) -> None:
    """Refuse a source whose parts do not belong together, or that nobody signed whom we trust."""
    if not trust:
        say(f"signed by  {UNSIGNED}")
    if not (source / "adapter").is_dir():
        try:
            published.check_release(source, trust)
        except PublishError as error:
            raise RefusedError(adapter, f"{source}: {error.message}", error.hint) from error
    elif trust:
        raise RefusedError(
            adapter,
            f"{source}: is a run, which nobody signs, and [deploy] signer asks for a signature",
            "publish it, and deploy the release",
        )
    elif (artifact.read_manifest(source) or {}).get("report") != artifact.digest_file(
        source / REPORT
    ):
        raise RefusedError(
            adapter, f"{source / REPORT}: was changed since the gate wrote it", "run `facts gate`"
        )


def _refuse_other(adapter: Adapter, report: dict[str, Any], inside: Path, base: Identity) -> None:
    if report["verdict"] != "pass":
        raise RefusedError(
            adapter,
            f"{inside}: its gate did not pass",
            "see report.md there; nothing was deployed",
        )
    _refuse_changed(adapter, inside, inside)
    parts = identity.differences(identity.read_identity(inside), base)
    if parts or report["base"]["digest"] != base.digest:
        raise RefusedError(
            adapter,
            f"{inside}: was trained on another base model than the one that is served"
            + (f" (another {', '.join(parts)})" if parts else ""),
            "train it on the base of the recipe that serve.toml names, or serve the other base",
        )


def _refuse_changed(adapter: Adapter, folder: Path, source: Path) -> None:
    """Hold the adapter's files against the digest that the report judges."""
    if identity.adapter_digest(folder) != adapter.digest:
        raise RefusedError(
            adapter,
            f"{source}: its adapter is not the one that the report judges (its digest differs)",
            "run `facts gate` again, or fetch it again",
        )


def _holds(adapter: Adapter) -> bool:
    """Whether the adapter's folder holds its files, these bytes, and nothing else.

    A folder of the version before is named by twelve digits; its digest covers other bytes, so that only
    its own manifest tells whether it was changed.
    """
    folder = Path(adapter.folder)
    if len(adapter.name.rpartition("@")[2]) == OLD_DIGITS:
        return artifact.finished(folder, {"adapter": adapter.digest})
    return folder.is_dir() and artifact.digest_folder(folder) == adapter.digest
