"""Plant one fault after another in a copy of this tree, and see that the test named for it fails.

    planted.py            all faults of planted.toml
    planted.py 3 7        these

The work tree is never touched. Exit 1 when a fault was caught by nothing, or a test fails without any.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Fault:
    """`find` in `file` becomes `put`; `test` must fail then. `also` is a second pair of texts in the file."""

    name: str
    file: str
    find: str
    put: str
    test: str
    also: tuple[str, str] = ("", "")


def faults() -> list[Fault]:
    """Read `planted.toml`."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return [Fault(**{**row, "also": tuple(row.get("also", ("", "")))}) for row in table["fault"]]


def planted(fault: Fault, text: str) -> str:
    """Give a file's text with the fault in it. Raises ValueError when it has no such place, or several."""
    for find, put in ((fault.find, fault.put), fault.also):
        if find and text.count(find) != 1:
            raise ValueError(f"{fault.file}: {find!r} stands there {text.count(find)} times")
        text = text.replace(find, put) if find else text
    return text


@contextmanager
def copied() -> Iterator[Path]:
    """Give a copy of the files that git knows, or would, as they are in the work tree."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name in listed:
            if (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, Path(folder) / name)
        yield Path(folder)


def failing(tree: Path, test: str) -> str:
    """Run a test, or a file of them, in a tree; give the first that fails, "" for none.

    Raises ValueError when it is no test there.
    """
    done = subprocess.run(
        [sys.executable, "-m", "pytest", test, "-qxrf", "-p", "no:randomly", "-p", "no:cacheprovider"],
        cwd=tree, check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(tree)},
    )  # fmt: skip
    if done.returncode not in {0, 1}:
        raise ValueError(f"{test}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return failed[0] if failed else ""


def main(argv: Sequence[str]) -> int:
    """Try the faults that are numbered, or all; give the exit code."""
    known = faults()
    chosen = [known[int(number) - 1] for number in argv] or known
    caught = 0
    with copied() as tree:
        for fault in chosen:
            file = tree / fault.file
            whole = file.read_text(encoding="utf-8")
            before = failing(tree, fault.test)
            file.write_text(planted(fault, whole), encoding="utf-8")
            by = "" if before else failing(tree, fault.test)
            file.write_text(whole, encoding="utf-8")
            caught += bool(by)
            outcome = "caught" if by else "FAILS WITHOUT IT" if before else "MISSED"
            print(f"{outcome:<7} {fault.name}: {by or before or fault.test}", flush=True)
    print(f"{caught} of {len(chosen)} planted faults caught")
    return 0 if caught == len(chosen) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
