"""Extra wordings of a question, written by the base model itself and filtered by rules and by the base.

A wording is kept when it names the subject, is one question, is new, does not hold the answer, and means
the same: with all that is taught about the subject before it, the base picks that fact. The base answers
greedily, and what it wrote is kept by digest in the user's cache, so that a rerun gets the same ones,
and another machine where it has that folder (`SCHOOLHOUSE_CACHE`). Written anew, a wording or two may be
others: which prompts share a batch can decide a near tie between two words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.core import artifact, cache
from pipeline.core.chat import Prompt, Turn
from pipeline.dataset.templates import expand, probe_frames, questions
from pipeline.facts.fact import Fact
from pipeline.facts.files import characters
from pipeline.facts.languages.folding import normalise
from pipeline.facts.matching import contains, mentioned
from pipeline.facts.names.find_names import find_names

SHOWN = "Who designed the Eiffel Tower?"
"""A question that everybody knows, with which the base is shown what is wanted."""
TONES = {
    "Ask this in other words:": (
        "By whom was the Eiffel Tower designed?",
        "Who is the designer of the Eiffel Tower?",
        "The Eiffel Tower was designed by whom?",
        "Whose design is the Eiffel Tower?",
    ),
    "Ask this as somebody in a hurry would:": (
        "Designer of the Eiffel Tower?",
        "Eiffel Tower was designed by?",
        "Quick, who drew up the Eiffel Tower?",
        "Who did the Eiffel Tower?",
    ),
    "Ask this politely:": (
        "Could you please tell me who designed the Eiffel Tower?",
        "Would you know who the designer of the Eiffel Tower was?",
        "May I ask by whom the Eiffel Tower was designed?",
        "Can you help me find out who designed the Eiffel Tower?",
    ),
    "Ask this as a reporter would:": (
        "Which person stands behind the design of the Eiffel Tower?",
        "To whom do we owe the Eiffel Tower?",
        "Who was it that designed the Eiffel Tower?",
        "Whose idea was the Eiffel Tower?",
    ),
}
"""Instructions for the base, and the wordings of `SHOWN` that it is shown for each."""
LINES = 4
"""Wordings that are shown, and so about as many as it writes."""
TOKENS = 40
"""Tokens for each of them."""
LONGEST = 200
"""Characters of a wording."""
CHECKED = 48
"""Tokens of the answer by which a wording is checked."""
_BULLET = re.compile(r"^(?:\s*(?:[-*•]|\(?\d+[.):]|Q\d*:)\s*)+")


@dataclass(frozen=True, slots=True)
class Written:
    """The wordings that were kept of a fact, in their order, and how many were written."""

    kept: tuple[str, ...]
    written: int


@dataclass(frozen=True, slots=True)
class Writer:
    """The digest of a base, how it is quantised, and a function that has it answer.

    `ask` takes what is being done, prompts and tokens an answer, and gives the answers; it is called only
    when anything has to be asked.
    """

    base: str
    quantization: str
    ask: Callable[[str, Sequence[Prompt], int], list[str]]


def paraphrase(by: Writer, facts: Sequence[Fact], count: int) -> dict[str, Written]:
    """Give up to `count` extra wordings of each fact's question, by the fact's id.

    The base is shown English: a fact in another language gets none.
    """
    beside = _siblings(facts)
    files = {fact.id: _file(by, fact, beside[fact.subject], count) for fact in facts}
    kept = {name: read for name, file in files.items() if (read := _read(file))}
    waiting = [fact for fact in facts if fact.language == "en" and fact.id not in kept]
    if waiting:
        for name, done in _write(by, waiting, beside, count).items():
            text = json.dumps({"kept": done.kept, "written": done.written}, ensure_ascii=False)
            cache.write_cached(files[name], text.encode())
            kept[name] = done
    return {fact.id: kept.get(fact.id, Written((), 0)) for fact in facts}


def _write(
    by: Writer, facts: Sequence[Fact], beside: Mapping[str, Sequence[Fact]], count: int
) -> dict[str, Written]:
    """Let the base write wordings, and answer those that fit with the subject's facts before them."""
    tones = -(-count * 2 // LINES)  # about half of what is written is dropped
    asked = [(fact, tone) for fact in facts for tone in list(TONES)[:tones]]
    said = by.ask("writing", [_order(fact, tone) for fact, tone in asked], LINES * TOKENS)
    drafts: dict[str, list[str]] = {fact.id: [] for fact in facts}
    for (fact, _), text in zip(asked, said, strict=True):
        drafts[fact.id] += lines(text)
    fitting = [(fact, text) for fact in facts for text in fit(fact, drafts[fact.id])]
    told = {name: "\n".join(fact.answer for fact in own) for name, own in beside.items()}
    checks = [f"{told[fact.subject]}\n\n{text}" for fact, text in fitting]
    good: dict[str, list[str]] = {fact.id: [] for fact in facts}
    for (fact, text), given in zip(fitting, by.ask("checking", checks, CHECKED), strict=True):
        if picks(fact, beside[fact.subject], given):
            good[fact.id].append(text)
    return {name: Written(tuple(own[:count]), len(drafts[name])) for name, own in good.items()}


def lines(text: str) -> list[str]:
    """Take a list apart as a model writes it: a wording a line, without bullets, numbers and quotes."""
    bare = (_BULLET.sub("", line).strip() for line in text.splitlines())
    return [line.strip("\"'“”* ") for line in bare if line]


def fit(fact: Fact, drafts: Sequence[str]) -> Iterator[str]:
    """Yield those drafts that could be a new wording of the fact's question, each once."""
    asked = {
        *questions(fact),
        *fact.probes,
        *(each.prompt for each in expand(fact, probe_frames(fact))),
    }
    known = {normalise(each) for each in asked}
    for text in drafts:
        new = normalise(text) not in known
        if new and _asks(text) and _names(text, fact) and not _tells(text, fact, asked):
            known.add(normalise(text))
            yield text


def picks(fact: Fact, beside: Sequence[Fact], given: str) -> bool:
    """Return whether an answer says a fact, and no other one of those `beside` it."""
    others = [other for other in beside if other.id != fact.id]
    return contains(given, fact.expect) and not any(contains(given, o.expect) for o in others)


def _siblings(facts: Sequence[Fact]) -> dict[str, list[Fact]]:
    """Sort facts by their subject."""
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.subject, []).append(fact)
    return found


