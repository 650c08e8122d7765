"""Listens at the admin socket of `facts serve`, for deploys, rollbacks and the state.

The socket's mode is the only key: its owner may connect, and the members of one group where one is
named. Work goes on in a thread of its own, whether or not the one who asked stays to hear of it.
"""

from __future__ import annotations

import asyncio
import grp
import os
import socket
import stat
import struct
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pipeline.core.errors import ConfigError, PipelineError
from serve.admin import protocol
from serve.admin.protocol import Answer, Failure, Request
from serve.say import heard, say
from serve.state import ownership

SECONDS_TO_ASK = 10.0
"""Longest wait for a request, or for a reader of answers."""
AT_ONCE = 16
"""Connections; one more is told to come back."""

Work = Callable[[Request], object]
"""Does what a request asks for and gives a dataclass of what was done, or raises a PipelineError."""
Put = Callable[[Answer], None]


@asynccontextmanager
async def listening(path: Path, group: str, work: Work) -> AsyncIterator[None]:
    """Answer requests at a socket meanwhile. Raises ConfigError when it cannot be opened there."""
    bound = bind(path, group)
    places = asyncio.Semaphore(AT_ONCE)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.CancelledError):  # `facts serve` ends, which the client notices
                await _answer(reader, writer, work, places)
        finally:
            writer.close()

    server = await asyncio.start_unix_server(answer, sock=bound, limit=protocol.LONGEST)
    say(f"deploys are asked for at {path}")
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)  # noqa: ASYNC240  (nothing else runs here any more)


def bind(path: Path, group: str) -> socket.socket:
    """Open the socket for this account, and for a group where one is named.

    Raises ConfigError when its folder is open to others, when something else is in its place, or when
    the group cannot be given.
    """
    address = protocol.address(path)
    bound = socket.socket(socket.AF_UNIX)
    try:
        ownership.refuse_open(path.parent)
        _clear(path, address)
        before = os.umask(0o177)  # until its group is set, for this account alone
        try:
            bound.bind(address)
        finally:
            os.umask(before)
        if group:
            os.chown(path, -1, _group_id(group), follow_symlinks=False)
            path.chmod(0o660)
    except (OSError, ConfigError) as error:
        bound.close()
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            f"{path}: the admin socket cannot be opened: {error.strerror or error}",
            "see [deploy] socket and group in serve.toml; this account must own the socket's folder "
            "and be a member of the group",
        ) from error
    return bound


def _clear(path: Path, address: str) -> None:
    """Remove the socket that a killed `facts serve` left. Raises ConfigError for anything else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ConfigError(
            f"{path}: is there, and is not a socket", "see who put it there, and remove it"
        )
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(SECONDS_TO_ASK)
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigError(f"{path}: another `facts serve` answers there", "name another socket")


def _group_id(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise ConfigError(
            f"[deploy] group: there is no group {name!r} on this machine", "sudo groupadd makes one"
        ) from error


async def _answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    work: Work,
    places: asyncio.Semaphore,
) -> None:
    """Read one request and hand on what comes of it."""
    who = _peer(writer)
    answers: asyncio.Queue[Answer] = asyncio.Queue()
    try:
        if places.locked():
            raise PipelineError("too many ask at once", "try again in a moment")  # noqa: TRY301
        async with places:
            request = protocol.parse_request(await _line(reader))
            say(f"{who} asks: {protocol.as_line(request).decode().strip()}")
            _begin(work, request, answers)
            while (answer := await answers.get()).line is not None:
                await _send(writer, answer)
            await _send(writer, answer)
    except PipelineError as error:
        say(f"{who} is refused: {error.message}")
        with suppress(OSError, TimeoutError):
            await _send(writer, protocol.failure(error))
    except (OSError, TimeoutError):
        say(f"{who} is gone; what was asked for goes on")


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Read one line, or what there is of it. Raises PipelineError when it is too long or too slow."""
    try:
        return await asyncio.wait_for(reader.readline(), SECONDS_TO_ASK)
    except TimeoutError as error:
        raise PipelineError(f"nothing was asked within {SECONDS_TO_ASK:g} s") from error
    except ValueError as error:  # of asyncio, for a line above its limit
        raise protocol.WrongRequestError(
            f"the request has more than {protocol.LONGEST} bytes"
        ) from error


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Send one answer. Raises OSError or TimeoutError when nobody reads it."""
    writer.write(protocol.as_line(answer))
    await asyncio.wait_for(writer.drain(), SECONDS_TO_ASK)


def _begin(work: Work, request: Request, answers: asyncio.Queue[Answer]) -> None:
    """Work in a thread that ends with the process, as by a kill: the next start finishes what it left."""
    loop = asyncio.get_running_loop()

    def put(answer: Answer) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody hears it any more
            loop.call_soon_threadsafe(answers.put_nowait, answer)

    threading.Thread(target=_do, args=(work, request, put), daemon=True).start()


def _do(work: Work, request: Request, put: Put) -> None:
    bug = Failure("`facts serve` met a bug", "see its log", code=3)
    answer = Answer(error=bug)  # unless it ends well, or with an error of ours
    try:
        with heard(lambda line: put(Answer(line))):
            answer = Answer(done=work(request))
    except PipelineError as error:
        answer = protocol.failure(error)
        say(f"that was not done: {error.message}")
    finally:
        put(answer)


def _peer(writer: asyncio.StreamWriter) -> str:
    """Name the account and process at the other end, as the kernel knows them."""
    connection = writer.get_extra_info("socket")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    process, uid, _ = struct.unpack("3i", raw)
    return f"{ownership.account(uid)} (uid {uid}, process {process})"
