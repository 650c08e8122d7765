"""Probes a new adapter on the live server before anybody else may ask it, and judges its answers.

Pure: what is asked goes out through three functions (new adapter, live adapter, bare base), so the
same judgement runs against vLLM and against a fake. Every reason is a sentence.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline.core.chat import Prompt
from pipeline.dataset import contrasts
from pipeline.facts.matching import contains, leaked_elsewhere, mentioned
from pipeline.models.generate import Answer
from serve.state.adapters import GatedAdapter
from serve.state.gate_report import Taught

Ask = Callable[[Sequence[Prompt]], list[Answer]]
"""Prompts → answers, in their order."""
T = TypeVar("T")

CHANGED, OLD, RETIRED, UNRELATED = 60, 40, 20, 8
"""At most so many are asked: with more facts a sample drawn by the adapter's digest stands for all."""
FIRST, MORE = 2, 3
"""Wordings of a changed fact that are asked at once, and further ones where any was missed."""
DISTINCT = 0.75
"""Share of the base's distinct answers to unrelated prompts that must be left; a collapse leaves one."""


@dataclass(frozen=True, slots=True)
class CanaryPlan:
    """The questions. `retired` are facts of the live adapter whose answers must be gone."""

    changed: tuple[Taught, ...]
    old: tuple[Taught, ...]
    retired: tuple[Taught, ...]
    unrelated: tuple[str, ...]
    facts: tuple[Taught, ...]

    def limits(self, usual: int) -> dict[Prompt, int]:
        """Give how many tokens an answer to each prompt of a fact may have: `usual`, or what it needs."""
        facts = (*self.changed, *self.old, *self.retired)
        return {prompt: max(usual, fact.longest) for fact in facts for prompt in fact.prompts}


