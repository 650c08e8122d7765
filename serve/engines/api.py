"""Talk to a running vLLM's own routes: health, models, adapters, tokens. Plain HTTP, no vLLM import.

Only the deployer, the healer and `facts serve` use this; the public never reaches these routes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # JSON of a server has no narrower type before it is read

from pipeline.core import direct_http
from pipeline.core.errors import PipelineError
from pipeline.core.escape import plain

TIMEOUT = 60.0
"""Seconds for one admin call: loading an adapter takes about a tenth of a second, more under load."""
QUOTED = 300
"""Characters of the engine's own words that an error message repeats."""


class EngineAwayError(PipelineError):
    """The engine cannot be reached, gave no answer in time, or says that it is dead."""


class EngineRefusedError(PipelineError):
    """The engine answered that it does not do what it was asked; `status` is HTTP's, 0 where none fits."""

    status = 0


@dataclass(frozen=True, slots=True)
class Engine:
    """One vLLM server: its address without "/v1", and the key of its API when it has one."""

    url: str
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Served:
    """A model that an engine lists; `root` is where its files lie, `parent` the base of an adapter."""

    name: str
    root: str
    parent: str


def healthy(engine: Engine, timeout: float = 5.0) -> bool:
    """Whether the engine answers and is not dead; says nothing about adapters."""
    try:
        _call(engine, "GET", "/health", timeout=timeout)
    except (EngineAwayError, EngineRefusedError):
        return False
    return True


def list_models(engine: Engine) -> tuple[Served, ...]:
    """List what the engine serves. Raises EngineAwayError or EngineRefusedError."""
    data = _json(engine, _call(engine, "GET", "/v1/models"))
    try:
        return tuple(
            Served(card["id"], card.get("root") or "", card.get("parent") or "")
            for card in data["data"]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _strange(engine, data) from error


def load_adapter(engine: Engine, name: str, folder: Path) -> None:
    """Load the adapter in `folder` (absolute) as `name`; nothing is done when it is there already.

    A name always stands for one folder: vLLM's caches know an adapter by name and path, and serve the
    old one's when either comes back with other weights. That the adapter *acts* is for probing to
    show. Raises EngineRefusedError when vLLM does not take it, or has the name with another folder.
    """
    if not folder.is_absolute():  # vLLM would take a relative one for the name of a Hub repository
        raise ValueError(f"{folder} is not absolute")
    body = {"lora_name": name, "lora_path": str(folder)}
    try:
        _call(engine, "POST", "/v1/load_lora_adapter", body)
    except EngineRefusedError:
        if not any(served.name == name for served in list_models(engine)):
            raise
    served = next((served for served in list_models(engine) if served.name == name), None)
    if served is None or served.root != str(folder):
        where = f"at {served.root}" if served else "nowhere"
        raise EngineRefusedError(
            f"{engine.url}: has {name} {where}, not at {folder}",
            "another program loads adapters there; restart the engine to be rid of it",
        )


def unload_adapter(engine: Engine, name: str) -> None:
    """Take an adapter's name away; requests that use it finish. Nothing is done when it is not there."""
    try:
        _call(engine, "POST", "/v1/unload_lora_adapter", {"lora_name": name})
    except EngineRefusedError:
        if any(served.name == name for served in list_models(engine)):
            raise


def tokenize(engine: Engine, model: str, messages: list[dict[str, str]]) -> tuple[int, ...]:
    """Give the token ids that the engine makes of a chat, up to where the answer starts."""
    body = {"model": model, "messages": messages, "add_generation_prompt": True}
    data = _json(engine, _call(engine, "POST", "/tokenize", body))
    try:
        return tuple(int(token) for token in data["tokens"])
    except (KeyError, TypeError, ValueError) as error:
        raise _strange(engine, data) from error


def _call(
    engine: Engine,
    method: str,
    route: str,
    body: dict[str, Any] | None = None,
    timeout: float = TIMEOUT,
) -> str:
    """Send one request and give the body of a good answer."""
    import httpx2

    try:
        with direct_http.client(engine.url, engine.api_key, timeout) as client:
            response = client.request(method, engine.url + route, json=body)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        said = plain(str(error), QUOTED) or type(error).__name__
        raise EngineAwayError(
            f"{engine.url}: cannot be reached: {said}", "is vLLM running? see its log"
        ) from error
    said = plain(response.text, QUOTED)
    if response.is_success:
        return response.text
    message = f"{engine.url}{route}: answered {response.status_code}: {said or '(nothing)'}"
    if response.status_code in {502, 503, 504} or "EngineDead" in said:
        raise EngineAwayError(message, "vLLM's engine is dead or not there yet; see its log")
    refused = EngineRefusedError(message, "see vLLM's log")
    refused.status = response.status_code
    raise refused


def _json(engine: Engine, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _strange(engine, text) from error


def _strange(engine: Engine, said: object) -> EngineRefusedError:
    return EngineRefusedError(
        f"{engine.url}: answered something else than vLLM does: {plain(str(said), QUOTED)}",
        "is it a vLLM server?",
    )
