"""A deploy's source as a person writes it → a local folder; a Hub reference is pulled first."""

from __future__ import annotations

import importlib
from pathlib import Path

from pipeline.errors import ConfigError, PipelineError


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
    try:
        pulling = importlib.import_module("pipeline.pull")
    except ModuleNotFoundError as error:
        raise PipelineError(
            f"{source}: pulling from the Hub is not built yet",
            "download the release and deploy its folder",
        ) from error
    return Path(pulling.pull(source, state / "pulled"))