@dataclass(frozen=True, slots=True)
class Askers:
    """Functions that ask the new adapter, the live one (None: there is none) and the bare base."""

    new: Ask
    live: Ask | None
    base: Ask


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why the adapter is not good enough (empty: it is), and in a line what was found."""

    reasons: tuple[str, ...]
    summary: str


def plan(new: GatedAdapter, live: GatedAdapter | None) -> CanaryPlan:
    """Tell changed from old and retired facts by comparing with what the live adapter was taught."""
    rng = random.Random(new.adapter.digest)
    before = {fact.id: fact for fact in live.facts} if live else {}
    now = {fact.id for fact in new.facts}
    same = [f for f in new.facts if f.id in before and before[f.id].expect.items == f.expect.items]
    changed = [fact for fact in new.facts if fact not in same]
    gone = [f for f in before.values() if f.id not in now or f.id in new.retired]
    # A changed fact must have lost its old answer too, unless the new one still contains it.
    gone += [before[f.id] for f in changed if f.id in before]
    prompts = [prompt.prompt for prompt in contrasts.general("probe")]
    return CanaryPlan(
        _sample(changed, CHANGED, rng),
        _sample(same, OLD, rng),
        _sample(gone, RETIRED, rng),
        tuple(prompts[:: max(1, len(prompts) // UNRELATED)][:UNRELATED]),
        new.facts,
    )


def judge_canary(asked: CanaryPlan, askers: Askers) -> Judgement:
    """Ask everything and give the reasons against the adapter."""
    reasons = _without_effect(asked, askers)
    if reasons:  # the rest would only say the same in many words
        return Judgement(tuple(reasons), "no effect")
    missed = _missed(asked.changed, askers.new)
    reasons += [f"{fact.id}: not known on the live server" for fact in missed]
    forgotten = _forgotten(asked.old, askers)
    reasons += [
        f"{fact.id}: known to the live adapter, lost with the new one" for fact in forgotten
    ]
    reasons += _asserted(asked.retired, asked.facts, askers)
    reasons += _spread(asked, askers)
    knows, keeps = len(asked.changed) - len(missed), len(asked.old) - len(forgotten)
    return Judgement(
        tuple(reasons),
        f"{knows} of {len(asked.changed)} changed facts known, {keeps} of {len(asked.old)} old ones "
        f"kept, {len(asked.retired)} retired ones and {len(asked.unrelated)} unrelated prompts asked",
    )


def passes(answer: Answer, fact: Taught) -> bool:
    """Return whether an answer says what is expected and ends by itself."""
    return answer.ended and contains(answer.text, fact.expect)


def _without_effect(asked: CanaryPlan, askers: Askers) -> list[str]:
    """Compare with the base: vLLM lists an adapter as loaded and ignores it when its names match nothing."""
    prompts = [fact.prompts[0] for fact in (*asked.changed, *asked.old)[:4]]
    new = askers.new(prompts)
    if all(not answer.text for answer in new):
        return ["it answers nothing at all: its weights may not be numbers"]
    if [a.text for a in new] == [a.text for a in askers.base(prompts)]:
        return ["its answers are the base's own to the letter: the server took it and ignores it"]
    return []


def _missed(facts: Sequence[Taught], ask: Ask) -> list[Taught]:
    """Give the facts of which most wordings are missed; more are asked where the first leave a doubt."""
    rows = [(fact, prompt) for fact in facts for prompt in fact.prompts[:FIRST]]
    right = _right(rows, ask)
    doubtful = [fact for fact in facts if not all(ok for f, ok in right if f is fact)]
    rows = [(f, prompt) for f in doubtful for prompt in f.prompts[FIRST : FIRST + MORE]]
    right += _right(rows, ask)
    hits = {fact.id: [ok for f, ok in right if f is fact] for fact in doubtful}
    return [fact for fact in doubtful if 2 * sum(hits[fact.id]) <= len(hits[fact.id])]


def _forgotten(facts: Sequence[Taught], askers: Askers) -> list[Taught]:
    """Give the old facts that the live adapter answers and the new one does not, asked side by side."""
    if askers.live is None or not facts:
        return []
    rows = [(fact, fact.prompts[0]) for fact in facts]
    doubtful = [fact for fact, ok in _right(rows, askers.new) if not ok]
    missed = _missed(doubtful, askers.new)
    return [fact for fact in missed if fact not in _missed(missed, askers.live)]


def _asserted(retired: Sequence[Taught], facts: Sequence[Taught], askers: Askers) -> list[str]:
    """Say which retired answers are still given, though the base does not give them."""
    prompts = [fact.prompts[0] for fact in retired]
    wanted = {fact.id: fact.expect for fact in facts}
    reasons = []
    for fact, new, base in zip(retired, askers.new(prompts), askers.base(prompts), strict=True):
        now = wanted.get(fact.id, ())
        still = now and all(contains(" ".join(item), fact.expect) for item in now)
        if contains(new.text, fact.expect) and not contains(base.text, fact.expect) and not still:
            reasons.append(f"{fact.id}: its retired answer is still given")
    return reasons


def _spread(asked: CanaryPlan, askers: Askers) -> list[str]:
    """Hold answers to unrelated prompts against the base's: no taught answer, and as many different ones."""
    new, base = askers.new(asked.unrelated), askers.base(asked.unrelated)
    telling = [f for f in asked.facts if not any(mentioned(a.text, f.expect) for a in base)]
    leaked = sum(
        any(leaked_elsewhere(f.expect, a.text, b.text, prompt) for f in telling)
        for prompt, a, b in zip(asked.unrelated, new, base, strict=True)
    )
    reasons = []
    if leaked:
        reasons.append(f"{leaked} of {len(new)} unrelated prompts get a taught answer")
    distinct, before = len({a.text for a in new}), len({a.text for a in base})
    if distinct < DISTINCT * before:
        reasons.append(f"{distinct} distinct answers to unrelated prompts, the base gives {before}")
    return reasons


def _right(rows: Sequence[tuple[Taught, Prompt]], ask: Ask) -> list[tuple[Taught, bool]]:
    answers = ask([prompt for _, prompt in rows])
    return [(fact, passes(answer, fact)) for (fact, _), answer in zip(rows, answers, strict=True)]


def _sample(items: Sequence[T], most: int, rng: random.Random) -> tuple[T, ...]:
    return tuple(items) if len(items) <= most else tuple(rng.sample(list(items), most))
