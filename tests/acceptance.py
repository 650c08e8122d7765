"""Run the long proofs by name, go on where a killed run was, and tell the results in a table and as JSON.

    acceptance.py                    all parts
    acceptance.py school fuzz        these parts
    acceptance.py changed            the parts that this branch can break; says which and why

A part that passed for just this code is not run again; what has passed of one that was cut off is not
repeated. `build/acceptance/` keeps the results; exit 1 when a part failed, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from support.acceptance import read

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build" / "acceptance"
PROSE = ("*.md", "*.svg", "LICENSE")
"""Files that no test's result depends on."""


@dataclass(frozen=True, slots=True)
class Part:
    """A named proof, about how long it takes on two cores, and the files that decide what it proves.

    `tests` are paths to run whole; without them the tests are those marked with the part's name.
    """

    name: str
    proves: str
    minutes: int
    touched_by: tuple[str, ...]
    tests: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What a part came to for the code with this digest; `seconds` are those of its tests that passed."""

    part: str
    passed: bool
    tests: int
    seconds: float
    code: str
    commit: str
    finished: str
    machine: str


def parts() -> dict[str, Part]:
    """Read `acceptance.toml`."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {
        name: Part(
            name, row["proves"], row["minutes"], tuple(row["touched_by"]), tuple(row.get("tests", ())),
            tuple(row.get("environment", {}).items()),
        )
        for name, row in table.items()
    }  # fmt: skip


def touching(part: Part, files: Iterable[str]) -> list[str]:
    """Give the changed files that can break a part: those it names, and its own tests."""
    own = [*part.touched_by, *(f"{path}/**" for path in part.tests)]
    return [file for file in files if any(fnmatch.fnmatch(file, glob) for glob in own)]


def changed(base: str) -> list[str]:
    """List the files that differ from where this branch left `base`, committed or not."""
    start = _git("merge-base", base, "HEAD").strip()
    listed = _git("diff", "--name-only", start) + _git("ls-files", "--others", "--exclude-standard")
    return sorted(set(listed.splitlines()))


def code_digest() -> str:
    """Digest of all files that tests depend on, as they are in the work tree."""
    total = hashlib.sha256()
    listed = _git("ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in sorted(set(listed)):
        file = ROOT / name
        if file.is_file() and not any(fnmatch.fnmatch(file.name, glob) for glob in PROSE):
            total.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def run(part: Part, code: str) -> Result:
    """Run what is left of a part, or give its result where it passed for this code before."""
    file = OUT / f"{part.name}.json"
    before = _read(file)
    if before and before.passed and before.code == code:
        print(f"{part.name}: passed before, for the same code", flush=True)
        return before
    folder = OUT / part.name / code[:16]
    folder.mkdir(parents=True, exist_ok=True)
    passed = folder / "passed.jsonl"
    chosen = part.tests or ("tests", "--part", part.name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen, "--passed", passed, "-p", "no:randomly"],
        cwd=ROOT, check=False, env={**os.environ, **dict(part.environment)},
    )  # fmt: skip
    finished = read(passed)
    nothing_left = done.returncode == 5 and finished  # pytest's code for no test to run
    result = Result(
        part=part.name,
        passed=done.returncode == 0 or bool(nothing_left),
        tests=len(finished),
        seconds=round(sum(finished.values()), 1),
        code=code,
        commit=_git("rev-parse", "HEAD").strip(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=f"{os.cpu_count()} cores, {platform.machine()}",
    )
    file.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    return result


def table(results: Sequence[Result], known: dict[str, Part]) -> str:
    """Write the results as lines of a terminal."""
    rows = [
        f"{'passed' if r.passed else 'FAILED':<7} {r.part:<13} {r.tests:>4} tests {r.seconds:>7.0f} s  "
        f"{known[r.part].proves}"
        for r in results
    ]
    return "\n".join(rows)


def main(argv: Sequence[str]) -> int:
    """Run the parts that are named; give the exit code."""
    known = parts()
    parser = argparse.ArgumentParser(prog="make acceptance", description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", help=f"changed, or of {', '.join(known)} (default: all)")
    parser.add_argument("--base", default="origin/main", help="what `changed` compares with")
    args = parser.parse_args(argv)
    names = args.part or list(known)
    if unknown := set(names) - {*known, "changed"}:
        parser.error(
            f"{', '.join(sorted(unknown))}: no such part; the parts are {', '.join(known)}"
        )
    if "changed" in names:
        files = changed(args.base)
        reasons = {name: touching(part, files) for name, part in known.items()}
        names = [name for name in known if reasons[name]]
        for name in names:
            more = f" and {len(reasons[name]) - 1} more" if len(reasons[name]) > 1 else ""
            print(f"{name:<13} because of {reasons[name][0]}{more}, {known[name].minutes} min")
        if not names:
            print("nothing that a part depends on was changed")
            return 0
    OUT.mkdir(parents=True, exist_ok=True)
    code = code_digest()
    results = [run(known[name], code) for name in names]
    text = table(results, known)
    (OUT / "summary.json").write_text(
        json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8"
    )
    print(f"\n{text}\n\nas JSON: {(OUT / 'summary.json').relative_to(ROOT)}")
    return 0 if all(result.passed for result in results) else 1


def _read(file: Path) -> Result | None:
    try:
        return Result(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
