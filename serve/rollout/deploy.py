"""Deploys an adapter: fetched → staged → probed → cutover → soaked → committed, or back to the one before.

Each state is on disk in the journal before the step after it begins, and every step may be done
twice, so a deploy that was killed goes on where it was: the next `facts serve` finishes it. Public
traffic moves in one place (`_flip`), by compare-and-swap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.core import lock
from pipeline.core.errors import PipelineError
from pipeline.core.escape import plain
from serve.engines import replicas
from serve.gateway import public_client
from serve.rollout import hold, steps
from serve.rollout.steps import RejectedError
from serve.say import say
from serve.site import Site, present
from serve.state import adapters, alias, journal
from serve.state.adapters import RefusedError
from serve.state.alias import Table
from serve.state.journal import JournalEntry, State

SHOWN = 2000
"""Characters of a state's reason that are shown; the journal keeps all of it."""


class BusyError(PipelineError):
    """Another deploy is running."""


class StoppedError(PipelineError):
    """The service is stopping: nothing more is begun, and nothing that fails now is held against anybody."""


def deploy(site: Site, source: Path, *, expected: str = "", again: bool = False) -> JournalEntry:
    """Make the adapter of `source` live; give the last journal entry ("committed", "failed", "held back").

    `expected` is the digest that it must have, if known. Raises BusyError when another deploy runs,
    PipelineError when the adapter is quarantined or still held back and not tried `again`, or when the
    source is not fit to be fetched: nothing has been touched then.
    """
    with alone(site.state):
        settle(site)
        present(site)
        public_client.in_flight(site.door, "")  # a deploy without a door could not soak
        before = alias.read_alias(site.state).table
        try:
            new = adapters.fetch_adapter(source, site.state, site.door.alias, site.base, site.trust)
            if expected not in {"", new.adapter.digest}:
                raise RefusedError(  # noqa: TRY301  (both refusals are recorded in one place)
                    new.adapter,
                    f"{source}: holds the adapter {new.adapter.digest}, not {expected}",
                    "correct the desired state, or publish the adapter that it names",
                )
        except RefusedError as error:
            refused = JournalEntry(_id(), error.adapter, before, "failed", error.message)
            last = journal.read_journal(site.state)[-1:]
            if not last or (last[0].adapter, last[0].reason) != (error.adapter, error.message):
                _record(site, refused)  # `--watch` may be refused the same for ever
            raise
        entries = journal.read_journal(site.state)
        bad = journal.quarantined(entries).get(new.adapter.digest)
        if bad and not again:
            raise PipelineError(
                f"{new.adapter.name}: is quarantined: {bad.reason}",
                "deploy another adapter, or try this one once more with --again",
            )
        if bad:
            _record(site, JournalEntry(_id(), new.adapter, before, "released"))
        if before.adapter == new.adapter:
            replicas.load_everywhere(present(site), new.adapter)
            return JournalEntry(_id(), new.adapter, before, "committed", detail="was live already")
        if not again:
            hold.refuse(entries, new.adapter.digest)
        return _advance(site, _record(site, JournalEntry(_id(), new.adapter, before, "fetched")))


def settle(site: Site) -> JournalEntry | None:
    """Finish a deploy that was cut off, if there is one. Call it holding the lock of `alone`."""
    cut_off = journal.unfinished(journal.read_journal(site.state))
    return _advance(site, cut_off) if cut_off else None


def rollback(site: Site, *, not_its_fault: str = "") -> JournalEntry:
    """Move the public name back to the adapter before, at once, and quarantine the one that was live.

    It is not quarantined where `not_its_fault` says what was to blame instead. Nothing is judged: this
    is for emergencies. Raises PipelineError when there is nothing to go back to.
    """
    with alone(site.state):
        settle(site)
        now = alias.read_alias(site.state).table
        if not now.adapter or not now.previous:
            raise PipelineError(
                "there is no adapter to go back to", "`facts status` shows what is live"
            )
        replicas.load_everywhere(present(site), now.previous)
        back = Table(adapter=now.previous)
        reason = "rolled back by hand"
        reason += f", not for its own fault: {not_its_fault}" if not_its_fault else ""
        begun = JournalEntry(
            _id(), now.adapter, back, "rolling back", reason, quarantine=not not_its_fault
        )
        return _advance(site, _record(site, begun))


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Hold the lock of deploys. Raises BusyError when another one runs."""
    try:
        with lock.exclusive(state / "deploy.lock", wait=False):
            yield
    except BlockingIOError as error:
        raise BusyError(
            "another deploy is running", "wait for it; `facts status` shows how far it is"
        ) from error


def _advance(site: Site, entry: JournalEntry) -> JournalEntry:
    """Do one step after another until the deploy has ended, well or badly."""
    step: dict[State, Callable[[Site, JournalEntry], JournalEntry]] = {
        "fetched": steps.stage,
        "staged": steps.probe,
        "probed": lambda _, done: replace(done, state="cutover", detail=""),
        "cutover": steps.soaked,
        "soaked": steps.commit,
        "rolling back": steps.undo,
    }
    while entry.state not in journal.ENDED:
        try:
            done = step[entry.state](site, entry)
        except PipelineError as error:
            if entry.state == "rolling back":
                raise
            bad = isinstance(error, RejectedError)
            digest = entry.adapter.digest
            done = replace(
                entry,
                state="rolling back",
                reason=error.message,
                quarantine=bad,
                again_at="" if bad else hold.again_at(journal.read_journal(site.state), digest),
            )
        entry = _record(site, done)
    return entry


def _record(site: Site, entry: JournalEntry) -> JournalEntry:
    if site.stopping.is_set():
        raise StoppedError(
            "`facts serve` is stopping", "what was begun is finished when it is started again"
        )
    said = f": {entry.reason}" if entry.reason else f" ({entry.detail})" if entry.detail else ""
    until = f" until {entry.again_at}" if entry.state == "held back" else ""
    say(plain(alias.short(f"{entry.adapter.name}  {entry.state}{until}{said}"), SHOWN))
    return journal.append(site.state, entry)


def _id() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
