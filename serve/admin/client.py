"""Ask the running `facts serve` at its admin socket, and pass on what it says meanwhile."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path
from typing import TypeVar

from pipeline.core import json_file
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.core.json_file import MisfitError
from serve.admin import protocol
from serve.admin.protocol import Answer, Request
from serve.say import say
from serve.state import ownership

D = TypeVar("D")
SECONDS = 30.0
"""Longest time until the service has heard a request; the work itself may take any time."""
GOES_ON = "`facts status` shows how far it is"


class AwayError(PipelineError):
    """No `facts serve` can be asked there."""


class DeniedError(AwayError):
    """The service does not hear this account."""

    exit_code = 2


def ask_service(path: Path, request: Request, kind: type[D]) -> D:
    """Ask for something, say its lines as they come, and give what was done, as its own kind of data.

    Raises AwayError, ConfigError when the socket is not to be trusted, and the service's own errors.
    """
    with _connected(path) as service:
        try:
            service.sendall(protocol.as_line(request))
            service.settimeout(None)
            with service.makefile("rb") as answers:
                for raw in answers:
                    answer = json_file.read_json(Answer, raw)
                    if answer.line is None:
                        return _ended(answer, kind)
                    say(answer.line)
        except (OSError, ValueError) as error:  # it was killed, in the middle of a line perhaps
            raise _cut_off() from error
        except KeyboardInterrupt:
            say(f"the service goes on with it; {GOES_ON}")
            raise
    raise _cut_off()


def _connected(path: Path) -> socket.socket:
    """Connect to the service, where nobody else can have put the socket."""
    address = protocol.address(path)
    service = socket.socket(socket.AF_UNIX)
    service.settimeout(SECONDS)
    try:
        ownership.refuse_open(path.parent)
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"{path}: is not a socket", "see who put it there, and remove it")  # noqa: TRY301
        service.connect(address)
    except PermissionError as error:
        service.close()
        raise DeniedError(
            f"{path}: this account may not ask `facts serve`",
            "run as its account, or become a member of [deploy] group in serve.toml",
        ) from error
    except OSError as error:
        service.close()
        raise AwayError(
            f"no `facts serve` answers at {path}",
            "start it; nothing else changes what is live",
        ) from error
    except ConfigError:
        service.close()
        raise
    return service


def _ended(answer: Answer, kind: type[D]) -> D:
    """Give what was done, or raise the error that the last answer carries."""
    if failed := answer.error:
        if failed.code not in {1, 2}:
            raise RuntimeError(f"{failed.message}; {failed.hint}")
        raise (ConfigError if failed.code == 2 else PipelineError)(failed.message, failed.hint)
    try:
        return json_file.read_json(kind, json.dumps(answer.done), more=True)
    except MisfitError as error:
        raise PipelineError(
            f"`facts serve` answers otherwise than this version does: {error}",
            "start it anew, so that both are of one version",
        ) from error


def _cut_off() -> PipelineError:
    return PipelineError(
        "`facts serve` ended before it was done",
        f"it goes on when it is started again; {GOES_ON}",
    )
