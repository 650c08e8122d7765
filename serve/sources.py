"""A deploy's source as a person writes it → a local folder; a Hub reference is pulled first."""

from __future__ import annotations

from pathlib import Path

from pipeline import pull, release
from pipeline.errors import ConfigError, PublishError
from pipeline.signing import ANYBODY


def local(source: str, state: Path) -> Path:
    """Give the folder of a source; a release is pulled below the state folder.

    Raises ConfigError when there is none, and the errors of pulling.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise ConfigError(
            f"{source}: there is no such folder", "`facts learn --out DIR` makes one to deploy"
        )
    return pull.pull(source, state / "pulled")


def require(source: Path, digest: str) -> None:
    """Refuse a folder that is not the release of this digest, which covers its report and facts as well.

    Raises PublishError.
    """
    held = release.check(source, ANYBODY).digest
    if held != digest:
        raise PublishError(
            f"{source}: is the release {held}, not {digest}",
            "correct the desired state, or publish the release that it names",
        )
