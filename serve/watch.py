"""Hold what is live to what git says ought to be: heal engines, finish and start deploys, for ever."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import PipelineError
from serve import alias, deploy, desired, journal, replicas, sources
from serve.desired import Desired
from serve.journal import Entry
from serve.settings import WatchSection
from serve.site import Site

LONGEST_SECONDS = 1800.0
"""Longest wait before an adapter whose deploy failed through no fault of its own is tried again."""

Fetch = Callable[[str], Path]
"""An adapter's source as written → its local folder, downloaded when it is a Hub reference."""


def watch(site: Site, section: WatchSection, fetch: Fetch) -> None:
    """Look every so many seconds, until interrupted; a failure is told once and tried again later."""
    told, wait, tried = "", section.seconds, ""
    while True:
        try:
            wanted = desired.read(Path(section.repository), section.revision, section.file)
            if wanted.digest != tried:
                wait = section.seconds
            done = reconcile(site, wanted, fetch)
            tried = wanted.digest
            failed = done is not None and done.state == "failed"
            wait = min(2 * wait, LONGEST_SECONDS) if failed else section.seconds
            told = ""
        except PipelineError as error:
            if error.message != told:
                print(f"watch: {error.message}", file=sys.stderr, flush=True)
            told = error.message
        _heal_until(site, time.monotonic() + wait, section.seconds)


def reconcile(site: Site, wanted: Desired, fetch: Fetch) -> Entry | None:
    """Bring the engines to the alias table and the alias table to what is wanted; None: nothing to do.

    Raises PipelineError for what stands in the way.
    """
    with deploy.alone(site.state):
        deploy.settle(site)
    table = alias.read(site.state).table
    for line in replicas.heal(site.engines, table.wanted):
        print(f"watch: {line}", file=sys.stderr, flush=True)
    if table.adapter and table.adapter.digest == wanted.digest:
        return None
    if bad := journal.quarantined(journal.read(site.state)).get(wanted.digest):
        raise PipelineError(f"{wanted.adapter}: is quarantined: {bad.reason}")
    source = fetch(wanted.adapter)
    if wanted.release:
        sources.require(source, wanted.release)
    return deploy.deploy(site, source, expected=wanted.digest)


def _heal_until(site: Site, until: float, every: float) -> None:
    """Wait, looking after restarted engines meanwhile."""
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, every))
        for line in replicas.heal(site.engines, alias.read(site.state).table.wanted):
            print(f"watch: {line}", file=sys.stderr, flush=True)
