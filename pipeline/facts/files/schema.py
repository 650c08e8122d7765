"""Checks the shape of a document against the schema, and says misfits in plain words.

A `Document` comes in, `Problem`s go out; the hints are the descriptions that stand in the schema.
`check` is the only caller.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any  # data of a contributed file and the schema itself are plain JSON values

from jsonschema import Draft7Validator

from pipeline.core.errors import Problem
from pipeline.facts.files.facts_file import Document
from pipeline.facts.files.yaml_reader import Steps

SCHEMA = Path(__file__).parent.parent / "data" / "subject.schema.json"
"""A link to the file in schema/, so that an installed package carries it as well."""

_Error = Any
"""A jsonschema.ValidationError; its own types call every field perhaps unset."""

_KINDS = {"string": "text", "array": "a list", "object": "a group of keys"}


def in_document(document: Document) -> Iterator[Problem]:
    """Yield every way in which the data of `document` does not fit the schema, each once."""
    errors = _validator().iter_errors(document.data)
    # The validator complains once per missing key without telling which; each time all are named.
    yield from dict.fromkeys(problem for error in errors for problem in _problems(error, document))


@cache
def _validator() -> Draft7Validator:
    return Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _problems(error: _Error, document: Document) -> Iterator[Problem]:
    """Say in a contributor's words what one complaint of the validator means."""
    steps = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        yield from _unknown(error, document, steps)
    elif error.validator == "required":
        yield from _missing(error, document, steps)
    else:
        hint = error.schema["description"]
        yield Problem(document.locate(steps), str(error.validator), _value(error, steps), hint)


def _unknown(error: _Error, document: Document, steps: Steps) -> Iterator[Problem]:
    """Yield one problem per key that the schema does not know."""
    known = error.schema["properties"]
    for key in error.instance:
        if key not in known:
            meant = _meant(key, known)
            hint = f"did you mean `{meant}`?" if meant else f"the keys are {', '.join(known)}"
            message = f"`{_short(key)}` is not a key of a {error.schema['title'].lower()}"
            yield Problem(document.locate_key((*steps, key)), "unknown-key", message, hint)


def _missing(error: _Error, document: Document, steps: Steps) -> Iterator[Problem]:
    """Yield the missing keys, unless one of the keys given is a slip for it and is reported."""
    known: Mapping[str, Any] = error.schema["properties"]
    slips = {_meant(key, known) for key in error.instance if key not in known}
    for key in error.schema["required"]:
        if key not in error.instance and key not in slips:
            message = f"this {error.schema['title'].lower()} has no `{key}`"
            yield Problem(document.locate(steps), "required", message, known[key]["description"])


def _meant(key: str, known: Iterable[str]) -> str:
    return next(iter(get_close_matches(key, known, n=1)), "")


def _value(error: _Error, steps: Steps) -> str:
    """Say what is wrong with a value itself."""
    key = next(step for step in reversed(steps) if isinstance(step, str))
    name = f"`{key}`" if steps[-1] == key else f"an entry of `{key}`"
    value, limit = error.instance, error.validator_value
    if value == "":
        return f"{name} is empty"
    return f"{name} {_said(error.validator, value, limit)}"


def _said(rule: str, value: Any, limit: Any) -> str:
    """Say what a rule with its limit finds wrong with a value."""
    match rule:
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            wanted = " or ".join(_KINDS[kind] for kind in kinds)
            return f"should be {wanted}, and this is {_kind(value)}"
        case "const":
            return f"should be {limit}"
        case "enum":
            return f"should be {' or '.join(limit)}"
        case "pattern":
            return _misfit(value, limit)
        case _:
            return _sized(rule, value, limit)


def _sized(rule: str, value: Any, limit: int) -> str:
    """Say that a value is too short or too long."""
    match rule:
        case "maxLength":
            return f"is {len(value)} characters long; at most {limit} are allowed"
        case "minItems" if value:
            return f"has {len(value)} of the {limit} entries that it needs"
        case "minItems":
            return "is an empty list"
        case "maxItems":
            return f"has {len(value)} entries; at most {limit} are allowed"
        case "maxProperties":
            return f"has {len(value)} keys; at most {limit} are allowed"
        case _:
            return "is empty"


def _misfit(value: str, pattern: str) -> str:
    """Say why a text does not fit its pattern, which takes one line unless it takes any character."""
    if "\n" in value and r"[\s\S]" not in pattern:
        return "has more than one line"
    if value != value.strip():
        return "starts or ends with a space"
    return f"cannot be “{_short(value)}”"


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return _KINDS["object"]
    return _KINDS["array"] if isinstance(value, list) else _KINDS["string"]


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
