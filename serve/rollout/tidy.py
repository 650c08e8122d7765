"""Remove from the state folder what nothing needs any more, without pulling it from under a server.

vLLM (0.32) reads an adapter's folder when it is loaded, and again when a request for it finds it fallen
out of the cache; where the folder is gone then, the server ends. What is in that cache cannot be asked.
But a name that no server lists can get no new request, so its folder is safe to remove once every
server answers, none lists it, and the gateway has had none of its requests in flight for a while.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from serve.engines import replicas
from serve.gateway import public_client
from serve.site import Site
from serve.state import adapters, alias, journal
from serve.state.alias import Adapter

RESTED_SECONDS = 600.0
"""Seconds for which a folder must have been of no use to any server: the longest answer by far."""
PULLED = "pulled"
PULLED_SECONDS = 86_400.0
"""Seconds for which a fetched release is kept: no server reads it, but a slow fetch may still write."""


def leftovers(state: Path) -> tuple[Path, ...]:
    """Give the adapters' folders that are neither live, nor the one before, nor in a deploy under way."""
    kept = {adapter.name for adapter in _needed(state)}
    return tuple(path for path in _inside(state / adapters.ADAPTERS) if path.name not in kept)


def due(site: Site, idle: dict[str, float]) -> tuple[Path, ...]:
    """Give the leftovers that no server can read again.

    `idle` is kept from call to call: by name, since when (monotonic) no server has had a use for it.
    Raises PipelineError when a server or the gateway does not answer as it must.
    """
    over = {path.name: path for path in leftovers(site.state)}
    for name in idle.keys() - over.keys():
        del idle[name]
    if not over:
        return ()
    if len(replicas.answering(site.engines)) < len(site.engines):
        idle.clear()  # one that is away may come back with all that it had
        return ()
    listed = replicas.loaded(site.engines, site.door.alias)
    for name in over:
        if name in listed or public_client.in_flight(site.door, name):
            idle.pop(name, None)
        else:
            idle.setdefault(name, clock())
    until = clock() - RESTED_SECONDS
    return tuple(over[name] for name, since in idle.items() if since <= until)


def remove(state: Path, folders: Iterable[Path]) -> None:
    """Remove these adapters' folders, reports that nothing needs, and what fetching left half done.

    Call it holding the lock of deploys. The reports of quarantined adapters stay.
    """
    over = set(leftovers(state))
    for folder in folders:
        if folder in over:
            shutil.rmtree(folder, ignore_errors=True)
    half = [path for path in _inside(state / adapters.ADAPTERS) if path.name.startswith(".")]
    old = time.time() - PULLED_SECONDS
    half += [path for path in _inside(state / PULLED) if path.stat().st_mtime < old]
    for path in half:
        shutil.rmtree(path, ignore_errors=True)
    left = {path.name for path in _inside(state / adapters.ADAPTERS)}
    left |= {
        each.adapter.name for each in journal.quarantined(journal.read_journal(state)).values()
    }
    for path in _inside(state / adapters.REPORTS):
        if path.name.removesuffix(".json") not in left:
            path.unlink(missing_ok=True)


def size(folders: Iterable[Path]) -> int:
    """Give the bytes of all files in these folders."""
    files = (path for folder in folders for path in folder.rglob("*"))
    return sum(path.stat().st_size for path in files if path.is_file())


def _needed(state: Path) -> list[Adapter]:
    going = journal.unfinished(journal.read_journal(state))
    needed = list(alias.read_alias(state).table.wanted)
    return [*needed, going.adapter, *going.before.wanted] if going else needed


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def clock() -> float:
    """Give seconds that only go forward."""
    return time.monotonic()
