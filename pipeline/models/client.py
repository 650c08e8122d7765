"""Asks OpenAI-compatible servers: one place for requests, answers, time limits and what goes wrong.

A server puts its own chat template and default system prompt around what is asked, so the answers are
those that people get. They are greedy and end by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

from pipeline.core import direct_http, json_file
from pipeline.core.chat import Prompt, messages
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.core.escape import plain
from pipeline.core.json_file import MisfitError
from pipeline.models.generate import Answer, each_limit

if TYPE_CHECKING:
    from httpx2 import Client, Response

    from pipeline.core.progress import Progress

T = TypeVar("T")
AT_ONCE = 16
"""Requests in flight: enough to fill a server's batch, few enough to stay below its queue limits."""
TIMEOUT = 60.0
"""Seconds until a server that does not answer is given up; a greedy answer of 48 tokens takes a few."""
QUOTED = 200
"""Characters of a server's own words that an error message repeats."""


class CallError(PipelineError):
    """A server gave no good answer; the message says how, and callers put before it who it was.

    `status` is HTTP's, 0 where no answer came; `found` is False where nothing listens at the address.
    """

    def __init__(self, message: str, status: int = 0, *, found: bool = True) -> None:
        super().__init__(message)
        self.status, self.found = status, found


@dataclass(frozen=True, slots=True)
class Server:
    """The address of an API ("http://host:port", with or without "/v1"), and the model's name there."""

    url: str
    model: str
    api_key: str = field(default="", repr=False)

    @property
    def api(self) -> str:
        """Address below which the API's routes are."""
        return f"{self.url.rstrip('/').removesuffix('/v1')}/v1"


@dataclass(frozen=True, slots=True)
class Message:
    """A server's words in a chat."""

    content: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer, and why it ended there."""

    message: Message
    finish_reason: str | None


@dataclass(frozen=True, slots=True)
class Completion:
    """The body that answers a chat."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model that a server lists; vLLM says where it lies (`root`) and over which base (`parent`)."""

    id: str
    root: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class ModelList:
    """The body that lists the models."""

    data: tuple[ModelCard, ...]


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
            for answer, _ in pool.map(partial(complete_chat, client, server), limits, prompts):
                answers.append(answer)
                progress.update()
        except CallError as error:
            raise _told(server, error) from error
        finally:
            pool.shutdown(cancel_futures=True)
    return answers


def served_models(server: Server, timeout: float = TIMEOUT) -> list[str]:
    """Give the names of the models that the server lists.

    Raises the errors of `ask_server`.
    """
    try:
        with direct_http.client(server.url, server.api_key, timeout) as client:
            listed = list_models(client, f"{server.api}/models")
    except CallError as error:
        raise _told(server, error) from error
    return [card.id for card in listed]


def list_models(client: Client, url: str) -> tuple[ModelCard, ...]:
    """List what a server serves. Raises CallError."""
    return read_answer(ModelList, send(client, "GET", url), "a list of models").data


def complete_chat(
    client: Client, server: Server, max_new_tokens: int, prompt: Prompt
) -> tuple[Answer, str]:
    """Have a model answer once: its answer, and the adapter that a gateway names. Raises CallError."""
    body = {
        "model": server.model,
        "messages": messages(prompt),
        "temperature": 0.0,
        "max_tokens": max_new_tokens,
    }
    response = send(client, "POST", f"{server.api}/chat/completions", body)
    choices = read_answer(Completion, response, "a chat completion").choices
    if not choices:
        raise CallError("answered something else than a chat completion: no choice", 200)
    text = (choices[0].message.content or "").strip()
    answer = Answer(text, ended=choices[0].finish_reason == "stop")
    return answer, response.headers.get("x-adapter", "")


def send(
    client: Client,
    method: Literal["GET", "POST"],
    url: str,
    body: Mapping[str, object] | None = None,
) -> Response:
    """Send one request. Raises CallError unless there is an answer, and a good one."""
    import httpx2

    try:
        response = client.request(method, url, json=body)
    except httpx2.TimeoutException as error:
        raise CallError(f"gave no answer within {client.timeout.read:g} s") from error
    except (httpx2.ConnectError, httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
        said = plain(str(error), QUOTED) or type(error).__name__
        raise CallError(f"cannot be reached: {said}", found=False) from error
    except httpx2.HTTPError as error:
        said = plain(str(error), QUOTED) or type(error).__name__
        raise CallError(f"broke off: {said}") from error
    if not response.is_success:
        said = plain(response.text, QUOTED) or "(nothing)"
        raise CallError(f"answered {response.status_code}: {said}", response.status_code)
    return response


def read_answer(kind: type[T], response: Response, what: str) -> T:
    """Read a good answer's body as far as `kind` needs it. Raises CallError where it is not `what`."""
    try:
        return json_file.read_json(kind, response.content, more=True)
    except MisfitError as error:
        said = plain(response.text, QUOTED)
        message = f"answered something else than {what}: {said}"
        raise CallError(message, response.status_code) from error


def _told(server: Server, error: CallError) -> PipelineError:
    message = f"{server.url}: {error.message}"
    if not error.found:
        return ConfigError(message, "start the server, or correct the address (http://host:port)")
    if error.status in {401, 403}:
        return ConfigError(message, "give the server's API key")
    if error.status == 404:
        return ConfigError(message, f"is {server.model!r} what the model is called there?")
    if error.status == 200:
        return PipelineError(message, "is it an OpenAI-compatible server?")
    return PipelineError(message, "see the server's log; it may be overloaded or loading the model")
