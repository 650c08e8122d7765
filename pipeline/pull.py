"""A name on the Hub → a folder on this machine that is a whole, unchanged release.

Everything is fetched by commit, into a folder of its own beside the place, and moved there only
when every digest, and the signature where one is asked for, holds.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipeline import hub, manifest, release
from pipeline.errors import ConfigError, PublishError
from pipeline.hub import Repo
from pipeline.release import Release
from pipeline.signing import Trust

UNTRUSTED = Trust()


def pull(ref: str, into: Path, trust: Trust = UNTRUSTED) -> Path:
    """Give the folder of a release, `into/NAME@DIGEST`, fetched unless it is there.

    `ref` is ORGANISATION/NAME for its branch main, or ORGANISATION/NAME@REVISION. A folder never
    changes once it is there: another release gets another digest, and another folder.
    Raises PublishError that names the file which is missing, too many or changed, or the signature;
    ConfigError for a wrong name, revision or token.
    """
    name, _, revision = ref.partition("@")
    repo = hub.connect(name, write=False)
    commit = hub.again(lambda: hub.resolve(repo, revision or "main"))
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=into) as scratch:
            return _fetched(repo, commit, into, Path(scratch), trust)
    except OSError as error:
        raise ConfigError(
            f"{into}: cannot be written: {error.strerror or error}",
            "check the path, its permissions and the free space (`df -h`)",
        ) from error


def fetch(repo: Repo, commit: str, folder: Path, trust: Trust) -> Release:
    """Fetch a release into an empty folder and check it.

    Raises the errors of `pull`.
    """
    files = _manifest(repo, commit, folder)
    hub.again(lambda: hub.download(repo, commit, sorted(files), folder))
    _forget(folder)
    return release.check(folder, trust)


def _fetched(repo: Repo, commit: str, into: Path, scratch: Path, trust: Trust) -> Path:
    files = _manifest(repo, commit, scratch / "manifest")
    digest = manifest.digest_json(files).removeprefix("sha256:")
    place = into / f"{repo.id.partition('/')[2]}@{digest[:12]}"
    if not place.exists():
        folder = scratch / "release"
        fetch(repo, commit, folder, trust)
        try:
            return folder.rename(place)
        except OSError:
            if not place.exists():  # else another pull of the same was faster
                raise
    try:
        release.check(place, trust)
    except PublishError as error:
        raise PublishError(
            f"{place}: {error.message}",
            "remove the folder once no server uses it, and pull again",
        ) from error
    return place


def _manifest(repo: Repo, commit: str, folder: Path) -> dict[str, str]:
    """Fetch a release's manifest, once the commit holds no other files than it names."""
    names = hub.again(lambda: hub.tree(repo, commit)).keys()
    if manifest.MANIFEST not in names:
        raise PublishError(
            f"{repo.id}: holds no release at {commit[:12]}",
            "`facts publish --promote` puts one on main; a tag or commit is given as NAME@REVISION",
        )
    hub.again(lambda: hub.download(repo, commit, [manifest.MANIFEST], folder))
    files = release.read_manifest((folder / manifest.MANIFEST).read_bytes())
    release.same_names(names, files)
    return files


def _forget(folder: Path) -> None:
    """Remove what the Hub's client keeps beside the files."""
    import shutil

    shutil.rmtree(folder / ".cache", ignore_errors=True)
