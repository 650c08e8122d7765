"""Computes the digest of the code that teaches and judges: with facts and recipe it decides an adapter.

By contents, so that a commit's tree and a checkout of it have the same digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core import artifact
from pipeline.core.artifact import digest_bytes, digest_file, digest_json
from pipeline.core.errors import ConfigError

TAUGHT_WITH = ("pipeline/", "schema/", "constraints/", "pyproject.toml")
"""Its places in a checkout: folders, which end with a slash, and files."""
INSTALLED = ("pipeline/",)
"""Its place as an installed package; beside it are others' files."""
HERE = Path(__file__).parents[2]
"""The checkout that is running, or where the package is installed."""
MADE = "__pycache__"
"""The folder that Python puts beside the code that it runs, and that is in no commit."""


def digest() -> str:
    """Compute the digest of the code that is running, as `sha256:<64 hex digits>`."""
    return of_folder(HERE)


def of_folder(root: Path) -> str:
    """Compute the digest of the code in a checkout, whatever of it is committed.

    Raises ConfigError when something there is neither a file nor a link.
    """
    rows = ((path.relative_to(root).as_posix(), *_content(path)) for path in _files(root))
    # A name that is no text stands there as its escapes: JSON has no way to write it.
    return digest_json(sorted((ascii(path), kind, content) for path, kind, content in rows))


def _files(root: Path) -> Iterator[Path]:
    for name in TAUGHT_WITH if (root / "pyproject.toml").exists() else INSTALLED:
        if not name.endswith("/"):
            found: Iterable[Path] = [root / name] if (root / name).exists() else ()
        else:
            found = (root / name).rglob("*")
        for path in found:
            folder = path.is_dir() and not path.is_symlink()
            if not folder and MADE not in path.relative_to(root).parts:
                yield path


def _content(path: Path) -> tuple[str, str]:
    """Give kind and digest of what git would keep of a path: the text of a link, the bytes of a file."""
    if path.is_symlink():
        return "link", digest_bytes(str(path.readlink()).encode("utf-8", "surrogateescape"))
    if not path.is_file():
        raise ConfigError(f"{path}: is neither a file nor a link", "remove it from the code")
    return "file", digest_file(path)


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """The digests of all that a run is made from, each as `sha256:<64 hex digits>`."""

    facts: str
    recipe: str
    code: str

    @property
    def digest(self) -> str:
        """The one digest of them, 64 hex digits: fewer could be hit by somebody who wants to."""
        return artifact.digest_json(asdict(self)).removeprefix("sha256:")
