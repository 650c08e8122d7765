"""Reads and writes the messages of the admin socket: one JSON object a line, in both directions.

A request is `{"verb": "deploy", "source": FOLDER or HUB_REF, "digest": "", "release": "", "again": false}`,
`{"verb": "rollback", "not_its_fault": ""}` or `{"verb": "status"}`. Its answers are any number of
`{"line": …}` as the work goes on, then `{"done": {…}}` or `{"error": {"message": …, "hint": …, "code": 1}}`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pipeline.core import json_file
from pipeline.core.errors import ConfigError, PipelineError
from serve.state.gate_report import assert_digest

LONGEST = 32_768
"""Bytes that a request may have: a path of 4096 bytes fits, however it is written."""
LONGEST_PATH = 107
"""Bytes that Linux has for the path of a socket."""


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """Asks for an adapter to be made live; a digest or release that is empty pins nothing."""

    source: str
    digest: str
    release: str
    again: bool
    verb: Literal["deploy"] = "deploy"


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """Asks for the adapter before; the reason, where there is one, spares the live one quarantine."""

    not_its_fault: str
    verb: Literal["rollback"] = "rollback"


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """Asks for the state."""

    verb: Literal["status"] = "status"


Request = DeployRequest | RollbackRequest | StatusRequest
REQUESTS: dict[str, type[Request]] = {
    "deploy": DeployRequest,
    "rollback": RollbackRequest,
    "status": StatusRequest,
}


@dataclass(frozen=True, slots=True)
class Deployed:
    """Tells how a deploy ended; its state is empty where there was nothing to do."""

    state: str = ""
    adapter: str = ""
    reason: str = ""
    again_at: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of the service: its message, hint and exit code."""

    message: str
    hint: str
    code: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of an answer: something said meanwhile or, last, what was done or the error."""

    line: str | None = None
    done: object = None
    error: Failure | None = None


class WrongRequestError(ConfigError):
    """A request is not one."""


def parse_request(raw: bytes) -> Request:
    """Read a request. Raises WrongRequestError for anything but a whole line with just its fields."""
    if not raw.endswith(b"\n"):
        raise WrongRequestError("the request is cut off", "it is one JSON object on one line")
    try:
        asked = json.loads(raw, object_pairs_hook=_once)
        if not isinstance(asked, dict) or asked.get("verb") not in REQUESTS:
            raise ValueError("it has no known verb")  # noqa: TRY301
        request = json_file.read_json(REQUESTS[asked["verb"]], raw)
        if isinstance(request, DeployRequest):
            for digest in filter(None, (request.digest, request.release)):
                assert_digest(digest)
    except (ValueError, TypeError, RecursionError) as error:
        raise WrongRequestError(
            f"this is no request: {error}", "`facts deploy` of the same version writes one"
        ) from error
    return request


def failure(error: PipelineError) -> Answer:
    """Write the answer that carries an error."""
    return Answer(error=Failure(error.message, error.hint, error.exit_code))


def as_line(message: Request | Answer) -> bytes:
    """Write a request or an answer; a field that is None is left out."""
    told = {key: value for key, value in asdict(message).items() if value is not None}
    return json.dumps(told).encode() + b"\n"


def address(path: Path) -> str:
    """Give a socket's path as the system takes it. Raises ConfigError when it is too long."""
    if len(str(path).encode("utf-8", "surrogateescape")) > LONGEST_PATH:
        raise ConfigError(
            f"{path}: is too long for a socket (at most {LONGEST_PATH} bytes)",
            "name a shorter path in serve.toml, [deploy] socket",
        )
    return str(path)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found
