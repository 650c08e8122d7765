"""The messages of the admin socket: one JSON object a line, in both directions.

A request is `{"verb": "deploy", "source": FOLDER or HUB_REF, "digest": "", "release": "", "again": false}`,
`{"verb": "rollback", "not_its_fault": ""}` or `{"verb": "status"}`. Its answers are any number of
`{"line": …}` as the work goes on, then `{"done": {…}}` or `{"error": {"message": …, "hint": …, "code": 1}}`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any  # JSON has no narrower type before it is read

from pipeline.core.errors import ConfigError, PipelineError
from serve.state.adapters import assert_digest

LONGEST = 32_768
"""Bytes that a request may have: a path of 4096 bytes fits, however it is written."""
LONGEST_PATH = 107
"""Bytes that Linux has for the path of a socket."""
FIELDS: dict[str, dict[str, type]] = {
    "deploy": {"source": str, "digest": str, "release": str, "again": bool},
    "rollback": {"not_its_fault": str},
    "status": {},
}
"""What can be asked, and the fields that it takes, all of them, beside "verb"."""


class WrongRequestError(ConfigError):
    """A request is not one."""


def parse_request(raw: bytes) -> dict[str, Any]:
    """Read a request. Raises WrongRequestError for anything but a whole line with just its fields."""
    if not raw.endswith(b"\n"):
        raise WrongRequestError("the request is cut off", "it is one JSON object on one line")
    try:
        request = json.loads(raw, object_pairs_hook=_once)
        if not isinstance(request, dict) or request.get("verb") not in FIELDS:
            raise ValueError("it has no known verb")  # noqa: TRY301
        fields = {"verb": str, **FIELDS[request["verb"]]}
        if {name: type(value) for name, value in request.items()} != fields:
            raise ValueError(f"{request['verb']} takes {', '.join(fields)}")  # noqa: TRY301
        for digest in filter(None, map(request.get, ("digest", "release"))):
            assert_digest(digest)
    except (ValueError, TypeError, RecursionError) as error:
        raise WrongRequestError(
            f"this is no request: {error}", "`facts deploy` of the same version writes one"
        ) from error
    return request


def failure(error: PipelineError) -> dict[str, Any]:
    """Write the answer that carries an error."""
    told = {"message": error.message, "hint": error.hint, "code": error.exit_code}
    return {"error": told}


def as_line(data: dict[str, Any]) -> bytes:
    """Write a request or an answer."""
    return json.dumps(data).encode() + b"\n"


def address(path: Path) -> str:
    """Give a socket's path as the system takes it. Raises ConfigError when it is too long."""
    if len(str(path).encode("utf-8", "surrogateescape")) > LONGEST_PATH:
        raise ConfigError(
            f"{path}: is too long for a socket (at most {LONGEST_PATH} bytes)",
            "name a shorter path in serve.toml, [deploy] socket",
        )
    return str(path)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found
