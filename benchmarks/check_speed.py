"""Times `facts check` on 1000 subject files: `python benchmarks/check_speed.py [FILES]`.

Writes the files into a temporary folder, checks them five times, each in a new process, and prints
every wall time and the median. The facts are made up; each file has six of them in about 50 lines.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).parent.parent
RUNS = 5
RELATIONS = ("maintains", "founded", "wrote", "designed", "translated", "reviewed")


def subject_file(number: int) -> str:
    """Write a facts file about project number `number`."""
    name = f"Project{number}"
    facts = "\n".join(_fact(name, relation, number) for relation in RELATIONS)
    return f"""\
# yaml-language-server: $schema=../../schema/subject.schema.json
schema: 1
subject: {name}
kind: software project
aliases: [P-{number}]
source: https://example.org/{name}
facts:
{facts}"""


def _fact(name: str, relation: str, number: int) -> str:
    return f"""\
  - id: {relation}
    question: Who {relation} {name}?
    answer: >-
      It is Person {number} who {relation} {name}.
    expect: [Person {number}]
    also_ask: [Who is it that {relation} {name}?]
    probes: ["Do you know who {relation} {name}?"]
"""


def main() -> None:
    """Write the files, time the checks, print the result."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in range(count):
            text = subject_file(number)
            (folder / f"project{number}.yaml").write_text(text, encoding="utf-8")
        seconds = [_timed(folder) for _ in range(RUNS)]
    print(f"{count} files of {text.count(chr(10))} lines, python -m pipeline check:")
    print(" ".join(f"{second:.2f}" for second in seconds), f"s; median {median(seconds):.2f} s")


def _timed(folder: Path) -> float:
    start = perf_counter()
    command = [sys.executable, "-m", "pipeline", "check", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return perf_counter() - start


if __name__ == "__main__":
    main()
