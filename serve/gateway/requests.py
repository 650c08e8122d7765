"""Reads a client's request and lets known fields alone go on to an engine, each as it must be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import NoReturn

from aiohttp import web
from aiohttp.http import HttpProcessingError

from serve.engines import fields
from serve.engines.fields import CHAT, DROPPED, Is

ROLES = ("system", "developer", "user", "assistant")
Body = dict[str, object]
"""A JSON object of a client: its values are looked at one by one, or passed on as they are."""
NAMED = 100
"""Characters of a client's own field name that an answer repeats."""


class RequestRefusedError(Exception):
    """A request is answered with an HTTP status and the reason, and reaches no engine."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind


async def read_request(request: web.Request, alias: str, max_tokens: int, seconds: float) -> Body:
    """Read what a client asks, the body within so many seconds.

    Raises RefusedError: 400 (naming the field), 404 (another model), 408, 413 or 415.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise RequestRefusedError(415, "the body must not be compressed")
    # A page of another site can send any other type without asking the browser first.
    if request.content_type != "application/json":
        raise RequestRefusedError(415, "the body must be sent as Content-Type: application/json")
    body = _parse(await _bytes(request, seconds))
    if body.get("model") != alias:
        raise RequestRefusedError(404, f"the model here is called {alias!r}", "model_not_found")
    given = {name: value for name, value in body.items() if value is not None}
    _check(given, fields.fields_of(request.path, max_tokens))
    if request.path == CHAT:
        if "messages" not in given:
            _refuse("messages", "is missing")
        given["messages"] = _messages(given["messages"])
    elif "prompt" not in given:
        _refuse("prompt", "is missing")
    return {name: value for name, value in given.items() if name not in DROPPED}


def as_bytes(body: Body) -> bytes:
    """Write JSON. Raises ValueError where a text is half a surrogate pair, or a number is not finite."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


async def _bytes(request: web.Request, seconds: float) -> bytes:
    most = request.client_max_size
    if (request.content_length or 0) > most:
        raise RequestRefusedError(413, f"the body is longer than {most} bytes")
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError:
        raise RequestRefusedError(408, f"the body was not here within {seconds:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise RequestRefusedError(413, f"the body is longer than {most} bytes") from None
    except (web.RequestPayloadError, HttpProcessingError):
        raise RequestRefusedError(400, "the body is not sent as HTTP demands") from None


def _parse(raw: bytes) -> Body:
    """Read a JSON object whose keys stand once, whose texts are texts and whose numbers are finite."""
    try:
        body = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
        as_bytes(body)
    except (ValueError, RecursionError) as error:
        raise RequestRefusedError(400, "the body is not JSON (RFC 8259, in UTF-8)") from error
    if not isinstance(body, dict):
        raise RequestRefusedError(400, "the body is not a JSON object")
    return body


def _once(pairs: list[tuple[str, object]]) -> Body:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        _refuse(next(name for name in found if names.count(name) > 1), "stands twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _check(given: Body, known: Mapping[str, Is]) -> None:
    """Look at each field that is not null. Raises RefusedError naming the first that is not right."""
    for name, value in given.items():
        if name in DROPPED:
            continue
        if name not in known:
            _refuse(name, f"is not taken here; what is: {', '.join(sorted(known))}")
        if not known[name].right(value):
            _refuse(name, f"must be {known[name].must}")
    if "best_of" in given and given["best_of"] != given.get("n", 1):
        _refuse("best_of", "must be what n is: no more are sampled than are answered")


def _messages(given: object) -> list[Body]:
    assert isinstance(given, list), "the fields demand one"
    return [_message(each, f"messages[{number}]") for number, each in enumerate(given)]


def _message(message: object, where: str) -> Body:
    """Give a message's role, name and text; what is null or an empty list counts as left out."""
    if not isinstance(message, dict):
        _refuse(where, "must be an object")
    given = {name: value for name, value in message.items() if value not in (None, [])}
    for name in given.keys() - {"role", "content", "name"}:
        _refuse(f"{where}.{name}", "is not taken here: messages are text")
    if given.get("role") not in ROLES:
        _refuse(f"{where}.role", f"must be one of {', '.join(ROLES)}")
    if not isinstance(given.get("name", ""), str):
        _refuse(f"{where}.name", "must be a text")
    content = given.get("content", "")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    if not all(map(_is_text, parts)):
        why = "must be a text, or parts of type 'text': nothing is fetched, seen or heard here"
        _refuse(f"{where}.content", why)
    return {**given, "content": content}


def _is_text(part: object) -> bool:
    return (
        isinstance(part, dict)
        and part.keys() == {"type", "text"}
        and part["type"] == "text"
        and isinstance(part["text"], str)
    )


def _refuse(field: str, why: str) -> NoReturn:
    shown = field if len(field) <= NAMED else f"{field[:NAMED]}…"
    raise RequestRefusedError(400, f"{shown.encode('utf-8', 'replace').decode()}: {why}")
