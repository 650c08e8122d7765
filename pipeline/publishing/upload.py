"""Puts a release on the Hub: on a branch `candidate` with a tag first, on `main` once it was verified live.

Every step looks at what is there, does what is missing and looks again, so that any of them may
fail, be killed or be repeated. A write names the commit that it is based on; whether one whose
answer was lost had its effect is decided by comparing files, never by trying again blindly.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.core import artifact
from pipeline.core.errors import ConfigError, PublishError
from pipeline.core.escape import plain
from pipeline.publishing import download, hub
from pipeline.publishing.hub import Blob, Repo
from pipeline.publishing.hub_errors import AwayError, ChangedError
from pipeline.publishing.release import CARD, Release
from pipeline.publishing.signing import ANYBODY, SIGNATURE

MAIN, CANDIDATE = "main", "candidate"
UNSIGNED = {SIGNATURE, artifact.MANIFEST}
"""Files that differ between two signatures of the same release."""
LAG = (0.5, 2.0)
"""Seconds between looks for a commit of our own, which the Hub may show late."""
ONE_AT_A_TIME = "see that only one publishes, then run the same command again"

Tree = dict[str, Blob]
"""The files of a commit by their names."""


@dataclass(frozen=True, slots=True)
class Published:
    """A release on the Hub: its repository, commit and tag, and its digest."""

    repo: str
    commit: str
    tag: str
    digest: str


def publish(release: Release, repo: Repo, tag: str) -> Published:
    """Put a release on the candidate branch, tag it, and fetch it back to compare every byte.

    Raises PublishError when the Hub holds something else by then, ConfigError when the repository
    or the token is not one to publish with; `main` is not touched.
    """
    refs = hub.retry(lambda: hub.refs(repo))
    main = hub.retry(partial(_head, repo, MAIN))
    _for_releases(repo, hub.retry(partial(hub.tree, repo, main)))
    commit = refs.tags.get(tag)
    if commit is None:
        if CANDIDATE not in refs.branches:
            hub.retry(partial(hub.branch, repo, CANDIDATE, main))
        commit = _candidate(repo, release)
        _tag(repo, tag, commit, release)
    elif not _holds(hub.retry(partial(hub.tree, repo, commit)), release):
        raise PublishError(
            f"{repo.id}: the tag {tag} is on another release of this commit",
            "commit what has changed since; or delete the tag on the Hub, if that one was wrong",
        )
    with tempfile.TemporaryDirectory() as scratch:
        there = download.fetch_release(repo, commit, Path(scratch), ANYBODY)
    if there.content != release.content:
        raise PublishError(f"{repo.id}: {commit[:12]} is another release", "run the command again")
    return Published(repo.id, commit, tag, there.digest)


def promote(repo: Repo, commit: str, live: str | None = None, made: str | None = None) -> str:
    """Make a published release what `main` holds, copied on the Hub itself; give main's commit.

    To be called once the release was verified live; `live` is the digest of the adapter that is, as
    `facts status` tells it, `made` that of the facts, recipe and code it must be made from, as `facts ci
    digest` tells it; None compares nothing. What main holds changes in one commit or not at all.
    Raises PublishError when the commit is no whole release or another than the live one, or main was
    changed by others.
    """
    with tempfile.TemporaryDirectory() as scratch:
        held = download.fetch_release(repo, commit, Path(scratch), ANYBODY)
    # What git or the live side says, against what was recomputed from the release's bytes.
    for said, found, wrong, hint in (
        (live, held.adapter, "holds the adapter {}, live is {}", "deploy that release first"),
        (
            made, held.made, "was made from other facts, recipe or code ({}) than {}",
            "publish the run of this commit's gate",
        ),
    ):  # fmt: skip
        if said not in (None, found):
            told = wrong.format(found, plain(str(said), 80))
            raise PublishError(f"{repo.id}: {commit[:12]} {told}", f"{hint}, then promote it")
    wanted = hub.retry(lambda: hub.tree(repo, commit))

    def copy(head: str, there: Tree) -> None:
        _for_releases(repo, there)
        changed = [name for name, blob in wanted.items() if there.get(name) != blob]
        gone = sorted(there.keys() - wanted.keys())
        hub.copy(repo, (MAIN, head), commit, (changed, gone), f"Promote {commit[:12]}")

    return _until(repo, MAIN, lambda there: there == wanted, copy)


def _candidate(repo: Repo, release: Release) -> str:
    """Commit the release to the candidate branch unless it is there; give the commit."""
    files = sorted(release.folder.iterdir())
    message = f"Release {release.digest.removeprefix('sha256:')[:12]}"

    def upload(head: str, there: Tree) -> None:
        gone = sorted(there.keys() - {path.name for path in files})
        hub.upload(repo, (CANDIDATE, head), files, gone, message)

    return _until(repo, CANDIDATE, lambda there: _holds(there, release), upload)


def _until(
    repo: Repo, branch: str, done: Callable[[Tree], bool], write: Callable[[str, Tree], None]
) -> str:
    """Look at the head of a branch and write on top of it until it is as it has to be; give it.

    A write that was refused since the branch had moved on is only looked for from then on: it may
    have been our own, whose answer was lost. If it was somebody else's, theirs stands.
    """
    waits = iter(hub.WAITS)
    refused = None
    while True:
        try:
            head = _head(repo, branch)
            there = hub.tree(repo, head)
            if done(there):
                return head
            if not refused:
                write(head, there)
                continue
        except ChangedError as error:
            refused, waits = ChangedError(error.message, ONE_AT_A_TIME), iter(LAG)
        except AwayError as error:
            failed = error
        wait = next(waits, None)
        if wait is None:
            raise refused or failed
        hub.wait(refused or failed, wait)


def _head(repo: Repo, branch: str) -> str:
    """Give the commit at the top of a branch.

    Raises ConfigError when there is no such branch.
    """
    head = hub.refs(repo).branches.get(branch)
    if not head:
        raise ConfigError(f"{repo.id}: has no branch {branch}", "run `facts publish` again")
    return head


def _tag(repo: Repo, tag: str, commit: str, release: Release) -> None:
    """Tag the commit unless it has the tag.

    Raises PublishError when another commit has it.
    """

    def once() -> None:
        there = hub.refs(repo).tags.get(tag)
        if not there:
            try:
                hub.tag(repo, tag, commit, release.digest)
            except ChangedError:
                there = hub.refs(repo).tags.get(tag)
        if there not in (None, commit):
            raise PublishError(
                f"{repo.id}: somebody else set the tag {tag} meanwhile", ONE_AT_A_TIME
            )

    hub.retry(once)


def _for_releases(repo: Repo, there: Tree) -> None:
    """Refuse to write over what no release and no empty repository is."""
    if artifact.MANIFEST not in there and (other := sorted(there.keys() - {CARD})):
        raise ConfigError(
            f"{repo.id}: its branch main holds {plain(other[0], 100)!r} and no release",
            "give a repository of its own to each adapter: `hf repo create ORGANISATION/NAME`",
        )


def _holds(there: Tree, release: Release) -> bool:
    """Return whether a commit holds the files of this release, whoever signed them."""
    kept = {path.name: path for path in release.folder.iterdir() if path.name not in UNSIGNED}
    return (
        there.keys() - UNSIGNED == kept.keys()
        and artifact.MANIFEST in there
        and (SIGNATURE in there) >= release.signed
        and all(there[name].holds(path) for name, path in kept.items())
    )
