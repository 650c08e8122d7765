"""The long proofs: tests marked `acceptance(PART)` run only when their part is asked for.

`tests/acceptance.py` asks for a part with `--part`, and names a file of the tests that have passed
already, so that an interrupted part resumes.
"""

from __future__ import annotations

import json

import pytest

PARTS = ("school", "self-test", "bad-adapters", "serving", "growth", "bench", "act", "gpu-dry")
"""Parts that are made of marked tests; `acceptance.toml` says what each proves."""
COSTLY = frozenset(
    {"facts", "start", "look", "run_act", "act", "github", "served_by", "school", "bare"}
)
"""Fixtures that start processes, a browser or a model: `--quick` leaves their tests out."""


def pytest_configure(config):
    """Record the tests that pass, where a file for it was named."""
    if file := config.getoption("--passed"):
        config.pluginmanager.register(Record(file))


def pytest_collection_modifyitems(config, items):
    """Leave out the long proofs, or all but those of the part that are still to run."""
    part, file = config.getoption("--part"), config.getoption("--passed")
    if part and part not in PARTS:
        raise pytest.UsageError(f"--part: {part} is none of {', '.join(PARTS)}")
    passed = set(read(file)) if file else set()
    left_out = [item for item in items if not _wanted(item, part) or item.nodeid in passed]
    if config.getoption("--quick"):
        left_out += [item for item in items if _slow(item)]
    config.hook.pytest_deselected(items=list(dict.fromkeys(left_out)))
    gone = set(left_out)
    items[:] = [item for item in items if item not in gone]


def _slow(item):
    generated = "fuzz" in item.path.parts
    return generated or bool(COSTLY & set(item.fixturenames)) or item.get_closest_marker("slow")


def _wanted(item, part):
    mark = item.get_closest_marker("acceptance")
    parts = mark.args if mark else (None,)
    unknown = set(parts) - {None, *PARTS}
    assert not unknown, f"{item.nodeid}: {unknown} is no part of the acceptance"
    return part in parts


def read(file):
    """Give the seconds of each test that is recorded as passed, by its id; a cut line is left out."""
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            row = json.loads(line)
            found[row["test"]] = row["seconds"]
        except (ValueError, KeyError):
            continue  # killed while it was written: that test runs again
    return found


class Record:
    """Writes each test that passes to a file as soon as it has, with all that it took."""

    def __init__(self, file):
        self.file, self.seconds = file, {}

    def pytest_runtest_logreport(self, report):
        """Add up setup and call; write when the call has passed."""
        took = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.seconds[report.nodeid] = took
        if report.when == "call" and report.passed:
            row = {"test": report.nodeid, "seconds": round(took, 2)}
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def missing(what, how):
    """Skip a test when something is missing on this machine; in CI, where all must be there, fail it.

    `how` says how to get it.
    """
    import os

    said = f"this machine lacks {what}: {how}"
    if os.environ.get("CI") == "true":
        pytest.fail(said)
    pytest.skip(said)
