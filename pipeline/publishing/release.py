"""Makes a release folder from a run that passed, and checks that a folder is an unchanged release.

The folder holds the adapter, what it knows, how that was proven, what it was made from, a signature
where there is somebody to sign, and a manifest over all of these, written last.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core import artifact
from pipeline.core.errors import PublishError
from pipeline.core.escape import plain
from pipeline.core.json_file import as_json
from pipeline.models import compatibility, identity
from pipeline.models.base_model import Base
from pipeline.publishing import binding, model_card, signing
from pipeline.publishing.commit import Commit
from pipeline.publishing.contents import FACTS, PROVENANCE, REPORT, Provenance, ReleasedFact
from pipeline.publishing.provenance import PublishableRun
from pipeline.publishing.signing import ANYBODY, SIGNATURE, Trust
from pipeline.report import files

CARD, PAGE = "README.md", "report.html"
FILES = frozenset({CARD, FACTS, PROVENANCE, PAGE, REPORT, *identity.FILES})
"""The files of every release, besides its manifest and, where it is signed, its signature."""

AGAIN = "make it, or pull it, again"


@dataclass(frozen=True, slots=True)
class Release:
    """A release on disk; `digest` covers all of it, `content` all but the signature.

    `adapter` is the digest of the adapter in it, by which servers name it; `made` the digest of the facts,
    recipe and code that it was made from, by which runs of the gate are named (64 hex digits).
    """

    folder: Path
    digest: str
    content: str
    signed: bool
    adapter: str
    made: str


def make_release(run: PublishableRun, repo: str, commit: Commit, base: Base) -> Release:
    """Write `OUT/release` for a repository on the Hub; one that says the same already is kept.

    Raises PublishError when a stock vLLM could not use the adapter.
    """
    folder = run.out / "release"
    provenance = _provenance(run, commit)
    facts = _facts(run)
    texts = {
        CARD: model_card.write_card(repo, run.recipe.base, provenance, facts, run.report),
        FACTS: "".join(json.dumps(asdict(fact), ensure_ascii=False) + "\n" for fact in facts),
        PROVENANCE: as_json(provenance),
        PAGE: files.report_as_html(run.report),
    }
    copies = {name: run.out / "adapter" / name for name in identity.FILES}
    copies[REPORT] = run.out / REPORT
    digests = {name: artifact.digest_bytes(text.encode()) for name, text in texts.items()}
    digests |= {name: artifact.digest_file(path) for name, path in copies.items()}
    kept = _kept(folder, _content(digests))
    if kept:
        return kept
    with artifact.stage(folder, {PROVENANCE: digests[PROVENANCE]}) as scratch:
        for name, text in texts.items():
            (scratch / name).write_bytes(text.encode())
        for name, path in copies.items():
            shutil.copyfile(path, scratch / name)
        _portable(scratch, run, base)
        if signing.can_sign():
            signing.sign(scratch)
    return check_release(folder, ANYBODY)


def check_release(folder: Path, trust: Trust) -> Release:
    """Check that a folder holds a whole release, unchanged, and signed by whom we trust if anybody.

    What it says of its adapter must be said of the very bytes that it holds.
    Raises PublishError that names the file which is missing, too many or changed.
    """
    try:
        files = read_manifest((folder / artifact.MANIFEST).read_bytes())
    except FileNotFoundError:
        raise PublishError(f"{artifact.MANIFEST}: is missing from {folder}", AGAIN) from None
    found = artifact.digests(folder)
    same_names(found.keys() | {artifact.MANIFEST}, files)
    for name, digest in found.items():
        if digest != files[name]:
            raise PublishError(
                f"{name}: was changed since the release was made ({digest[:19]}…, "
                f"not {files[name][:19]}…)",
                "do not use it; pull it again, and tell the publisher if that does not help",
            )
    if trust:
        signing.verify(folder, trust)
    adapter, made = binding.require_bound(folder)
    whole = artifact.digest_json(files)
    return Release(folder, whole, _content(files), SIGNATURE in files, adapter, made)


def read_manifest(data: bytes) -> dict[str, str]:
    """Read what a release's manifest says of its files: their digests by name.

    Raises PublishError unless it is written to the byte as a manifest of these files is.
    """
    try:
        files = json.loads(data)["files"]
        old = identity.BASE not in files and FILES - {identity.BASE} <= files.keys()
        expected = {
            "made_from": {PROVENANCE: files[PROVENANCE]},
            "digest": artifact.digest_json(files),
            "files": files,
        }
        intact = data == as_json(expected).encode() and FILES <= files.keys() <= _ALLOWED
        intact = intact and all(isinstance(digest, str) for digest in files.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        old = intact = False
    if old:
        raise PublishError(
            f"{artifact.MANIFEST}: names no {identity.BASE}: an older version made this release, and "
            "nothing in it proves on which base the adapter was trained",
            "train and publish it anew; until then what is served goes on as it is",
        )
    if not intact:
        raise PublishError(
            f"{artifact.MANIFEST}: is not the manifest of a release, or was changed",
            "do not use it; was the repository written by `facts publish`?",
        )
    return dict(files)


def same_names(found: Iterable[str], files: Iterable[str]) -> None:
    """Refuse a folder or repository that holds other files than its manifest names.

    Raises PublishError that names the first.
    """
    wanted = {*files, artifact.MANIFEST}
    if missing := sorted(wanted - set(found)):
        raise PublishError(f"{missing[0]}: is missing from the release", AGAIN)
    if extra := sorted(set(found) - wanted):
        raise PublishError(
            f"{plain(extra[0], 100)}: is no part of the release", "remove it, or publish again"
        )


_ALLOWED = FILES | {SIGNATURE}


def _content(files: dict[str, str]) -> str:
    return artifact.digest_json({name: d for name, d in files.items() if name != SIGNATURE})


def _kept(folder: Path, content: str) -> Release | None:
    """Give the release that is there if it says the same: a new signature would make it another."""
    try:
        there = check_release(folder, ANYBODY)
    except (OSError, PublishError):
        return None
    return there if there.content == content and there.signed >= signing.can_sign() else None


def _portable(folder: Path, run: PublishableRun, base: Base) -> None:
    problems = compatibility.compatibility_problems(folder, base, (run.recipe.base.hub,))
    if problems:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise PublishError(
            f"{Path(first.where.path).name}: {plain(first.message, 300)}{more}",
            f"{first.hint}; `facts check-adapter {run.out / 'adapter'}` says everything",
        )


def _facts(run: PublishableRun) -> list[ReleasedFact]:
    """List what was taught, with its source and how often it was right."""
    details = {detail.id: detail for detail in run.report.details}
    return [
        ReleasedFact(
            id=fact.id,
            subject=subject.name,
            question=fact.question,
            answer=fact.answer,
            expect=fact.expect.items,
            expect_any=fact.expect.instead,
            before=fact.before,
            source=fact.source,
            license=subject.license,
            status=detail.status if detail else "not asked",
            probes_passed=detail.hits if detail else 0,
            probes=len(detail.probes) if detail else 0,
        )
        for subject in run.dataset.subjects
        for fact in subject.facts
        if fact.active
        for detail in (details.get(fact.id),)
    ]


def _provenance(run: PublishableRun, commit: Commit) -> Provenance:
    """Name what a release was made from, link by link; no time, so that it can be made again."""
    adapter, report = run.out / "adapter", run.report
    return Provenance(
        schema=1,
        facts={
            "url": commit.url,
            "commit": commit.id,
            "tree": commit.tree,
            "digest": report.facts.digest,
        },
        dataset=run.dataset_digest,
        recipe={"name": run.recipe.name, "digest": report.recipe_digest},
        code=report.code,
        base={"name": report.base.name, "digest": report.base.digest}
        | asdict(identity.read_identity(adapter)),
        seed=report.seed,
        machine=run.adapter.machine,
        gate={"verdict": report.verdict, "report": run.report_digest},
        adapter={
            "trained": run.adapter.digest,
            "weights": artifact.digest_file(adapter / identity.WEIGHTS),
        },
    )
