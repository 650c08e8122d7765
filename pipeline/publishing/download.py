"""Fetches a release from the Hub by its name, whole and unchanged, into a folder.

Everything is fetched by commit, into a folder of its own beside the place, and moved there only
when every digest, and the signature where one is asked for, holds. Nothing is fetched that the Hub lists
as larger than a release's files may be, and of no file more than is listed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipeline.core import artifact
from pipeline.core.errors import ConfigError, PublishError
from pipeline.core.escape import plain
from pipeline.models import identity
from pipeline.publishing import hub, release
from pipeline.publishing.contents import PROVENANCE
from pipeline.publishing.hub import Blob, Repo
from pipeline.publishing.release import Release
from pipeline.publishing.signing import ANYBODY, SIGNATURE, Trust

MIB = 2**20
LARGEST = {
    artifact.MANIFEST: MIB,
    SIGNATURE: MIB,
    identity.CONFIG: MIB,
    identity.BASE: MIB,
    PROVENANCE: MIB,
    identity.WEIGHTS: 4096 * MIB,
}
"""Bytes that a file of a release may have: rank 16 on a base of 70 B parameters takes 0.4 GiB in bf16."""
OTHERS = 256 * MIB
"""The same for card, facts and reports: a hundred thousand facts fit."""
WHOLE = 5120 * MIB
"""Bytes of all files together."""


def pull(ref: str, into: Path, trust: Trust = ANYBODY) -> Path:
    """Give the folder of a release, `into/NAME@DIGEST`, fetched unless it is there.

    `ref` is ORGANISATION/NAME for its branch main, or ORGANISATION/NAME@REVISION. A folder never
    changes once it is there: another release gets another digest, and another folder.
    Raises PublishError that names the file which is missing, too many or changed, or the signature;
    ConfigError for a wrong name, revision or token.
    """
    name, _, revision = ref.partition("@")
    repo = hub.connect(name, write=False)
    commit = hub.retry(lambda: hub.resolve_revision(repo, revision or "main"))
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=into) as scratch:
            return _fetched(repo, commit, into, Path(scratch), trust)
    except OSError as error:
        raise ConfigError(
            f"{into}: cannot be written: {error.strerror or error}",
            "check the path, its permissions and the free space (`df -h`)",
        ) from error


def fetch_release(repo: Repo, commit: str, folder: Path, trust: Trust) -> Release:
    """Fetch a release into an empty folder and check it.

    Raises the errors of `pull`.
    """
    listed, _ = _manifest(repo, commit, folder)
    hub.retry(lambda: hub.download(repo, commit, listed, folder))
    return release.check_release(folder, trust)


def _fetched(repo: Repo, commit: str, into: Path, scratch: Path, trust: Trust) -> Path:
    _, files = _manifest(repo, commit, scratch / "manifest")
    digest = artifact.digest_json(files)
    place = into / f"{repo.id.partition('/')[2]}@{digest.removeprefix('sha256:')}"
    if not place.exists():
        folder = scratch / "release"
        fetch_release(repo, commit, folder, trust)
        try:
            return folder.rename(place)
        except OSError:
            if not place.exists():  # else another pull of the same was faster
                raise
    try:
        if release.check_release(place, trust).digest != digest:
            raise PublishError("holds another release than its name says")  # noqa: TRY301
    except PublishError as error:
        raise PublishError(
            f"{place}: {error.message}",
            "remove the folder once no server uses it, and pull again",
        ) from error
    return place


def _manifest(repo: Repo, commit: str, folder: Path) -> tuple[dict[str, Blob], dict[str, str]]:
    """Fetch a release's manifest, once the commit holds no other files than it names, none too large.

    Gives the Hub's listing of all files, and their digests by the manifest.
    """
    listed = hub.retry(lambda: hub.tree(repo, commit))
    if artifact.MANIFEST not in listed:
        raise PublishError(
            f"{repo.id}: holds no release at {commit[:12]}",
            "`facts publish --promote` puts one on main; a tag or commit is given as NAME@REVISION",
        )
    _bounded(repo, listed)
    own = {artifact.MANIFEST: listed[artifact.MANIFEST]}
    hub.retry(lambda: hub.download(repo, commit, own, folder))
    files = release.read_manifest((folder / artifact.MANIFEST).read_bytes())
    release.same_names(listed, files)
    return listed, files


def _bounded(repo: Repo, listed: dict[str, Blob]) -> None:
    """Refuse what is larger than a release can be, before any of it is fetched."""
    hint = "no release is so large: look at the repository's files; do not use it"
    for name, blob in sorted(listed.items()):
        if blob.size > (most := LARGEST.get(name, OTHERS)):
            raise PublishError(
                f"{repo.id}: {plain(name, 100)} has {blob.size} bytes, a release's at most {most}",
                hint,
            )
    if (whole := sum(blob.size for blob in listed.values())) > WHOLE:
        raise PublishError(
            f"{repo.id}: its files have {whole} bytes, a release's at most {WHOLE}", hint
        )
