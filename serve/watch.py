"""Hold what is live to what git says ought to be, for ever.

`watch` looks at git and asks; `reconcile` is what the running `facts serve` does about it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import PipelineError
from serve import alias, deploy, desired, journal, replicas
from serve.desired import Desired
from serve.journal import Entry
from serve.say import say
from serve.settings import WatchSection
from serve.site import Site

LONGEST_SECONDS = 1800.0
"""Longest wait before an adapter whose deploy failed through no fault of its own is tried again."""

Fetch = Callable[[str], Path]
"""An adapter's source as written → its local folder, downloaded when it is a Hub reference."""
Ask = Callable[[Desired], str]
"""Asks `facts serve` for what is desired: its deploy's last state, or "" when there was nothing to do."""


def watch(section: WatchSection, ask: Ask) -> None:
    """Look every so many seconds, until interrupted; a failure is told once and tried again later."""
    told, wait, tried = "", section.seconds, ""
    while True:
        try:
            wanted = desired.read(Path(section.repository), section.revision, section.file)
            if wanted.digest != tried:
                wait = section.seconds
            failed = ask(wanted) == "failed"
            tried = wanted.digest
            wait = min(2 * wait, LONGEST_SECONDS) if failed else section.seconds
            told = ""
        except PipelineError as error:
            if error.message != told:
                say(f"watch: {error.message}")
            told = error.message
        time.sleep(wait)


def reconcile(site: Site, wanted: Desired, fetch: Fetch) -> Entry | None:
    """Bring the engines to the alias table and the alias table to what is wanted; None: nothing to do.

    Raises PipelineError for what stands in the way.
    """
    with deploy.alone(site.state):
        deploy.settle(site)
    table = alias.read(site.state).table
    for line in replicas.heal(site.engines, table.wanted):
        say(line)
    if table.adapter and table.adapter.digest == wanted.digest:
        return None
    if bad := journal.quarantined(journal.read(site.state)).get(wanted.digest):
        raise PipelineError(f"{wanted.adapter}: is quarantined: {bad.reason}")
    return deploy.deploy(site, fetch(wanted.adapter), expected=wanted.digest)
