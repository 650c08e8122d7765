"""Hold what is live to what git says ought to be, for ever.

`watch` looks at git and asks; `reconcile` is what the running `facts serve` does about it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pipeline.core.errors import PipelineError
from serve.engines import replicas
from serve.rollout import deploy, desired, hold, sources
from serve.rollout.desired import Desired
from serve.say import say
from serve.settings import WatchSection
from serve.site import Site
from serve.state import alias, journal
from serve.state.journal import JournalEntry

Fetch = Callable[[str], Path]
"""An adapter's source as written → its local folder, downloaded when it is a Hub reference."""
Ask = Callable[[Desired], object]
"""Asks `facts serve` for what is desired, and waits until that is live, refused or failed."""


def watch(section: WatchSection, ask: Ask) -> None:
    """Look every so many seconds, until interrupted; a failure is told once and tried again later.

    When a deploy that failed is tried again is in the journal, so a restart changes nothing about it.
    """
    told = ""
    while True:
        try:
            wanted = desired.read_desired(Path(section.repository), section.revision, section.file)
            ask(wanted)
            told = ""
        except PipelineError as error:
            if error.message != told:
                say(f"watch: {error.message}")
            told = error.message
        time.sleep(section.seconds)


def reconcile(site: Site, wanted: Desired, fetch: Fetch) -> JournalEntry | None:
    """Bring the engines to the alias table and the alias table to what is wanted; None: nothing to do.

    Raises PipelineError for what stands in the way, HeldBackError when it is only too early.
    """
    with deploy.alone(site.state):
        deploy.settle(site)
    table = alias.read_alias(site.state).table
    for line in replicas.heal(site.engines, table.wanted):
        say(line)
    if table.adapter and table.adapter.digest == wanted.digest:
        return None
    entries = journal.read_journal(site.state)
    if bad := journal.quarantined(entries).get(wanted.digest):
        raise PipelineError(f"{wanted.adapter}: is quarantined: {bad.reason}")
    hold.refuse(entries, wanted.digest)  # before anything is fetched for it
    source = fetch(wanted.adapter)
    if wanted.release:
        sources.require_release(source, wanted.release)
    return deploy.deploy(site, source, expected=wanted.digest)
