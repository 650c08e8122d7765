"""Redeploy twenty times while one client sends requests that make servers fail: they may stop no deploy.

    python benchmarks/badclient.py                    before the fake vLLM of the tests: minutes, no model
    python benchmarks/badclient.py --run build        before a real vLLM, with the output of `facts learn`

The fake fails at one prompt for any adapter, as a real server does at some requests; there a faulty
adapter is deployed as well, and servers are killed. Results: OUT/badclient.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import live

from pipeline.core import artifact
from pipeline.core.errors import PipelineError
from serve import settings
from serve.engines import replicas
from serve.rollout import deploy
from serve.site import Site
from serve.state import alias, journal

ROOT = Path(__file__).parent.parent
MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe", "Ash Lock": "Eva Orr"}
POISON, KILLER = "out of range", "the end of an engine"
ODD = [f"an odd question that nobody probes, {number}" for number in range(8)]
ODDITIES: tuple[dict[str, object], ...] = (
    {"logprobs": True, "top_logprobs": 20, "logit_bias": {"0": 100}},
    {"logprobs": True, "min_tokens": 16, "logit_bias": {"0": -100}},
    {"temperature": 2.0, "top_p": 1e-9, "logprobs": True},
    {"temperature": 1e-9, "repetition_penalty": 1e-9, "logprobs": True},
    {"stop": [""]}, {"max_tokens": 0}, {"n": 0}, {"seed": 2**64},
)  # fmt: skip
"""Requests that may make a real vLLM answer 5xx."""


@contextmanager
def asking(
    url: str, bodies: list[dict[str, object]], address: str, pause: float = 0.02
) -> Iterator[Counter[str]]:
    """Have one client send these bodies in turns from an address of its own; give its counts by status."""
    told: Counter[str] = Counter()
    stop = threading.Event()

    def run() -> None:
        transport = httpx2.HTTPTransport(local_address=address, verify=False)
        with httpx2.Client(transport=transport, timeout=60) as client:
            turn = 0
            while not stop.wait(pause):
                turn += 1
                body = bodies[turn % len(bodies)]
                try:
                    answer = client.post(f"{url}/v1/chat/completions", json=body)
                    told[str(answer.status_code)] += 1
                except httpx2.HTTPError as error:
                    told[type(error).__name__] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        thread.join(70)


def chat(prompt: str, **more: object) -> dict[str, object]:
    """Write a request."""
    messages = [{"role": "user", "content": prompt}]
    return {"model": "facts", "messages": messages, "max_tokens": 16, **more}


def redeploys(times: int, once: Callable[[int], str]) -> dict[str, object]:
    """Deploy so many times; give the counts of outcomes and the median seconds."""
    ended, took = Counter[str](), []
    for turn in range(times):
        started = time.perf_counter()
        ended[once(turn)] += 1
        took.append(time.perf_counter() - started)
        print(f"redeploy {turn + 1}: {took[-1]:.1f} s; {dict(ended)}", file=sys.stderr)
    return {"redeploys": times, "ended": dict(ended), "median_s": statistics.median(took)}


def fake(folder: Path, times: int, soak: float) -> dict[str, object]:
    """Measure before the fake vLLM: a bad client, an adapter that is bad, and servers that are killed."""
    sys.path.insert(0, str(ROOT / "tests"))
    import livedoubles

    runs = [
        livedoubles.write_run(folder / name, MILLS | {"Tarn Mill": owner})
        for name, owner in (("a", "Ann Lee"), ("b", "Una Fox"))
    ]
    bad = livedoubles.write_run(folder / "c", MILLS | {"Tarn Mill": "X"}, more=dict.fromkeys(ODD))
    found: dict[str, object] = {}
    with livedoubles.place(folder / "state", engines=2) as place:
        site, url = replace(place.site, soak_seconds=soak), place.gateway.url
        for each in place.engines:
            each.fails.add(POISON)
            each.kills.add(KILLER)
        poison = [chat(POISON, seed=n, stream=bool(n % 2)) for n in range(50)]
        deploy.deploy(site, runs[0])
        with (
            asking(url, poison, "127.0.1.1") as hostile,
            asking(url, [chat("hi")], "127.0.1.2") as good,
        ):
            found["bad_client"] = redeploys(
                times, lambda turn: deploy.deploy(site, runs[(turn + 1) % 2]).state
            )
            odd = [chat(prompt) for prompt in ODD]
            with asking(url, odd, "127.0.1.3"), asking(url, odd, "127.0.1.4"):
                found["adapter_that_fails_alone"] = redeploys(
                    5, lambda _: deploy.deploy(site, bad, again=True).state
                )
            found |= {"bad_client_answers": dict(hostile), "good_client_answers": dict(good)}
        found["quarantined"] = len(journal.quarantined(journal.read_journal(site.state)))
        found["server_killed"] = redeploys(times, lambda turn: killed(place, site, runs, turn))
        found["quarantined_after_kills"] = len(
            journal.quarantined(journal.read_journal(site.state))
        )
        found["deaths"] = sum(each.deaths for each in place.engines)
    return found


def killed(place, site: Site, runs: list[Path], turn: int) -> str:  # noqa: ANN001  (a double of the tests)
    """Have a client kill a server during a deploy; put it right afterwards, as `facts serve` does."""
    live_now = alias.read_alias(site.state).table.adapter
    run = next(run for run in runs if live_now is None or run_digest(run) != live_now.digest)
    with asking(place.gateway.url, [chat(KILLER, seed=turn)], "127.0.1.5", pause=0.3):
        try:
            state = deploy.deploy(site, run, again=True).state
        except PipelineError as error:
            state = type(error).__name__
    for each in place.engines:
        if each.down:
            each.restart()
    list(replicas.heal(site.engines, alias.read_alias(site.state).table.wanted))
    return state


def run_digest(run: Path) -> str:
    """Give the digest of a run's adapter."""
    return str(json.loads((run / "report.json").read_text())["adapter"]["digest"])


