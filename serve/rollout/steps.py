"""Does one step of a deploy: takes the journal's last entry and gives the next, or raises why not.

Every step may be done again: what is loaded is not loaded twice, and a name that was moved stays moved.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.core import artifact
from pipeline.core.errors import PipelineError
from pipeline.models.client import CallError
from serve.engines import api, replicas
from serve.engines.api import Engine, EngineAwayError, EngineRefusedError
from serve.engines.vllm_process import BASE
from serve.rollout import canary, soak
from serve.rollout.asking import Timer, ask_door, ask_old, asker, drained
from serve.say import say
from serve.site import RESTART, Site, now, present
from serve.state import adapters, alias
from serve.state.alias import Table
from serve.state.journal import JournalEntry

SOAK_ASKED = 12
"""Facts that are asked through the gateway."""
KNOWN_THROUGH_DOOR = 0.75
"""Share of facts, one wording each, that must be known through the gateway; probing judged each fact."""


NOT_TAKEN = (400, 422, 500)
"""Statuses of vLLM for an adapter that it cannot take; 401, 404 and their like say nothing about it."""


class RejectedError(PipelineError):
    """The probes prove that the adapter itself is at fault: it is quarantined."""


def stage(site: Site, entry: JournalEntry) -> JournalEntry:
    """Load the adapter on every engine that is there, beside the live one, and compare tokens."""
    there = present(site)
    try:
        replicas.load_everywhere(there, entry.adapter)
    except EngineRefusedError as error:
        if error.status not in NOT_TAKEN or len(replicas.answering(there)) < len(there):
            raise
        raise RejectedError(f"the engine does not take it: {error.message}", error.hint) from error
    question = adapters.read_release(entry.adapter).facts[0].question
    wanted = site.token_ids(question)
    for each in there:
        chat = [{"role": "user", "content": question}]
        if api.tokenize(each, entry.adapter.name, chat) != wanted:
            raise PipelineError(
                f"{each.url}: tokenises a question otherwise than training does",
                "the engine must serve the base's own tokenizer and chat template",
            )
    return replace(entry, state="staged", detail=f"on {len(there)} of {len(site.engines)} servers")


def probe(site: Site, entry: JournalEntry) -> JournalEntry:
    """Ask each engine directly, before anybody else may."""
    there = present(site)
    replicas.load_everywhere(there, entry.adapter)  # an engine that restarted meanwhile has lost it
    live = entry.before.adapter
    new = adapters.read_release(entry.adapter)
    asked = canary.plan(new, adapters.read_release(live) if live else None)
    limits, summaries = asked.limits(site.max_new_tokens), []
    for each in there:
        if live:
            replicas.load_everywhere([each], live)
        timer = Timer()
        askers = canary.Askers(
            new=timer.around(asker(site, each, entry.adapter.name, limits)),
            live=asker(site, each, live.name, limits) if live else None,
            base=asker(site, each, BASE, limits),
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


def soaked(site: Site, entry: JournalEntry) -> JournalEntry:
    """Move the public name over, ask through the public door and watch it for a while.

    Nothing that is seen here proves whose fault it is, so no adapter is rejected here.
    """
    there = present(site)
    replicas.load_everywhere(there, entry.adapter)
    _flip(site, entry)
    facts = canary.plan(adapters.read_release(entry.adapter), None).changed[:SOAK_ASKED]
    said = ask_door(site, facts)
    if others := {by for _, by in said} - {entry.adapter.name}:
        raise PipelineError(f"the gateway answered with {', '.join(sorted(others)) or 'nothing'}")
    right = sum(canary.passes(answer, fact) for (answer, _), fact in zip(said, facts, strict=True))
    if right < KNOWN_THROUGH_DOOR * len(facts):
        raise PipelineError(f"{right} of {len(facts)} facts known through the gateway")
    seen = soak.watch(site, there, entry.adapter)
    detail = f"{right} of {len(facts)} facts through the door; {seen}"
    return replace(entry, state="soaked", detail=detail)


def commit(site: Site, entry: JournalEntry) -> JournalEntry:
    """Keep the adapter before for a rollback; take away older ones that answer nobody any more."""
    table = alias.read_alias(site.state).table
    kept = {adapter.name for adapter in table.wanted}
    left = []
    try:
        for name in sorted(replicas.loaded(site.engines, site.door.alias) - kept):
            if drained(site, name):
                replicas.unload_everywhere(site.engines, [name])
            else:
                left.append(name)
    except PipelineError as error:  # the deploy is good whether or not an old name stays listed
        say(f"old adapters stay loaded for now: {error.message}")
    detail = f"{', '.join(left)} still in flight, stays loaded" if left else ""
    return replace(entry, state="committed", detail=detail)


def undo(site: Site, entry: JournalEntry) -> JournalEntry:
    """Move the public name back if it was moved, ask the old adapter, take the new one away."""
    table = alias.read_alias(site.state).table
    if table.adapter == entry.adapter:
        back = replace(entry.before, since=now())
        table = alias.swap(site.state, table.generation, back)
    detail, well = ask_old(site, table.adapter) if table.adapter else ("no adapter is live", True)
    if not well:  # what was probed can spoil a server for every adapter: a NaN stays in its cache
        artifact.write_text(site.state / RESTART, f"{detail}\n")
        detail += "; `facts serve` starts its servers anew, others must be restarted by hand"
    if entry.adapter not in table.wanted:
        try:
            drained(site, entry.adapter.name)
            replicas.unload_everywhere(site.engines, [entry.adapter.name])
        except PipelineError as error:
            detail += f"; {entry.adapter.name} stays loaded: {error.message}"
    return replace(entry, state="held back" if entry.again_at else "failed", detail=detail)


def _flip(site: Site, entry: JournalEntry) -> None:
    """Let the public name stand for the new adapter, unless it does already."""
    table = alias.read_alias(site.state).table
    if table.adapter == entry.adapter:
        return
    new = Table(adapter=entry.adapter, previous=entry.before.adapter, since=now())
    alias.swap(site.state, entry.before.generation, new)


def _judge(
    each: Engine, asked: canary.CanaryPlan, askers: canary.Askers, *, once_more: bool = True
) -> canary.Judgement:
    """Judge one engine's answers; a server that fails only with the new adapter, twice, is a reason too.

    Raises PipelineError where it was too slow, broke off or went away: others may have made it so.
    """
    try:
        return canary.judge_canary(asked, askers)
    except PipelineError as error:
        if not api.healthy(each):
            raise EngineAwayError(
                f"{each.url}: went away while probing: {error.message}"
            ) from error
        if isinstance(error.__cause__, CallError) and not error.__cause__.status:
            raise
        askers.base(["Hello"])  # raises when the server is at fault, not the adapter
        if once_more:
            return _judge(each, asked, askers, once_more=False)
        return canary.Judgement((f"the server fails with it: {error.message}",), "")
