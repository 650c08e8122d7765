"""Hold what is live to what git says ought to be: heal engines, finish and start deploys, for ever."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import PipelineError
from serve import alias, deploy, desired, hold, journal, replicas
from serve.alias import Table
from serve.desired import Desired
from serve.journal import Entry
from serve.settings import WatchSection
from serve.site import Site

Fetch = Callable[[str], Path]
"""An adapter's source as written → its local folder, downloaded when it is a Hub reference."""


def watch(site: Site, section: WatchSection, fetch: Fetch) -> None:
    """Look every so many seconds, until interrupted; a failure is told once and tried again later.

    When a deploy that failed is tried again is in the journal, so a restart changes nothing about it.
    """
    told = ""
    while True:
        try:
            wanted = desired.read(Path(section.repository), section.revision, section.file)
            reconcile(site, wanted, fetch)
            told = ""
        except PipelineError as error:
            if error.message != told:
                print(f"watch: {error.message}", file=sys.stderr, flush=True)
            told = error.message
        time.sleep(section.seconds)
        _heal(site)  # also while git cannot be read


def reconcile(site: Site, wanted: Desired, fetch: Fetch) -> Entry | None:
    """Bring the engines to the alias table and the alias table to what is wanted; None: nothing to do.

    Raises PipelineError for what stands in the way, HeldBackError when it is only too early.
    """
    with deploy.alone(site.state):
        deploy.settle(site)
    table = _heal(site)
    if table.adapter and table.adapter.digest == wanted.digest:
        return None
    entries = journal.read(site.state)
    if bad := journal.quarantined(entries).get(wanted.digest):
        raise PipelineError(f"{wanted.adapter}: is quarantined: {bad.reason}")
    hold.refuse(entries, wanted.digest)  # before anything is fetched for it
    return deploy.deploy(site, fetch(wanted.adapter), expected=wanted.digest)


def _heal(site: Site) -> Table:
    """Give restarted engines their adapters back, and give the alias table."""
    table = alias.read(site.state).table
    for line in replicas.heal(site.engines, table.wanted):
        print(f"watch: {line}", file=sys.stderr, flush=True)
    return table
