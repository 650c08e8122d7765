"""Gathers the state of the live side: live and desired adapter, last verdict, quarantine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import PipelineError
from pipeline.core.escape import plain
from serve.engines import api
from serve.engines.api import Engine, EngineAwayError, EngineRefusedError
from serve.rollout import hold, tidy
from serve.rollout.desired import Desired
from serve.state import alias, journal
from serve.state.adapters import UNSIGNED
from serve.state.journal import JournalEntry

WIDTH = 300


@dataclass(frozen=True, slots=True)
class Step:
    """An adapter in a state of a deploy, as the journal tells it; times are ISO, UTC."""

    adapter: str
    digest: str
    state: str
    at: str
    again_at: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Old adapters that no server needs, and their size."""

    adapters: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Status:
    """All of it; the names are the keys of `facts status --json`. `engines` tells of each address."""

    alias: str
    generation: int
    alias_table: str
    live: str | None
    digest: str | None
    since: str
    previous: str | None
    desired: str
    signer: str
    under_way: Step | None
    last: Step | None
    engines: dict[str, str]
    quarantined: tuple[Step, ...]
    held_back: tuple[Step, ...]
    left_over: LeftOver
    warnings: tuple[str, ...] = ()


def gather(
    state: Path, engines: Sequence[Engine], name: str, wanted: str, signer: str = UNSIGNED
) -> Status:
    """Read the state folder and ask every engine.

    `name` is the alias, `wanted` says what git desires, or why that is not known; `signer` says who must
    have signed what goes live.
    """
    reading = alias.read_alias(state)
    entries = journal.read_journal(state)
    live, previous = reading.table.adapter, reading.table.previous
    going = journal.unfinished(entries)
    left = tidy.leftovers(state)
    return Status(
        alias=name,
        generation=reading.table.generation,
        alias_table=reading.damage or "ok",
        live=live.name if live else None,
        digest=live.digest if live else None,
        since=reading.table.since,
        previous=previous.name if previous else None,
        desired=wanted,
        signer=signer,
        under_way=_step(going) if going else None,
        last=_step(entries[-1]) if entries else None,
        engines={each.url: _engine(each, name) for each in engines},
        quarantined=tuple(map(_step, journal.quarantined(entries).values())),
        held_back=tuple(map(_step, hold.hold_of(entries).values())),
        left_over=LeftOver(len(left), tidy.size(left)),
    )


def _step(entry: JournalEntry) -> Step:
    own = entry.adapter
    return Step(
        own.name, own.digest, entry.state, entry.at, entry.again_at, entry.reason, entry.detail
    )


def status_as_text(found: Status) -> str:
    """Write it for a terminal."""
    lines = [f"live        {found.live or 'nothing'}" + _if(" since {}", found.since)]
    lines += [f"before      {found.previous or 'nothing to go back to'}"]
    lines += [f"desired     {found.desired}"]
    lines.append(f"signer      {found.signer}")
    if found.alias_table != "ok":
        lines.append(f"WARNING     {found.alias_table}")
    lines += [f"WARNING     {warning}" for warning in found.warnings]
    if going := found.under_way:
        lines.append(f"under way   {going.adapter} has been {going.state}")
    if last := found.last:
        said = _if(": {}", last.reason or last.detail)
        lines.append(f"last        {last.adapter} {last.state} at {last.at}{said}")
    lines += [f"server      {url}  {told}" for url, told in found.engines.items()]
    lines += [
        f"quarantine  {bad.adapter} since {bad.at}: {bad.reason}" for bad in found.quarantined
    ]
    lines += [
        f"held back   {held.adapter}, try again at {held.again_at}: {held.reason}"
        for held in found.held_back
    ]
    if count := found.left_over.adapters:
        lines.append(
            f"left over   {count} old adapters, {found.left_over.bytes / 1e6:.1f} MB, "
            "removed ten minutes after the last server has let go of them"
        )
    return "\n".join(plain(alias.short(line), WIDTH) for line in lines)


def drift(now: Status) -> list[str]:
    """Say in what the live side is not as it ought to be; a desired state that is not known is left out."""
    if not now.live:
        return ["nothing is live"]
    found = [
        f"{url} {told}, not the live {now.live}"
        for url, told in now.engines.items()
        if now.live not in told.removeprefix("has ").split(", ")
    ]
    if now.alias_table != "ok":
        found.append(now.alias_table)
    if now.desired.startswith("sha256:") and now.desired != now.digest:
        found.append(f"{now.digest} is live, {now.desired} is desired")
    return [plain(each, WIDTH) for each in found]


def _engine(each: Engine, name: str) -> str:
    try:
        names = [m.id for m in api.list_models(each) if m.id.startswith(f"{name}@")]
    except EngineAwayError:
        return "away"
    except EngineRefusedError as error:
        return error.message
    return "has " + (", ".join(names) or "no adapter")


def desired_text(read: Callable[[], Desired]) -> str:
    """Say what git desires, or that it cannot be read; `read` is the function that reads it."""
    try:
        return str(read().digest)
    except PipelineError as error:
        return f"not known ({error.message})"


def _if(form: str, text: str) -> str:
    return form.format(text) if text else ""
