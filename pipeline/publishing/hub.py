"""Calls the Hugging Face Hub; knows nothing of releases.

Only this module, `hub_errors` and `model_card` touch huggingface_hub. Every call raises the errors of
`hub_errors`, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar  # huggingface_hub's objects stay behind this border

from pipeline.core import artifact, escape
from pipeline.core.errors import ConfigError, PublishError
from pipeline.core.escape import plain
from pipeline.publishing.hub_errors import HOW_TO_LOG_IN, AwayError, map_hub_errors, strange

TIMEOUT = 60.0
"""Seconds without a byte until a call counts as failed."""
WAITS = (0.5, 2.0, 8.0, 20.0)
"""Seconds between tries, when the Hub does not say how long; half a minute outlasts a restart."""
LONGEST = 120.0
"""Seconds that the Hub may ask to be left alone for."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Repo:
    """A model repository, and the client that talks to its Hub."""

    id: str
    api: Any = field(repr=False)  # holds the token


@dataclass(frozen=True, slots=True)
class Refs:
    """Commits, as 40 hex digits, by the name of their branch or tag."""

    branches: dict[str, str]
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Blob:
    """A file in a commit: its git object, the SHA-256 where LFS keeps it, and its size in bytes."""

    oid: str
    sha256: str
    size: int

    def holds(self, path: Path) -> bool:
        """Return whether a local file has these bytes."""
        if self.sha256:
            return artifact.digest_file(path) == f"sha256:{self.sha256}"
        data = path.read_bytes()
        header = b"blob %d\0" % len(data)
        return hashlib.sha1(header + data, usedforsecurity=False).hexdigest() == self.oid


def connect(name: str, *, write: bool) -> Repo:
    """Prepare to talk about a repository; nothing is sent but what gets a short-lived token.

    Raises ConfigError for what is no name, and where writing lacks a token.
    """
    if not re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}", name, re.ASCII):
        raise ConfigError(
            f"{plain(name, 100)!r}: is no repository", "write it as ORGANISATION/NAME"
        )
    try:
        import httpx2
        import huggingface_hub as library
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise ConfigError(
            f"the Hub needs a library that is not installed: {error.name}",
            "`make install` brings it; by hand: pip install 'schoolhouse[hub]'",
        ) from error
    library.logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # warnings show signed addresses
    if not sys.stderr.isatty():
        disable_progress_bars()
    library.set_client_factory(lambda: httpx2.Client(follow_redirects=True, timeout=TIMEOUT))
    endpoint = os.environ.get("HF_ENDPOINT")
    with map_hub_errors(name):
        if os.environ.get("HF_OIDC_RESOURCE"):
            token = library.get_token()
        else:
            token = os.environ.get("HF_TOKEN", "").strip() or None
    if write and not token:
        raise ConfigError("there is no token for the Hub", HOW_TO_LOG_IN)
    return Repo(name, library.HfApi(endpoint=endpoint, token=token, library_name="schoolhouse"))


def retry(call: Callable[[], T]) -> T:
    """Make a call that may safely be repeated until the Hub answers it.

    Raises AwayError when it did not in about half a minute.
    """
    for seconds in WAITS:
        try:
            return call()
        except AwayError as error:
            wait(error, seconds)
    return call()


def wait(error: PublishError, usual: float) -> None:
    """Wait as long as the Hub asked for, or else the `usual` seconds, and say so."""
    asked = error.wait if isinstance(error, AwayError) else 0.0
    seconds = min(asked, LONGEST) or usual
    said = escape.line(f"{error.message}; trying again in {seconds:g} s")
    print(said, file=sys.stderr, flush=True)
    time.sleep(seconds)


def refs(repo: Repo) -> Refs:
    """Read where every branch and tag is."""
    with map_hub_errors(repo.id):
        found = repo.api.list_repo_refs(repo.id)
        return Refs(
            {ref.name: ref.target_commit for ref in found.branches},
            {ref.name: ref.target_commit for ref in found.tags},
        )


def resolve_revision(repo: Repo, revision: str) -> str:
    """Give the commit of a branch, tag or commit."""
    with map_hub_errors(repo.id, revision):
        sha = repo.api.model_info(repo.id, revision=revision, timeout=TIMEOUT).sha
    if not re.fullmatch("[0-9a-f]{40}", str(sha)):
        raise strange(repo.id)
    return str(sha)


