"""Ask a live OpenAI-compatible server: greedy, natural stop, several prompts at a time.

The server puts its own chat template and default system prompt around what is asked, so the
answers are those that people get.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any  # JSON of a server has no narrower type before it is read

from pipeline.core import direct_http
from pipeline.core.chat import Prompt, messages
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.core.escape import plain
from pipeline.models.generate import Answer, each_limit

if TYPE_CHECKING:
    from httpx2 import Client, Response

    from pipeline.core.progress import Progress

AT_ONCE = 16
"""Requests in flight: enough to fill a server's batch, few enough to stay below its queue limits."""
TIMEOUT = 60.0
"""Seconds until a server that does not answer is given up; a greedy answer of 48 tokens takes a few."""
QUOTED = 200
"""Characters of a server's own words that an error message repeats."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is ("http://host:port", with or without "/v1") and what the model is called there."""

    url: str
    model: str
    api_key: str = field(default="", repr=False)

    @property
    def api(self) -> str:
        """Address below which the API's routes are."""
        return f"{self.url.rstrip('/').removesuffix('/v1')}/v1"


def ask_server(
    server: Server,
    prompts: Sequence[Prompt],
    max_new_tokens: int | Sequence[int],
    progress: Progress,
    timeout: float = TIMEOUT,
) -> list[Answer]:
    """Answer each prompt, in the order given; `timeout` is in seconds for each answer.

    `max_new_tokens` are those of all answers, or of each.

    Raises ConfigError when nothing listens at the address, it is none, or the model or key is not
    known there; PipelineError when the server fails, is too slow or answers something else.
    """
    answers = []
    with direct_http.client(server.url, server.api_key, timeout) as client:
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            limits = each_limit(max_new_tokens, len(prompts))
            for answer in pool.map(partial(_ask_one, client, server), limits, prompts):
                answers.append(answer)
                progress.update()
        finally:
            pool.shutdown(cancel_futures=True)
    return answers


def served_models(server: Server, timeout: float = TIMEOUT) -> list[str]:
    """Give the names of the models that the server lists.

    Raises the errors of `ask_server`.
    """
    with direct_http.client(server.url, server.api_key, timeout) as client:
        data = _json(server, _send(client, server, "GET", "models"))
    try:
        return [str(entry["id"]) for entry in data["data"]]
    except (KeyError, TypeError) as error:
        raise _strange(server, data) from error


def _ask_one(client: Client, server: Server, max_new_tokens: int, prompt: Prompt) -> Answer:
    body = {
        "model": server.model,
        "messages": messages(prompt),
        "temperature": 0.0,
        "max_tokens": max_new_tokens,
    }
    data = _json(server, _send(client, server, "POST", "chat/completions", body))
    try:
        choice = data["choices"][0]
        text = choice["message"]["content"] or ""
        return Answer(text.strip(), ended=choice["finish_reason"] == "stop")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _strange(server, data) from error


def _send(
    client: Client, server: Server, method: str, route: str, body: dict[str, Any] | None = None
) -> Response:
    """Send one request; every failure of the network becomes an error that names the server."""
    import httpx2

    try:
        response = client.request(method, f"{server.api}/{route}", json=body)
    except httpx2.TimeoutException as error:
        raise PipelineError(
            f"{server.url}: gave no answer within {client.timeout.read:g} s",
            "see the server's log; it may be overloaded or still loading the model",
        ) from error
    except (httpx2.ConnectError, httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
        raise ConfigError(
            f"{server.url}: cannot be reached: {plain(str(error), QUOTED)}",
            "start the server, or correct the address (http://host:port)",
        ) from error
    except httpx2.HTTPError as error:
        raise PipelineError(
            f"{server.url}: broke off: {plain(str(error), QUOTED)}", "see the server's log"
        ) from error
    if response.is_success:
        return response
    said = plain(response.text, QUOTED) or "(nothing)"
    message = f"{server.url}: answered {response.status_code}: {said}"
    if response.status_code in {401, 403}:
        raise ConfigError(message, "give the server's API key")
    if response.status_code == 404:
        raise ConfigError(message, f"is {server.model!r} what the model is called there?")
    raise PipelineError(message, "see the server's log")


def _json(server: Server, response: Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise _strange(server, response.text) from error


def _strange(server: Server, said: object) -> PipelineError:
    return PipelineError(
        f"{server.url}: answered something else than a chat completion: {plain(str(said), QUOTED)}",
        "is it an OpenAI-compatible server?",
    )
