"""Turns a deploy's source, as a person writes it, into a folder that the service can read."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.core.errors import ConfigError, PublishError
from pipeline.models import identity
from pipeline.publishing import download, release
from pipeline.publishing.signing import ANYBODY
from serve.state import ownership
from serve.state.gate_report import REPORT


def name_source(source: str) -> str:
    """Give a folder's absolute path, or the Hub reference as it is. Raises ConfigError for neither."""
    if Path(source).is_dir():
        found = str(Path(source).resolve())
        if found.encode("utf-8", "replace").decode() != found:
            raise ConfigError(f"{found!a}: its name is not UTF-8", "rename it")
        return found
    _refuse_no_reference(source)
    return source


def local(source: str, state: Path) -> Path:
    """Give the folder of a source that `name_source` gave; a release is pulled below the state folder.

    Raises ConfigError when it is not there or this account may not read it, and the errors of pulling.
    """
    folder = Path(source)
    if folder.is_absolute() and _readable(folder):
        return folder
    _refuse_no_reference(source)
    return download.pull(source, state / "pulled")


def require_release(source: Path, digest: str) -> None:
    """Refuse a folder that is not the release of this digest, which covers its report and facts as well.

    Raises PublishError.
    """
    held = release.check_release(source, ANYBODY).digest
    if held != digest:
        raise PublishError(
            f"{source}: is the release {held}, not {digest}",
            "correct the desired state, or publish the release that it names",
        )


def _refuse_no_reference(source: str) -> None:
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise ConfigError(
            f"{source}: there is no such folder", "`facts learn --out DIR` makes one to deploy"
        )


def _readable(folder: Path) -> bool:
    """Return whether there is such a folder. Raises ConfigError where this account may not read in it."""
    files = [folder / each / name for each in ("", "adapter") for name in (REPORT, *identity.FILES)]
    for path in (folder, *files):
        try:
            there = path.exists()
        except PermissionError:  # of a folder above it
            there = True
        if there and not os.access(path, os.R_OK):
            me = ownership.account(os.geteuid())
            raise ConfigError(
                f"{path}: {me} may not read it, and `facts serve` runs as {me}",
                f"let {me} read the folder and those above it, or deploy a release on the Hub",
            )
    return folder.is_dir()
