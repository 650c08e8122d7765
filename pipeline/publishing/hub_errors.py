"""Maps the errors of the Hub's client to four of ours, so that a caller knows what to do next.

ConfigError    the token, the repository or the address is wrong: do something else
ChangedError   somebody else was faster (409, 412): look again
AwayError      the Hub failed or cannot be reached: whether a write had its effect is not known
PublishError   anything else that it answers
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.core.errors import ConfigError, PipelineError, PublishError
from pipeline.core.escape import plain

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that say nothing about the request but that it should be made again."""
HOW_TO_LOG_IN = (
    "set HF_TOKEN to a token that may write to this repository, or in GitHub Actions "
    "HF_OIDC_RESOURCE to its name, with it as a trusted publisher"
)


class ChangedError(PublishError):
    """The Hub refused a write, as what it was based on is no longer so."""


class AwayError(PublishError):
    """The Hub failed or cannot be reached; `wait` are the seconds for which it asks, or 0."""

    def __init__(self, message: str, hint: str = "", wait: float = 0.0) -> None:
        super().__init__(message, hint)
        self.wait = wait


@contextmanager
def map_hub_errors(repo: str, revision: str = "") -> Iterator[None]:
    """Turn whatever the client raises into one of this module's errors."""
    from httpx2 import HTTPError, InvalidURL, UnsupportedProtocol
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OIDCError

    try:
        yield
    except HfHubHTTPError as error:
        raise _answered(repo, revision, error) from error
    except (LocalEntryNotFoundError, RuntimeError) as error:  # what the client wraps others in
        cause = error.__cause__ or error.__context__
        if isinstance(cause, HfHubHTTPError):
            raise _answered(repo, revision, cause) from error
        raise _away("broke off") from error
    except (UnsupportedProtocol, InvalidURL) as error:
        raise ConfigError("HF_ENDPOINT is no address", "write it as https://HOST") from error
    except OIDCError as error:
        said = plain(str(error), 200)
        raise ConfigError(f"no token by trusted publishing: {said}", HOW_TO_LOG_IN) from error
    except HTTPError as error:
        raise _away(f"cannot be reached ({type(error).__name__})") from error
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise strange(repo) from error
    except OSError as error:
        raise _kept_badly(repo, error) from error


def _answered(repo: str, revision: str, error: HfHubHTTPError) -> PipelineError:
    """Say what the status of an answer means."""
    response = error.response
    status = response.status_code
    said = plain(str(response.headers.get("x-error-message", "")), 200)
    if status in PASSING:
        return _away(f"answered {status}", _seconds(response.headers.get("retry-after", "")))
    if status in (409, 412):
        return ChangedError(f"{repo}: was changed meanwhile", "run the same command again")
    if status == 403:
        return ConfigError(
            f"{repo}: the token may not do this{f' ({said})' if said else ''}", HOW_TO_LOG_IN
        )
    if response.headers.get("x-error-code") == "RevisionNotFound":
        shown = plain(revision, 100)
        return ConfigError(f"{repo}: has no revision {shown!r}", "give a branch, a tag or a commit")
    if status in (401, 404):
        return ConfigError(
            f"{repo}: is no model repository that the token can see",
            f"check the name, create it with `hf repo create {repo}`, or {HOW_TO_LOG_IN}",
        )
    return PublishError(
        f"{repo}: the Hub answered {status}{f': {said}' if said else ''}", "see its status page"
    )


def _kept_badly(repo: str, error: OSError) -> PipelineError:
    """Tell a file that came short from a disk that is full."""
    if "Consistency check" in str(error):
        return _away("sent a file that is not whole")
    return ConfigError(
        f"{repo}: a file cannot be kept here: {plain(str(error.strerror or error), 200)}",
        "check the folder, its permissions and the free space (`df -h`)",
    )


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0


def _away(what: str, wait: float = 0.0) -> AwayError:
    hint = "run the same command again: it goes on where it stopped"
    return AwayError(f"the Hub {what}", hint, wait)


def strange(repo: str) -> PublishError:
    """Say that an answer is not one of the Hub."""
    return PublishError(
        f"{repo}: what answers is not the Hub, or the Hub refuses the card",
        "look at HF_ENDPOINT and at proxies on the way (a login page answers HTML)",
    )