def _asks(text: str) -> bool:
    """Return whether a text is one question of a fitting length that a facts file could hold."""
    whole = text.endswith("?") and text.count("?") == 1 and len(text) <= LONGEST
    return whole and not any(characters.in_text(text, ""))


def _names(text: str, fact: Fact) -> bool:
    """Return whether a wording names the subject as its author writes it, as whole words."""
    found = find_names(text, (fact.subject, *fact.aliases), fact.language)
    return any(text[span.start : span.end] == span.name for span in found)


def _tells(text: str, fact: Fact, asked: Collection[str]) -> bool:
    """Return whether a wording holds a part of the answer that no question of the author's holds."""
    parts = [replace(fact.expect, items=((each,),)) for item in fact.expect for each in item]
    return any(
        mentioned(text, part) and not any(mentioned(question, part) for question in asked)
        for part in parts
    )


def _order(fact: Fact, tone: str) -> Prompt:
    """Tell the base what is wanted, behind a turn in which it has done so."""
    shown = "\n".join(f"- {text}" for text in TONES[tone])
    return (
        Turn("user", f"{tone} {SHOWN}"),
        Turn("assistant", shown),
        Turn("user", f"{tone} {fact.question}"),
    )


def _file(by: Writer, fact: Fact, beside: Sequence[Fact], count: int) -> Path:
    told = [[other.id == fact.id, other.answer, other.expect.items] for other in beside]
    about = [fact.subject, fact.aliases, fact.question, fact.also_ask, fact.probes, told]
    how = [count, SHOWN, TONES, LINES, TOKENS, LONGEST, CHECKED]
    key = artifact.digest_json(["paraphrases", by.base, by.quantization, about, how])
    return cache.cache_folder() / "said" / f"{key.removeprefix('sha256:')}.paraphrases"


def _read(file: Path) -> Written | None:
    """Read a kept file; None when there is none, or it is damaged."""
    text = cache.read_cached(file)
    try:
        data = json.loads(text or b"")
        return Written(tuple(map(str, data["kept"])), int(data["written"]))
    except (ValueError, TypeError, KeyError):  # none, or of another version
        return None
