"""Downloads a base model from the Hub at one commit: configuration and tokenizer first, weights later.

So an unusable base fails before gigabytes are downloaded. Files lie in the Hub client's own cache,
where vLLM finds them as well. The client names each file by the digest that the Hub gave; every file
is compared with its name before it is used.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core import file_digests
from pipeline.core.errors import ConfigError
from pipeline.core.escape import plain

DESCRIBING = ("*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt")
WEIGHTS = ("*.safetensors",)
BESIDE = ("original/*", "onnx/*", "*/*.json")
"""Not downloaded: the same weights in other formats."""


def describe(repo: str, commit: str) -> Path:
    """Download all files but the weights, unless they are cached unchanged, and give the folder.

    Raises ConfigError when the commit is not pinned, the Hub denies access or cannot be reached, or the
    disk is full.
    """
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise ConfigError(
            f"[base] revision: {plain(commit, 60)!r} is no commit of {plain(repo, 100)}",
            "give all 40 digits of one, from the model's page under Files: a branch moves",
        )
    return _fetch(repo, commit, DESCRIBING, _described)


def weights(repo: str, commit: str) -> None:
    """Download the weights, unless all are cached unchanged.

    Raises ConfigError as `describe` does.
    """
    _fetch(repo, commit, WEIGHTS, _whole)


def _fetch(
    repo: str, commit: str, patterns: tuple[str, ...], complete: Callable[[Path], bool]
) -> Path:
    try:
        import huggingface_hub as library
    except ImportError as error:
        raise ConfigError(
            f"a base on the Hub needs a library that is not installed: {error.name}",
            "by hand: pip install huggingface-hub",
        ) from error
    with _map_errors(repo, commit):
        try:
            cached = Path(library.snapshot_download(repo, revision=commit, local_files_only=True))
            if _checked(cached, patterns) and complete(cached):
                return cached
        except library.errors.LocalEntryNotFoundError:
            pass  # not cached
        for _ in range(2):  # the first check removes damaged files from the cache
            fetched = Path(
                library.snapshot_download(
                    repo,
                    revision=commit,
                    allow_patterns=list(patterns),
                    ignore_patterns=list(BESIDE),
                )
            )
            if whole := _checked(fetched, patterns):
                break
    if not whole:
        raise ConfigError(
            f"{repo}@{commit[:12]}: what arrived is not what the Hub says it has",
            "run the same again; look at proxies on the way if it does not help",
        )
    if not complete(fetched):
        raise ConfigError(
            f"{repo}@{commit[:12]}: holds no model in Hugging Face format",
            "name a repository with config.json and .safetensors files",
        )
    return fetched


def _checked(folder: Path, patterns: tuple[str, ...]) -> bool:
    """Return whether all files of these patterns match their digests; remove and report those that do not."""
    well = True
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        if path.is_file() and not _named(path):
            print(f"{path}: is damaged, or was changed; it is fetched again", file=sys.stderr)
            if (
                path.is_symlink()
                and path.resolve().parent == (folder.parent.parent / "blobs").resolve()
            ):
                path.resolve().unlink()
            path.unlink()
            well = False
    return well


def _named(path: Path) -> bool:
    """Return whether a file is a link to one that is named by its own SHA-256, or by its id in git."""
    name = path.resolve().name
    if not path.is_symlink():
        return False
    if len(name) == 64:
        return file_digests.cached_digest(path) == f"sha256:{name}"
    data = path.read_bytes()
    header = b"blob %d\0" % len(data)
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest() == name


def _described(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("config.json", "tokenizer_config.json"))


def _whole(folder: Path) -> bool:
    """Return whether all weights are there: the one file, or all that the index names."""
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return (folder / "model.safetensors").is_file()
    return all((folder / name).is_file() for name in set(index["weight_map"].values()))


@contextmanager
def _map_errors(repo: str, commit: str) -> Iterator[None]:
    """Turn the client's exceptions into ConfigErrors with a hint."""
    from huggingface_hub import errors

    away: tuple[type[Exception], ...] = (
        errors.HfHubHTTPError,
        errors.LocalEntryNotFoundError,
        errors.OfflineModeIsEnabled,
        *_http_errors(),
    )
    try:
        yield
    except errors.GatedRepoError as error:
        raise ConfigError(
            f"{repo}: its licence has not been accepted with this token, or there is none",
            f"accept it on the model's page, and set HF_TOKEN; or fetch it elsewhere with "
            f"`hf download {repo}` and name the folder in [base] folder",
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise ConfigError(
            f"{repo}@{commit[:12]}: the Hub has no such model, or the token may not see it",
            "check [base] hub and revision in the recipe, and HF_TOKEN",
        ) from error
    except away as error:
        raise ConfigError(
            f"{repo}: is not on this machine, and the Hub cannot be reached ({type(error).__name__})",
            f"run the same again, or fetch it elsewhere with `hf download {repo}` and name the folder "
            "in [base] folder",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{repo}: cannot be kept here: {plain(str(error.strerror or error), 200)}",
            "check the free space (`df -h`) of the Hub's cache, or set HF_HOME",
        ) from error


def _http_errors() -> tuple[type[Exception], ...]:
    """Give the HTTP errors that the client passes on: httpx2's or httpx's, depending on its version."""
    names = ("httpx2", "httpx")
    modules = [importlib.import_module(name) for name in names if importlib.util.find_spec(name)]
    return tuple(module.HTTPError for module in modules)
