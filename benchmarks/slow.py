"""Measure 1,000 slow clients at the gateway: connections held after the limits, and delay of other clients.

    python benchmarks/slow.py

Starts `facts serve` with its shipped limits before a stub of an engine, and another that has no slow
clients, to compare with. The slow ones come from many addresses and send a head, a body or nothing byte by
byte, or read no answer. Prints JSON; takes two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

import aiohttp
import live

from serve.gateway.limits import Limits

STUB, DOOR, QUIET = 8231, 8230, 8232
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
BODY = json.dumps({**live.chat("facts"), "stream": True}).encode()
KINDS = {
    "nothing": (b"", b""),
    "request line": (b"POST /", b"x"),
    "head": (HEAD, b"X-A: 1\r\n"),
    "body announced": (HEAD + b"Content-Length: 900\r\n\r\n", b""),
    "body": (HEAD + b"Content-Length: 900\r\n\r\n", b" "),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "idle": (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
    "no reader": (HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY, b""),
}


async def slow(number: int) -> None:
    """Be one slow client until the gateway closes the connection, and a little longer."""
    start, more = list(KINDS.values())[number % len(KINDS)]
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.setblocking(False)
    opened.bind((f"127.0.9.{number % 50 + 1}", 0))
    loop = asyncio.get_running_loop()
    await loop.sock_connect(opened, ("127.0.0.1", DOOR))
    with suppress(OSError):
        await loop.sock_sendall(opened, start)
        while True:
            await asyncio.sleep(2)
            if more:
                await loop.sock_sendall(opened, more)
    await asyncio.sleep(600)  # keeps its own end: only the gateway lets go


async def all_slow(count: int) -> None:
    """Be many slow clients."""
    await asyncio.gather(*(slow(number) for number in range(count)))


async def others(count: int) -> list[float]:
    """Ask both gateways in turns, so that both see the same machine; give the 95th percentiles in ms."""
    seconds: list[list[float]] = [[], []]
    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            for port, took in zip((DOOR, QUIET), seconds, strict=True):
                url = f"http://127.0.0.1:{port}"
                took.append(await live.ask(session, url, live.chat("facts")))
    return [live.percentile(took, 0.95) for took in seconds]


async def in_flight() -> float:
    """Give the requests that the gateway counts as being answered."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{DOOR}/metrics") as answer,
    ):
        lines = (await answer.text()).splitlines()
    return sum(float(line.split()[-1]) for line in lines if "in_flight{" in line)


def held(pid: int) -> int:
    """Count the connections of clients that a process has open (Linux)."""
    inodes = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            inodes.add(str(each.readlink()))
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    mine = [line.split() for line in lines]
    port = f":{DOOR:04X}"
    return sum(
        each[1].endswith(port) and each[3] != "0A" and f"socket:[{each[9]}]" in inodes
        for each in mine
    )


async def measure(pid: int, count: int, asked: int) -> dict:
    """Ask both gateways without and with slow clients at the first; count the connections that these hold."""
    limits = Limits()
    await others(asked)
    before = await others(asked)
    with live.running(__file__, "--as-slow", "--clients", str(count)):
        most = 0
        for _ in range(40):  # half a second each: the first are let go after `head_seconds`
            await asyncio.sleep(0.5)
            most = max(most, held(pid))
            if most >= count:
                break
        start = {"connections": most, "in_flight": await in_flight()}
        beside = await others(asked)
        still = held(pid)
        await asyncio.sleep(limits.read_seconds + limits.head_seconds)
        end = {"connections": held(pid), "in_flight": await in_flight()}
    return {
        "slow_clients": count,
        "held_at_the_start": start,
        "held_while_others_asked": still,
        "held_after_the_limits": end,
        "others_p95_ms_here_and_at_a_quiet_gateway": {"before": before, "beside": beside},
        "times_the_quiet_one": beside[0] / beside[1],
    }


def main() -> None:
    """Measure, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--asked", type=int, default=500)
    parser.add_argument("--as-stub", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--as-slow", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.as_stub:
        asyncio.run(live.stub(STUB, endless=True))
    if args.as_slow:
        asyncio.run(all_slow(args.clients))
    with tempfile.TemporaryDirectory() as folder:
        slow_one = live.before_stub(Path(folder) / "slow", STUB, DOOR)
        quiet_one = live.before_stub(Path(folder) / "quiet", STUB, QUIET)
        serve = ("-m", "pipeline", "serve", "--config")
        with (
            live.running(__file__, "--as-stub"),
            live.running(*serve, str(quiet_one)),
            live.running(*serve, str(slow_one)) as gateway,
        ):
            for port in (DOOR, QUIET):
                asyncio.run(live.answering(f"http://127.0.0.1:{port}/health", 60))
            found = asyncio.run(measure(gateway.pid, args.clients, args.asked))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