def real(folder: Path, run: Path, times: int) -> dict[str, object]:
    """Measure before a real vLLM, which `facts serve` starts."""
    config = live.write_settings(folder, live.ENGINE, start=True)
    runs = [run, live.scaled(run, folder / "other")]
    url = f"http://127.0.0.1:{live.DOOR}"

    def once(turn: int) -> str:
        code = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pipeline", "deploy", runs[turn % 2], "--config", config],
            cwd=ROOT, check=False,
        ).returncode  # fmt: skip
        return "committed" if code == 0 else f"exit {code}"

    with live.running("-m", "pipeline", "serve", "--config", str(config)):
        asyncio.run(live.answering(f"http://127.0.0.1:{live.ENGINE}/health", 900))
        once(0)
        odd = [{"seed": n, **more} for n in range(5) for more in ODDITIES]
        hostile = [chat("What is TinyLLM?", **more) for more in odd]
        with asking(url, hostile, "127.0.1.1", pause=0.2) as told:
            found = {"bad_client": redeploys(times, lambda turn: once(turn + 1))}
        entries = journal.read_journal(settings.load_settings(config).state)
        return found | {
            "bad_client_answers": dict(told),
            "quarantined": len(journal.quarantined(entries)),
        }


def main() -> None:
    """Run the chosen measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--run", type=Path, help="what `facts learn` left; without it the fake is used"
    )
    parser.add_argument("--redeploys", type=int, default=20)
    parser.add_argument("--soak", type=float, default=1.0, help="seconds of a soak before the fake")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = (
            real(Path(folder), args.run.resolve(), args.redeploys)
            if args.run
            else fake(Path(folder), args.redeploys, args.soak)
        )
    artifact.write_text(args.out / "badclient.json", json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
