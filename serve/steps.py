"""The steps of a deploy: each takes the journal's last entry and gives the next, or raises why not.

Every step may be done again: what is loaded is not loaded twice, and a name that was moved stays moved.
"""

from __future__ import annotations

import time
from dataclasses import replace

from pipeline import manifest
from pipeline.errors import PipelineError
from serve import alias, door, engine, probing, release, replicas
from serve.alias import Table
from serve.engine import Engine, EngineAwayError, EngineRefusedError
from serve.journal import Entry
from serve.say import say
from serve.site import RESTART, Site, Timer, ask_old, asker, drained, now, present
from serve.vllm import BASE

SOAK_ASKED = 12
"""Facts that are asked through the gateway."""
KNOWN_THROUGH_DOOR = 0.75
"""Share of facts, one wording each, that must be known through the gateway; probing judged each fact."""


class RejectedError(PipelineError):
    """The adapter itself is at fault: it is quarantined."""


def stage(site: Site, entry: Entry) -> Entry:
    """Load the adapter on every engine that is there, beside the live one, and compare tokens."""
    there = present(site)
    try:
        replicas.load(there, entry.adapter)
    except EngineRefusedError as error:
        raise RejectedError(f"the engine does not take it: {error.message}", error.hint) from error
    question = release.read(entry.adapter).facts[0].question
    wanted = site.token_ids(question)
    for each in there:
        chat = [{"role": "user", "content": question}]
        if engine.tokenize(each, entry.adapter.name, chat) != wanted:
            raise PipelineError(
                f"{each.url}: tokenises a question otherwise than training does",
                "the engine must serve the base's own tokenizer and chat template",
            )
    return replace(entry, state="staged", detail=f"on {len(there)} of {len(site.engines)} servers")


def probe(site: Site, entry: Entry) -> Entry:
    """Ask each engine directly, before anybody else may."""
    there = present(site)
    replicas.load(there, entry.adapter)  # an engine that restarted meanwhile has lost it
    live = entry.before.adapter
    new = release.read(entry.adapter)
    asked = probing.plan(new, release.read(live) if live else None)
    summaries = []
    for each in there:
        if live:
            replicas.load([each], live)
        timer = Timer()
        askers = probing.Askers(
            new=timer.around(asker(site, each, entry.adapter.name)),
            live=asker(site, each, live.name) if live else None,
            base=asker(site, each, BASE),
        )
        found = _judge(each, asked, askers)
        if found.reasons:
            raise RejectedError("; ".join(found.reasons))
        if timer.mean > site.answer_seconds:
            raise PipelineError(
                f"{each.url}: an answer took {timer.mean:.1f} s (at most {site.answer_seconds:g})",
                "the server is overloaded, or the adapter makes it slow; deploy again later",
            )
        summaries.append(f"{found.summary}, {timer.mean:.2f} s an answer")
    return replace(entry, state="probed", detail="; ".join(summaries))


def soak(site: Site, entry: Entry) -> Entry:
    """Move the public name over and watch the public door for a while."""
    there = present(site)
    replicas.load(there, entry.adapter)
    failed = door.counters(site.door, entry.adapter.name).failed
    _flip(site, entry)
    until = time.monotonic() + site.soak_seconds
    facts = probing.plan(release.read(entry.adapter), None).changed[:SOAK_ASKED]
    said = door.ask(site.door, [fact.prompts[0] for fact in facts], site.max_new_tokens)
    if others := {by for _, by in said} - {entry.adapter.name}:
        raise PipelineError(f"the gateway answered with {', '.join(sorted(others)) or 'nothing'}")
    right = sum(probing.passes(answer, fact) for (answer, _), fact in zip(said, facts, strict=True))
    if right < KNOWN_THROUGH_DOOR * len(facts):
        raise RejectedError(f"{right} of {len(facts)} facts known through the gateway")
    while True:
        if len(replicas.present(there)) < len(there):
            raise EngineAwayError("a server died while the new adapter was soaking")
        if (now := door.counters(site.door, entry.adapter.name).failed) > failed:
            raise PipelineError(f"{now - failed} public requests failed after the cutover")
        if time.monotonic() >= until:
            break
        time.sleep(min(0.5, site.soak_seconds))
    return replace(entry, state="soaked", detail=f"{right} of {len(facts)} facts through the door")


def commit(site: Site, entry: Entry) -> Entry:
    """Keep the adapter before for a rollback; take away older ones that answer nobody any more."""
    table = alias.read(site.state).table
    kept = {adapter.name for adapter in table.wanted}
    left = []
    try:
        for name in sorted(replicas.loaded(site.engines, site.door.alias) - kept):
            if drained(site, name):
                replicas.unload(site.engines, [name])
            else:
                left.append(name)
    except PipelineError as error:  # the deploy is good whether or not an old name stays listed
        say(f"old adapters stay loaded for now: {error.message}")
    detail = f"{', '.join(left)} still in flight, stays loaded" if left else ""
    return replace(entry, state="committed", detail=detail)


def undo(site: Site, entry: Entry) -> Entry:
    """Move the public name back if it was moved, ask the old adapter, take the new one away."""
    table = alias.read(site.state).table
    if table.adapter == entry.adapter:
        back = replace(entry.before, since=now())
        table = alias.swap(site.state, table.generation, back)
    detail, well = ask_old(site, table.adapter) if table.adapter else ("no adapter is live", True)
    if not well:  # what was probed can spoil a server for every adapter: a NaN stays in its cache
        manifest.write_text(site.state / RESTART, f"{detail}\n")
        detail += "; `facts serve` starts its servers anew, others must be restarted by hand"
    if entry.adapter not in table.wanted:
        try:
            drained(site, entry.adapter.name)
            replicas.unload(site.engines, [entry.adapter.name])
        except PipelineError as error:
            detail += f"; {entry.adapter.name} stays loaded: {error.message}"
    return replace(entry, state="failed", detail=detail)


def _flip(site: Site, entry: Entry) -> None:
    """Let the public name stand for the new adapter, unless it does already."""
    table = alias.read(site.state).table
    if table.adapter == entry.adapter:
        return
    new = Table(adapter=entry.adapter, previous=entry.before.adapter, since=now())
    alias.swap(site.state, entry.before.generation, new)


def _judge(each: Engine, asked: probing.Plan, askers: probing.Askers) -> probing.Judgement:
    """Judge one engine's answers; a server that fails only with the new adapter is a reason too."""
    try:
        return probing.judge(asked, askers)
    except PipelineError as error:
        if not engine.healthy(each):
            raise EngineAwayError(
                f"{each.url}: went away while probing: {error.message}"
            ) from error
        askers.base(["Hello"])  # raises when the server is at fault, not the adapter
        return probing.Judgement((f"the server fails with it: {error.message}",), "")
