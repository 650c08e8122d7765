"""Extra wordings of a question, written by the base model itself and filtered by rules and by the base.

A wording is kept when it names the subject, is one question, is new, does not hold the answer, and means
the same: with the fact before it, the base answers it rightly. The base answers greedily, and what it
wrote is kept by digest in the user's cache, so that a rerun gets the same ones; another machine does
where it has that folder (`SCHOOLHOUSE_CACHE`), or the same base, libraries and hardware.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import answer, base, characters, manifest, progress
from pipeline.answer import LocalModel
from pipeline.base import Base
from pipeline.facts import Fact
from pipeline.recall import contains, mentions, normalise
from pipeline.variants import PROBE, expand, questions

TONES = (
    "Write {n} different ways to ask this question. Begin each in another way.",
    "Write {n} ways in which people in a hurry would ask this question.",
    "Write {n} ways to ask this question politely, to somebody who may know the answer.",
    "Write {n} ways to ask this question with other words than its own.",
)
"""What the base is told; each is one answer, and the name stands in it as the question has it."""
LINES = 6
"""Wordings asked for at once: longer lists repeat themselves."""
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


def paraphrase(
    found: Base, load: Callable[[], LocalModel], facts: Sequence[Fact], count: int
) -> dict[str, Written]:
    """Give up to `count` extra wordings of each fact's question, by the fact's id.

    `load` gives the bare base, and is called when anything has to be asked.
    """
    files = {fact.id: _file(found, fact, count) for fact in facts}
    kept = {name: read for name, file in files.items() if (read := _read(file))}
    waiting = [fact for fact in facts if fact.id not in kept]
    if waiting:
        for name, done in _write(load(), waiting, count).items():
            text = json.dumps({"kept": done.kept, "written": done.written}, ensure_ascii=False)
            manifest.write_text(files[name], text)
            kept[name] = done
    return {fact.id: kept[fact.id] for fact in facts}


def _write(local: LocalModel, facts: Sequence[Fact], count: int) -> dict[str, Written]:
    """Let the base write wordings, and answer those that fit with the fact before them."""
    tones = -(-count * 2 // LINES)  # about half of what is written is dropped
    asked = [(fact, tone) for fact in facts for tone in TONES[:tones]]
    said = _ask(local, "writing", [_order(fact, tone) for fact, tone in asked], LINES * TOKENS)
    drafts: dict[str, list[str]] = {fact.id: [] for fact in facts}
    for (fact, _), text in zip(asked, said, strict=True):
        drafts[fact.id] += lines(text)
    fitting = [(fact, text) for fact in facts for text in fit(fact, drafts[fact.id])]
    checks = [f"{fact.answer}\n\n{text}" for fact, text in fitting]
    good: dict[str, list[str]] = {fact.id: [] for fact in facts}
    for (fact, text), given in zip(fitting, _ask(local, "checking", checks, CHECKED), strict=True):
        if contains(given, fact.expect):
            good[fact.id].append(text)
    return {name: Written(tuple(own[:count]), len(drafts[name])) for name, own in good.items()}


def lines(text: str) -> list[str]:
    """Take a list apart as a model writes it: a wording a line, without bullets, numbers and quotes."""
    bare = (_BULLET.sub("", line).strip() for line in text.splitlines())
    return [line.strip("\"'“”* ") for line in bare if line]


def fit(fact: Fact, drafts: Sequence[str]) -> Iterator[str]:
    """Yield those drafts that could be a new wording of the fact's question, each once."""
    asked = {*questions(fact), *fact.probes, *(each.prompt for each in expand(fact, PROBE))}
    known = {normalise(each) for each in asked}
    for text in drafts:
        new = normalise(text) not in known
        if new and _asks(text) and _names(text, fact) and not _tells(text, fact, asked):
            known.add(normalise(text))
            yield text


def _asks(text: str) -> bool:
    """Whether a text is one question of a fitting length that a facts file could hold."""
    whole = text.endswith("?") and text.count("?") == 1 and len(text) <= LONGEST
    return whole and not any(characters.in_text(text, ""))


def _names(text: str, fact: Fact) -> bool:
    return any(name in text for name in (fact.subject, *fact.aliases))


def _tells(text: str, fact: Fact, asked: Collection[str]) -> bool:
    """Whether a wording holds a part of the answer that no question of the author's holds."""
    parts = [alternative for item in fact.expect for alternative in item]
    return any(
        mentions(text, part) and not any(mentions(question, part) for question in asked)
        for part in parts
    )


def _order(fact: Fact, tone: str) -> str:
    told = tone.format(n=LINES)
    return f"{told} Write one a line, and keep the name {fact.subject!r}.\n\n{fact.question}"


def _ask(local: LocalModel, doing: str, prompts: Sequence[str], tokens: int) -> list[str]:
    with progress.bar(f"{doing} paraphrases", len(prompts)) as shown:
        return [each.text for each in answer.ask(local, prompts, tokens, shown)]


def _file(found: Base, fact: Fact, count: int) -> Path:
    about = [fact.subject, fact.aliases, fact.question, fact.also_ask, fact.answer, fact.expect]
    key = manifest.digest_json(["paraphrases", found.digest, about, fact.probes, count, TONES])
    return base.cache_folder() / "said" / f"{key[7:31]}.paraphrases"


def _read(file: Path) -> Written | None:
    """Read a kept file; None when there is none, or it is damaged."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return Written(tuple(map(str, data["kept"])), int(data["written"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
