"""Reads JSON into frozen dataclasses by their types, and writes them; misfits are told in our own words.

pydantic does it, with the first JSON that is read: it costs a fifth of a second to import, which
`facts check` does not pay.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_type_hints  # Any: of a type

from pipeline.core.escape import plain

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

T = TypeVar("T")
Steps = tuple[str | int, ...]
KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dataclass_type": "a table of keys",
}
"""Names that pydantic gives misfits, and what would have fitted."""
UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")


class MisfitError(ValueError):
    """Data that is not what a type says: `steps` lead to the place, `fault` and `hint` say the rest."""

    def __init__(self, steps: Steps, fault: str, hint: str = "") -> None:
        place = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps).lstrip(".")
        super().__init__(plain(f"{place}: {fault}" if place else fault, 300))
        self.steps, self.fault, self.hint = steps, fault, hint


def read_json(kind: type[T], raw: bytes | str, *, more: bool = False) -> T:
    """Read JSON as a dataclass: each key of its own type, none unknown unless there may be `more`.

    Raises MisfitError with the first thing that does not fit; an unknown key comes first.
    """
    from pydantic import ValidationError

    try:
        read: T = _adapter(cast("Any", kind)).validate_json(
            raw, strict=True, extra="ignore" if more else "forbid"
        )
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
    else:
        return read
    raise _misfit(kind, next((each for each in found if each["type"] in UNKNOWN), found[0]))


def as_json(value: object) -> str:
    """Write a dataclass, or plain data, as indented text. Raises ValueError for NaN and infinity."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=asdict)
    return f"{text}\n"


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _misfit(kind: Any, error: ErrorDetails) -> MisfitError:
    *outer, key = steps = error["loc"] or ("",)
    if error["type"] in UNKNOWN:
        known = [field.name for field in fields(_inside(kind, outer))]
        close = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
        return MisfitError((*outer,), f"unknown key {key!r}", hint)
    if error["type"] == "missing":
        return MisfitError((*outer,), f"missing key {key!r}")
    if error["type"] == "json_invalid":
        return MisfitError((), error["msg"].replace("Invalid JSON", "is not JSON"))
    must = KINDS.get(error["type"], "what belongs there")
    if error["type"] == "literal_error":
        must = error["msg"].removeprefix("Input should be ")
    if error["type"] == "tuple_type" and _inside(kind, steps) == tuple[str, ...]:
        must = "a list of texts"
    return MisfitError((*steps,), f"{error['input']!r:.80} is not {must}")


def _inside(kind: Any, steps: Sequence[str | int]) -> Any:
    """Give the type that steps lead to, of an optional one or a tuple's item the dataclass itself."""
    for step in steps:
        inner = get_type_hints(kind)[step] if isinstance(step, str) else kind
        kind = next((each for each in (inner, *get_args(inner)) if is_dataclass(each)), inner)
    return kind
