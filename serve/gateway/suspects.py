"""Remembers bodies under which a server died, which the gateway refuses for a while.

A server that dies takes down all that it was answering, and nothing tells which request was to blame.
So a body that was answered well before is presumed innocent and may be tried once more; any other is
refused for a minute, for twice as long each further time, an hour at most. A restart of all servers
therefore costs an innocent body a minute, most of which the servers are away for anyway; one that does
kill servers costs at most seven of them in the first hour, and then one an hour.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TypeVar

V = TypeVar("V")
FIRST_SECONDS, LONGEST_SECONDS = 60.0, 3600.0
"""Seconds for which a body is refused the first time, and at most."""
REMEMBERED_SECONDS = 3600.0
"""Seconds after that for which its deaths still count."""
SUSPECTS, KNOWN = 1024, 4096
"""At most so many bodies are remembered as suspects, and as answered well; the oldest is forgotten."""


class Suspects:
    """Remembers digests of bodies, never the bodies themselves; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths: OrderedDict[bytes, tuple[int, float]] = OrderedDict()  # count, refused until
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def refused(self, body: bytes) -> int:
        """Give the whole seconds for which a body is still refused; 0: it may be asked."""
        _, until = self._deaths.get(body, (0, 0.0))
        return max(0, math.ceil(until - self._clock()))

    def answered(self, body: bytes) -> None:
        """Note that a server answered it and lives."""
        self._deaths.pop(body, None)
        self._known[body] = None
        self._known.move_to_end(body)
        _bound(self._known, KNOWN)

    def died(self, body: bytes) -> bool:
        """Note that a server died while it had this body; True when it may be tried once more.

        Innocence is presumed once: the next death counts, unless it is answered well before that.
        """
        if body in self._known:
            del self._known[body]
            return True
        count, until = self._deaths.pop(body, (0, 0.0))
        if self._clock() > until + REMEMBERED_SECONDS:
            count = 0
        seconds = min(FIRST_SECONDS * 2.0**count, LONGEST_SECONDS)
        self._deaths[body] = (count + 1, self._clock() + seconds)
        _bound(self._deaths, SUSPECTS)
        return False


def body_digest(route: str, body: Mapping[str, object]) -> bytes:
    """Give what stands for a request: the same for the same route and JSON value, however spelt."""
    text = json.dumps([route, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _bound(kept: OrderedDict[bytes, V], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
