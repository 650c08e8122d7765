"""Ask the running `facts serve` at its admin socket, and pass on what it says meanwhile."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path
from typing import Any  # JSON has no narrower type before it is read

from pipeline.core.errors import ConfigError, PipelineError
from serve.admin import protocol
from serve.say import say
from serve.state import ownership

SECONDS = 30.0
"""How long the service may take to hear a request; the work itself may take any time."""
GOES_ON = "`facts status` shows how far it is"


class AwayError(PipelineError):
    """No `facts serve` can be asked there."""


class DeniedError(AwayError):
    """The service does not hear this account."""

    exit_code = 2


def ask_service(path: Path, verb: str, **fields: str | bool) -> dict[str, Any]:
    """Ask for something, say its lines as they come, and give the data of the answer.

    Raises AwayError, ConfigError when the socket is not to be trusted, and the service's own errors.
    """
    with _connected(path) as service:
        try:
            service.sendall(protocol.as_line({"verb": verb, **fields}))
            service.settimeout(None)
            with service.makefile("rb") as answers:
                for answer in answers:
                    data = json.loads(answer)
                    if "line" not in data:
                        return _ended(data)
                    say(data["line"])
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


def _ended(data: dict[str, Any]) -> dict[str, Any]:
    """Give the data of the last answer, or raise the error that it carries."""
    if "done" in data:
        done: dict[str, Any] = data["done"]
        return done
    message, hint, code = (data["error"][key] for key in ("message", "hint", "code"))
    if code not in {1, 2}:
        raise RuntimeError(f"{message}; {hint}")
    raise (ConfigError if code == 2 else PipelineError)(message, hint)


def _cut_off() -> PipelineError:
    return PipelineError(
        "`facts serve` ended before it was done",
        f"it goes on when it is started again; {GOES_ON}",
    )
