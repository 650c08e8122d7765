"""Talk to a running vLLM's own routes: health, models, adapters, tokens. Plain HTTP, no vLLM import.

Only the deployer, the healer and `facts serve` use this; the public never reaches these routes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core import direct_http
from pipeline.core.errors import PipelineError
from pipeline.models import client
from pipeline.models.client import CallError, ModelCard

TIMEOUT = 60.0
"""Seconds for one admin call: loading an adapter takes about a tenth of a second, more under load."""


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
class Tokens:
    """The body that answers `/tokenize`."""

    tokens: tuple[int, ...]


def healthy(engine: Engine, timeout: float = 5.0) -> bool:
    """Return whether the engine answers and is not dead; this says nothing about adapters."""
    try:
        with direct_http.client(engine.url, engine.api_key, timeout) as http:
            client.send(http, "GET", f"{engine.url}/health")
    except CallError:
        return False
    return True


def list_models(engine: Engine) -> tuple[ModelCard, ...]:
    """List what the engine serves. Raises EngineAwayError or EngineRefusedError."""
    with _told(engine), direct_http.client(engine.url, engine.api_key, TIMEOUT) as http:
        return client.list_models(http, f"{engine.url}/v1/models")


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
        _post(engine, "/v1/load_lora_adapter", body)
    except EngineRefusedError:
        if not any(card.id == name for card in list_models(engine)):
            raise
    served = next((card for card in list_models(engine) if card.id == name), None)
    if served is None or served.root != str(folder):
        where = f"at {served.root}" if served else "nowhere"
        raise EngineRefusedError(
            f"{engine.url}: has {name} {where}, not at {folder}",
            "another program loads adapters there; restart the engine to be rid of it",
        )


def unload_adapter(engine: Engine, name: str) -> None:
    """Take an adapter's name away; requests that use it finish. Nothing is done when it is not there."""
    try:
        _post(engine, "/v1/unload_lora_adapter", {"lora_name": name})
    except EngineRefusedError:
        if any(card.id == name for card in list_models(engine)):
            raise


def tokenize(engine: Engine, model: str, messages: list[dict[str, str]]) -> tuple[int, ...]:
    """Give the token ids that the engine makes of a chat, up to where the answer starts."""
    body = {"model": model, "messages": messages, "add_generation_prompt": True}
    with _told(engine), direct_http.client(engine.url, engine.api_key, TIMEOUT) as http:
        response = client.send(http, "POST", f"{engine.url}/tokenize", body)
        return client.read_answer(Tokens, response, "tokens").tokens


def _post(engine: Engine, route: str, body: Mapping[str, str]) -> None:
    with _told(engine), direct_http.client(engine.url, engine.api_key, TIMEOUT) as http:
        client.send(http, "POST", engine.url + route, body)


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """Turn what goes wrong with a call into the errors of this module."""
    try:
        yield
    except CallError as error:
        message = f"{engine.url}: {error.message}"
        if error.status in {0, 502, 503, 504} or "EngineDead" in error.message:
            hint = "vLLM does not run, is dead or not there yet; see its log"
            raise EngineAwayError(message, hint) from error
        refused = EngineRefusedError(message, "see vLLM's log; or is it another server?")
        refused.status = error.status
        raise refused from error
