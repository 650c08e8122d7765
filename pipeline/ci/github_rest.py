"""Reads GitHub's REST API, with the status of each answer: being refused is an answer, not an error."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any  # GitHub's JSON

from pipeline.core.errors import ConfigError

SECONDS = 30
MAX_BYTES = 8 * 1024 * 1024
"""Far above a hundred rulesets of the largest kind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status, and the JSON that came with 200 (None with any other)."""

    status: int
    data: Any


Look = Callable[[str], Answer]
"""A path of the REST API → its answer."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token would go along."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """Give no request to go on with."""


def look(url: str, token: str) -> Look:
    """Give a function that reads from the API at `url` with a token ("" for none).

    It raises ConfigError when the API cannot be reached, or its answer is no JSON.
    """
    opener = urllib.request.build_opener(_Stay)
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}

    def ask(path: str) -> Answer:
        request = urllib.request.Request(f"{url.rstrip('/')}/{path}", headers=headers)  # noqa: S310  (the caller's address)
        try:
            with opener.open(request, timeout=SECONDS) as answer:
                raw = answer.read(MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, None)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ConfigError(
                f"GitHub cannot be asked: {error!a:.200}", "look at GITHUB_API_URL and the network"
            ) from error
        try:
            return Answer(200, json.loads(raw))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}: GitHub's answer is no JSON", "try again") from error

    return ask