def tree(repo: Repo, commit: str) -> dict[str, Blob]:
    """List all files of a commit but .gitattributes, which the Hub itself writes."""
    with map_hub_errors(repo.id, commit):
        entries = repo.api.list_repo_tree(repo.id, recursive=True, revision=commit)
        return {
            entry.path: _blob(entry)
            for entry in entries
            if hasattr(entry, "blob_id") and entry.path != ".gitattributes"
        }


def _blob(entry: Any) -> Blob:
    size = entry.lfs.size if entry.lfs else entry.size
    if type(size) is not int or size < 0:
        raise TypeError(size)
    return Blob(entry.blob_id, entry.lfs.sha256 if entry.lfs else "", size)


def download(repo: Repo, commit: str, files: Mapping[str, Blob], folder: Path) -> None:
    """Fetch files of a commit into a folder; what they hold is for the caller to check.

    Of none is more taken than its listed size. Raises PublishError where there is more.
    """
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # its stubs do not export them
        build_hf_headers,
        hf_raise_for_status,
    )

    folder.mkdir(parents=True, exist_ok=True)
    for name, blob in files.items():
        with map_hub_errors(repo.id, commit):
            url = hf_hub_url(repo.id, name, revision=commit, endpoint=repo.api.endpoint)
            headers = build_hf_headers(token=repo.api.token, library_name="schoolhouse")
            headers["Accept-Encoding"] = "identity"
            with get_session().stream("GET", url, headers=headers) as response:
                hf_raise_for_status(response)
                _keep(folder / name, blob.size, response.iter_raw(), f"{repo.id}: {name}")


def _keep(path: Path, size: int, chunks: Iterable[bytes], what: str) -> None:
    """Write what arrives, up to `size` bytes. Raises PublishError when more does."""
    with path.open("wb") as file:
        for chunk in chunks:
            if file.tell() + len(chunk) > size:
                raise PublishError(
                    f"{plain(what, 200)}: is larger than the Hub's listing says ({size} bytes)",
                    "do not use it; look at HF_ENDPOINT and at proxies on the way",
                )
            file.write(chunk)


def branch(repo: Repo, name: str, start: str) -> None:
    """Create a branch at a commit; one that is there already stays where it is."""
    with map_hub_errors(repo.id):
        repo.api.create_branch(repo.id, branch=name, revision=start, exist_ok=True)


def tag(repo: Repo, name: str, commit: str, message: str) -> None:
    """Tag a commit.

    Raises ChangedError when there is such a tag.
    """
    with map_hub_errors(repo.id):
        repo.api.create_tag(repo.id, tag=name, revision=commit, tag_message=message)


def upload(
    repo: Repo, where: tuple[str, str], files: Sequence[Path], gone: Iterable[str], message: str
) -> None:
    """Commit local files at the top of a branch, and the removal of others, all or nothing.

    `where` names the branch and the commit that has to be its head. What the Hub holds already is
    not sent. Raises ChangedError when the branch is elsewhere.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    adds = [CommitOperationAdd(path.name, path) for path in files]
    _commit(repo, where, [*adds, *(CommitOperationDelete(name) for name in gone)], message)


def copy(
    repo: Repo,
    where: tuple[str, str],
    source: str,
    names: tuple[Sequence[str], Sequence[str]],
    message: str,
) -> None:
    """Commit files of the commit `source` to a branch on the Hub itself, as `upload` does.

    `names` are what is copied, and what is removed.
    """  # fmt: skip
    from huggingface_hub import CommitOperationCopy, CommitOperationDelete

    copies = [CommitOperationCopy(name, name, src_revision=source) for name in names[0]]
    _commit(repo, where, [*copies, *(CommitOperationDelete(name) for name in names[1])], message)


def _commit(repo: Repo, where: tuple[str, str], operations: list[Any], message: str) -> None:
    with map_hub_errors(repo.id):
        repo.api.create_commit(
            repo.id, operations, commit_message=message, revision=where[0], parent_commit=where[1]
        )
