"""Computes digests, and writes files and stages whole or not at all.

A folder with a `manifest.json` is a finished stage. It is written into a temporary folder beside its
place, manifest last, and moved there as a whole: neither Ctrl-C nor a full disk leaves something that
looks finished, or harms the folder that was there before.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.core.errors import ConfigError
from pipeline.core.json_file import as_json, read_json

MANIFEST = "manifest.json"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StageManifest:
    """The part that all stages' manifests have: digests of the inputs by name, and that of all files."""

    made_from: Mapping[str, str | int]
    digest: str


@dataclass(frozen=True, slots=True)
class RunManifest:
    """The manifest of a run: verdict, and digests of what was judged and of the report's bytes."""

    verdict: str = ""
    facts: str = ""
    recipe: str = ""
    code: str = ""
    base: str = ""
    adapter: str = ""
    report: str = ""


def digest_bytes(data: bytes) -> str:
    """Give the SHA-256 of bytes as `sha256:<64 hex digits>`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_json(value: object) -> str:
    """Give the digest of a value's canonical JSON."""
    return digest_bytes(json.dumps(value, sort_keys=True, ensure_ascii=False).encode())


def digest_file(path: Path) -> str:
    """Give the digest of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def digests(folder: Path) -> dict[str, str]:
    """Give the digest of every file below a folder by its path in there, its manifest left out."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / MANIFEST)
    return {p.relative_to(folder).as_posix(): digest_file(p) for p in files}


def digest_folder(folder: Path) -> str:
    """Give one digest of all files' names and bytes below a folder, its manifest left out."""
    return digest_json(digests(folder))


def read_manifest(folder: Path, kind: type[T]) -> T | None:
    """Read a folder's manifest; None when what was to be there never finished, or its manifest is damaged."""
    try:
        return read_json(kind, (folder / MANIFEST).read_bytes(), more=True)
    except (OSError, ValueError):
        return None


def finished(folder: Path, made_from: Mapping[str, str | int]) -> bool:
    """Return whether the stage in `folder` finished from exactly these inputs and is still intact."""
    done = read_manifest(folder, StageManifest)
    return bool(done and done.made_from == made_from and done.digest == digest_folder(folder))


@contextmanager
def stage(folder: Path, made_from: Mapping[str, str | int], **notes: object) -> Iterator[Path]:
    """Give a temporary folder to fill; on success it replaces `folder`, with its manifest.

    `made_from` names the digests of the inputs, `notes` anything else worth keeping.
    Raises ConfigError when the disk is full or the place cannot be written; `folder` is then as before.
    """
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with disk_errors(folder):
            yield scratch
            scratch.chmod(0o755)
            files = digests(scratch)
            manifest = {"made_from": made_from, "digest": digest_json(files), "files": files}
            _write(scratch / MANIFEST, as_json({**manifest, **notes}).encode())
            _swap(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises ConfigError when the disk is full or the place cannot be written; the old file is then intact.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        os.close(handle)
        scratch = Path(name)
        try:
            scratch.chmod(0o644)
            _write(scratch, data)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _swap(scratch: Path, folder: Path) -> None:
    """Put `scratch` where `folder` is; the old one is moved aside first and brought back on failure."""
    if not folder.exists():
        scratch.rename(folder)
        return
    aside = scratch.with_name(f"{scratch.name}.old")
    folder.rename(aside)
    try:
        scratch.rename(folder)
    except OSError:
        aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into a ConfigError that names the place."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written: {error.strerror or error}",
            "check the path, its permissions and the free space (`df -h`); "
            "what was there before is unchanged",
        ) from error
