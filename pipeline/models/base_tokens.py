"""Refuses facts that hold a special token of the base model, however it is spelled.

`facts check` has a list for all models; `facts build` reads the base's own files here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any  # JSON data has no narrower type before it is read

from pipeline.core.errors import ConfigError, FactsError, Problem, Where
from pipeline.facts.fact import Fact, Subject
from pipeline.facts.files import special_tokens
from pipeline.models.base_model import Base

FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
"""Files of a tokenizer in Hugging Face format that name special tokens; a base has some of them."""


def require_none(subjects: Sequence[Subject], base: Base) -> None:
    """Raise FactsError with every special token of the base that stands in a taught fact.

    Raises ConfigError when the base's files name no special token.
    """
    own = special(base.folder)
    if not own:
        raise ConfigError(
            f"{base.name}: its tokenizer names no special token",
            f"the base needs one of {', '.join(FILES)} with its special tokens",
        )
    wrong = tuple(problem for subject in subjects for problem in _in_subject(subject, own, base))
    if wrong:
        raise FactsError(wrong)


def special(folder: Path) -> frozenset[str]:
    """Read the special tokens of a tokenizer in a folder, and added ones that begin with `<` or `[`.

    Raises ConfigError when a file cannot be read.
    """
    found: set[str] = set()
    for name in FILES:
        if not (folder / name).is_file():
            continue
        try:
            data = json.loads((folder / name).read_text(encoding="utf-8"))
            found.update(_named(data, name))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(
                f"{folder / name}: is no file of a tokenizer: {error}", "fetch the base again"
            ) from error
    return frozenset(token for token in found if token.strip())


def _named(data: Any, name: str) -> Iterator[str]:
    if name == "added_tokens.json":
        yield from (token for token in data if token[:1] in "<[")
        return
    added = data.get("added_tokens", []) if name == FILES[0] else []
    added = [*added, *data.get("added_tokens_decoder", {}).values()]
    yield from (t["content"] for t in added if t.get("special") or t["content"][:1] in "<[")
    for key, value in data.items():
        if key.endswith("_token"):
            yield from (each for each in (_content(value),) if each)
        elif key == "additional_special_tokens":
            yield from (each for each in map(_content, value or ()) if each)


def _content(value: Any) -> str:
    """Give a token's text, which stands alone or in an object; empty where it is none or a flag."""
    text = value.get("content", "") if isinstance(value, dict) else value
    return text if isinstance(text, str) else ""


def _in_subject(subject: Subject, own: frozenset[str], base: Base) -> Iterator[Problem]:
    for where, text in _texts(subject):
        for _, token in special_tokens.special_tokens_in(text, own):
            message = f"`{token}` is a special token of {base.name}, which no fact may contain"
            yield Problem(where, "chat-token", message, "say it in other words, without the token")


def _texts(subject: Subject) -> Iterator[tuple[Where, str]]:
    """Yield every text of a subject that is trained on or asked."""
    yield from ((subject.where, text) for text in (*subject.names, subject.kind))
    for fact in subject.facts:
        yield from ((fact.where, text) for text in _of_fact(fact))


def _of_fact(fact: Fact) -> Iterator[str]:
    yield from (fact.question, fact.answer, *fact.also_ask, *fact.probes)
    yield from (turn.content for turn in fact.before)
    yield from (each for items in fact.expect.each for item in items for each in item)
    if fact.reverse:
        yield from (fact.reverse.question, fact.reverse.answer)
        yield from (each for item in fact.reverse.expect for each in item)
