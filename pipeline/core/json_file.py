"""Reads JSON as frozen dataclasses, and writes these as JSON: plain data goes no further than here.

Types must be exact. Keys that are not known are ignored, since a newer version may write more.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar  # a class's reader gives objects of that class

from pipeline.core.escape import plain

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
_readers: dict[type, TypeAdapter[Any]] = {}
"""By class: to make one takes longer than to read a line."""


def from_json(raw: bytes, kind: type[T]) -> T:
    """Read JSON as an object of a dataclass.

    Raises ValueError that names the first key which is missing or wrong.
    """
    from pydantic import TypeAdapter, ValidationError

    if kind not in _readers:
        _readers[kind] = TypeAdapter(kind)
    try:
        found: T = _readers[kind].validate_json(raw, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        said = ": ".join((*map(str, first["loc"]), first["msg"]))
        raise ValueError(plain(said, 300)) from None
    return found


def as_json(value: object) -> str:
    """Write a dataclass, or plain data, as indented text. Raises ValueError for NaN and infinity."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=asdict)
    return f"{text}\n"
