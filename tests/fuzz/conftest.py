"""How long is fuzzed: a few fixed examples in the suite, or FUZZ_SECONDS of new ones, shared by all targets.

    FUZZ_SECONDS=600 python -m pytest tests/fuzz

FUZZ_SEED repeats a run, as far as the machine gets through as many examples. What fails is written
to build/fuzz/ with the call that fails, to be pasted in as an `@example`, and is tried first next time.
"""

from __future__ import annotations

import functools
import os
import random
import time
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import DirectoryBasedExampleDatabase

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 0)
SEED = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().getrandbits(32))
KEPT = Path(__file__).parents[2] / "build" / "fuzz"

set_hypothesis_home_dir(KEPT / "hypothesis")
settings.register_profile(
    "suite",
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)
settings.register_profile(
    "long",
    settings.get_profile("suite"),
    max_examples=50,
    derandomize=False,
    database=DirectoryBasedExampleDatabase(KEPT / "examples"),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    print_blob=True,
)
settings.load_profile("long" if SECONDS else "suite")

tried: dict[str, int] = {}
"""Examples of each target that was fuzzed for a time."""


def pytest_report_header():
    """Say with which seed a run can be repeated."""
    return f"fuzzing for {SECONDS:g} s: FUZZ_SEED={SEED}" if SECONDS else None


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a target in rounds, each with a seed of its own, until its share of the time is over."""
    if not SECONDS or not _is_target(pyfuncitem):
        return None
    test, name = pyfuncitem.obj, pyfuncitem.nodeid
    given = {key: pyfuncitem.funcargs[key] for key in pyfuncitem._fixtureinfo.argnames}  # noqa: SLF001
    seeds = random.Random(f"{SEED} {name}")
    until = time.monotonic() + SECONDS / sum(map(_is_target, pyfuncitem.session.items))
    whole, tried[name] = test.hypothesis.inner_test, 0

    @functools.wraps(whole)
    def counted(*args, **kwargs):
        tried[name] += 1
        return whole(*args, **kwargs)

    test.hypothesis.inner_test = counted
    while time.monotonic() < until:
        hypothesis.seed(seeds.getrandbits(64))(test)(**given)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Write what failed to a file."""
    report = yield
    if call.when == "call" and report.failed and _is_target(item):
        KEPT.mkdir(parents=True, exist_ok=True)
        file = KEPT / f"{item.name}.txt"
        said = f"FUZZ_SEED={SEED} {item.nodeid}\n\n{report.longreprtext}\n"
        file.write_bytes(said.encode("utf-8", "backslashreplace"))
        report.sections.append(("Fuzzing", f"written to {file}"))
    return report


def pytest_terminal_summary(terminalreporter):
    """Say how many examples each target was given."""
    for name, count in tried.items():
        terminalreporter.write_line(f"{count:>9,} examples  {name}")


def _is_target(item):
    return hypothesis.is_hypothesis_test(getattr(item, "obj", None))
