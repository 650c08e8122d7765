"""Gathers the state of the live side: live and desired adapter, last verdict, quarantine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any  # plain data for JSON

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


def gather(
    state: Path, engines: Sequence[Engine], name: str, wanted: str, signer: str = UNSIGNED
) -> dict[str, Any]:
    """Read the state folder and ask every engine.

    `name` is the alias, `wanted` says what git desires, or why that is not known; `signer` says who must
    have signed what goes live.
    """
    reading = alias.read_alias(state)
    entries = journal.read_journal(state)
    live, previous = reading.table.adapter, reading.table.previous
    last = entries[-1] if entries else None
    going = journal.unfinished(entries)
    left = tidy.leftovers(state)
    return {
        "alias": name,
        "generation": reading.table.generation,
        "alias_table": reading.damage or "ok",
        "live": live and live.name,
        "digest": live and live.digest,
        "since": reading.table.since,
        "previous": previous and previous.name,
        "desired": wanted,
        "signer": signer,
        "under_way": going and {"adapter": going.adapter.name, "state": going.state},
        "last": last and _entry(last, "state", "at", "reason", "detail"),
        "engines": {each.url: _engine(each, name) for each in engines},
        "quarantined": [
            _entry(entry, "at", "reason") | {"digest": digest}
            for digest, entry in journal.quarantined(entries).items()
        ],
        "held_back": [
            _entry(entry, "again_at", "reason") | {"digest": digest}
            for digest, entry in hold.hold_of(entries).items()
        ],
        "left_over": {"adapters": len(left), "bytes": tidy.size(left)},
    }


def _entry(entry: JournalEntry, *fields: str) -> dict[str, Any]:
    return {"adapter": entry.adapter.name} | {name: getattr(entry, name) for name in fields}


def status_as_text(data: dict[str, Any]) -> str:
    """Write it for a terminal."""
    lines = [f"live        {data['live'] or 'nothing'}" + _if(" since {}", data["since"])]
    lines += [f"before      {data['previous'] or 'nothing to go back to'}"]
    lines += [f"desired     {data['desired']}"]
    lines.append(f"signer      {data['signer']}")
    if data["alias_table"] != "ok":
        lines.append(f"WARNING     {data['alias_table']}")
    lines += [f"WARNING     {warning}" for warning in data.get("warnings", ())]
    if going := data["under_way"]:
        lines.append(f"under way   {going['adapter']} has been {going['state']}")
    if last := data["last"]:
        said = last["reason"] or last["detail"]
        lines.append(
            f"last        {last['adapter']} {last['state']} at {last['at']}" + _if(": {}", said)
        )
    for url, told in data["engines"].items():
        lines.append(f"server      {url}  {told}")
    for bad in data["quarantined"]:
        lines.append(f"quarantine  {bad['adapter']} since {bad['at']}: {bad['reason']}")
    for held in data["held_back"]:
        lines.append(
            f"held back   {held['adapter']}, try again at {held['again_at']}: {held['reason']}"
        )
    if count := data["left_over"]["adapters"]:
        lines.append(
            f"left over   {count} old adapters, {data['left_over']['bytes'] / 1e6:.1f} MB, "
            "removed ten minutes after the last server has let go of them"
        )
    return "\n".join(plain(alias.short(line), WIDTH) for line in lines)


def drift(data: dict[str, Any]) -> list[str]:
    """Say in what the live side is not as it ought to be; a desired state that is not known is left out."""
    live = data["live"]
    if not live:
        return ["nothing is live"]
    found = [
        f"{url} {told}, not the live {live}"
        for url, told in data["engines"].items()
        if live not in told.removeprefix("has ").split(", ")
    ]
    if data["alias_table"] != "ok":
        found.append(data["alias_table"])
    if data["desired"].startswith("sha256:") and data["desired"] != data["digest"]:
        found.append(f"{data['digest']} is live, {data['desired']} is desired")
    return [plain(each, WIDTH) for each in found]


def _engine(each: Engine, name: str) -> str:
    try:
        names = [m.name for m in api.list_models(each) if m.name.startswith(f"{name}@")]
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
