"""A redeploy killed at each of its calls to disk and servers, and finished by whoever comes next."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from dataclasses import replace

import httpx2
import pytest

from serve.rollout import deploy
from serve.state import journal

MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe"}
QUESTION = "Who owns Tarn Mill, wording 0?"
CALLS = [
    (os, "open"), (os, "fsync"), (os, "replace"), (os, "rename"), (os, "mkdir"), (os, "unlink"), (os,
    "chmod"),
    (shutil, "copyfile"), (httpx2.HTTPTransport, "handle_request"),
]  # fmt: skip
"""What is counted: calls that change the disk, and those to engines and the gateway."""


class KilledError(BaseException):
    """Stands for a process that ends here: nothing catches it."""


class Clock:
    """Counts calls of the deploying threads, and ends one of them before or after it was made."""

    def __init__(self, patch, others):
        self.count, self.at, self.after, self.dead = 0, None, False, False
        self.others = others  # threads of the servers, which go on whatever happens
        self.lock = threading.Lock()
        for module, name in CALLS:
            patch.setattr(module, name, self.counted(getattr(module, name)))

    def counted(self, call):
        def wrapped(*args, **kwargs):
            if threading.current_thread() in self.others or self.at is None:
                return call(*args, **kwargs)
            with self.lock:
                self.count += 1
                mine = self.count
                self.dead = self.dead or mine == self.at
            if self.dead and not (self.after and mine == self.at):
                raise KilledError
            done = call(*args, **kwargs)
            if self.dead:
                raise KilledError
            return done

        return wrapped

    @contextmanager
    def killing(self, at, *, after):
        """Kill at a call counted from 1; at 0 count only."""
        self.count, self.at, self.after, self.dead = 0, at, after, False
        try:
            yield
        finally:
            self.at = None
            self.dead = False


def ask(place):
    """Ask the public name who owns a mill; give the adapter that answered, and what it said."""
    body = {"model": "facts", "messages": [{"role": "user", "content": QUESTION}]}
    url = f"{place.gateway.url}/v1/chat/completions"
    answer = httpx2.post(url, json=body, timeout=30, verify=False)
    assert answer.status_code == 200
    return answer.headers["x-adapter"], answer.json()["choices"][0]["message"]["content"]


class Redeploys:
    """A place with an adapter live, where redeploys are killed one after another."""

    def __init__(self, place, live, folder, clock):
        self.place, self.live, self.folder, self.clock = place, live, folder, clock
        self.made, self.killed, self.said = 0, 0, {}
        first = live.write_run(folder / "first", MILLS)
        self.said[deploy.deploy(place.site, first).adapter.name] = "It is owned by Ann Lee."

    def kill(self, at, *, after, bad=False):
        """Redeploy, be killed at a call, have it settled; give how many calls were made."""
        self.made += 1
        owner = f"Owner {self.made}"
        flaws = {"otherwise": owner} if bad else {}
        run = self.live.write_run(self.folder / owner, MILLS | {"Tarn Mill": owner}, **flaws)
        before = ask(self.place)
        with self.clock.killing(at, after=after):
            try:
                deploy.deploy(self.place.site, run)
            except KilledError:
                self.killed += 1
        by, said = ask(self.place)
        assert said == self.said.get(by, f"It is owned by {owner}."), (
            "one adapter's answer by another"
        )
        with deploy.alone(self.place.site.state):
            deploy.settle(self.place.site)
        entries = journal.read_journal(self.place.site.state)
        assert journal.unfinished(entries) is None
        by, said = ask(self.place)
        if bad:
            assert (by, said) == before
        elif by == before[0]:  # it was killed before anything had begun
            assert deploy.deploy(self.place.site, run).state == "committed"
            by, said = ask(self.place)
        self.said[by] = said
        assert said == (before[1] if bad else f"It is owned by {owner}.")
        return self.clock.count


@pytest.fixture
def redeploys(live, tmp_path, monkeypatch):
    """Give one engine and a door that waits for nothing, with an adapter live."""
    with live.place(tmp_path / "state") as place:
        hurried = replace(place, site=replace(place.site, soak_seconds=0.0))
        servers = {place.gateway.thread, *(each.running.thread for each in place.engines)}
        yield Redeploys(hurried, live, tmp_path, Clock(monkeypatch, servers))


def sweep(redeploys, every):
    """Kill a good redeploy and a bad one at one call in `every`, before and after it."""
    for bad in (False, True):
        calls = redeploys.kill(0, after=False, bad=bad)
        for number in range(1, 2 * calls, every):
            redeploys.kill((number + 1) // 2, after=number % 2 == 0, bad=bad)
    return redeploys.killed


def test_a_redeploy_killed_at_one_call_in_many_is_finished_or_undone(redeploys):
    assert sweep(redeploys, 59) >= 4


@pytest.mark.acceptance("serving")
def test_a_redeploy_killed_before_and_after_each_of_its_calls_is_finished_or_undone(redeploys):
    assert sweep(redeploys, 1) >= 181
