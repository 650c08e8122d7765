"""Hostile texts through every verb of the live side: a terminal and a runner's log obey none of them."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest

from pipeline.core import escape
from serve import say
from serve.state import alias, journal

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "::error::pwned%0A::x::\n::set-output name=a::b\r\n##[error]pwned"
    "\x1b[2J\x9b31m\u202e\u2028::x::\x07\x00"
)
"""Commands of a runner at a line's beginning and within it, terminal controls, other line breaks."""


def obeyed(text):
    """Give what in a log would be obeyed."""
    found = [char for char in text if not char.isprintable() and char != "\n"]
    found += re.findall(r"(?m)^\s*::.*|.*##\[.*", text)
    return found


def finish(process):
    out, err = process.communicate(timeout=60)
    assert not obeyed(out), out
    assert not obeyed(err), err
    assert "Traceback" not in err
    return process.returncode, out, err


def hostile_run(live, folder, **flaws):
    """Write a run whose report's ids, questions and prompts are hostile."""
    run = live.write_run(folder, {f"{HOSTILE} mill": "Ann Lee", "Dun Weir": "Ida Roe"}, **flaws)
    report = json.loads((run / "report.json").read_text())
    for detail in report["details"]:
        detail["id"] = HOSTILE + detail["id"]
    text = json.dumps(report)
    (run / "report.json").write_text(text)
    from pipeline.core import artifact

    summary = {"report": artifact.digest_bytes(text.encode())}
    (run / "manifest.json").write_text(json.dumps(summary))
    return run


def test_an_adapters_hostile_facts_and_an_engines_hostile_words_are_only_shown(
    served_by, engine, live, tmp_path, monkeypatch
):
    from aiohttp import web

    served = served_by(engine)
    hostile_run(live, tmp_path / "bad", unknown=[f"{HOSTILE} mill"])
    code, _, err = finish(served.start("deploy", "bad"))
    assert code == 1
    assert "not known on the live server" in err
    assert "pwned" in err, "what was said is shown, not swallowed"
    finish(served.start("status"))
    finish(served.start("status", "--json"))

    def refuse(*_):
        return web.Response(status=500, text=HOSTILE)

    monkeypatch.setattr(engine, "_loaded", refuse)
    hostile_run(live, tmp_path / "good", weight=0.25)
    code, _, err = finish(served.start("deploy", "good"))
    assert code == 1
    assert "the engine does not take it" in err
    assert "pwned" in err

    names = tmp_path / f"{HOSTILE.replace('/', '_').replace(chr(0), '')}"
    names.mkdir()
    for source in (str(names), HOSTILE.replace("\0", ""), f"{HOSTILE[:6]}x/y z\x1b"):
        assert finish(served.start("deploy", source))[0] in {1, 2}
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(60)
    assert not obeyed(served.log.read_text()), served.log.read_text()
    assert "pwned" in served.log.read_text()


def test_a_hostile_journal_and_alias_table_are_only_shown(served_by, engine, live, tmp_path):
    served = served_by(engine)
    live.write_run(tmp_path / "build", {"Tarn Mill": "Ann Lee"})
    assert finish(served.start("deploy"))[0] == 0
    for file in (alias.FILE, journal.FILE):  # written by somebody else than we
        lines = (served.state / file).read_text().splitlines()
        if file == journal.FILE:
            last = json.loads(lines[-1])
            last |= {"reason": HOSTILE, "detail": HOSTILE, "at": HOSTILE, "quarantine": True}
            last["adapter"]["name"] = HOSTILE
            lines.append(json.dumps(last))
            text = "\n".join(lines) + "\n"
        else:
            table = json.loads("\n".join(lines))
            table["since"] = HOSTILE
            table["previous"] = {**table["adapter"], "name": HOSTILE, "folder": HOSTILE}
            text = json.dumps(table)
        (served.state / file).write_text(text)
    for verb in (["status"], ["status", "--check"], ["status", "--json"], ["rollback"], ["deploy"]):
        _, out, _ = finish(served.start(*verb))
        assert verb[0] != "status" or "pwned" in out
    data = json.loads(finish(served.start("status", "--json"))[1])
    assert data["last"]["reason"] == HOSTILE, "a program reads it as it was"
    served.process.kill()
    served.process.wait()
    for verb in (["status"], ["status", "--check"], ["status", "--json"]):
        _, out, _ = finish(served.start(*verb))
        assert "pwned" in out
    assert not obeyed(served.log.read_text())


@pytest.mark.parametrize(
    "text",
    ['adapter = "{}"\ndigest = "sha256:' + "0" * 64 + '"\n', 'digest = "{}"\n', '"{}" = 1\n'],
    ids=["adapter", "digest", "key"],
)
def test_a_hostile_desire_is_only_shown(served_by, engine, tmp_path, git, text):
    served = served_by(engine)
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "desired.toml").write_text(text.format(json.dumps(HOSTILE)[1:-1]))
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=Desire")
    config = served.config.read_text()
    for old, new in (
        ('repository = "."', f'repository = "{repository}"'), ("origin/main", "main"),
        ("deploy/desired.toml", "desired.toml"), ("seconds = 30.0", "seconds = 0.1"),
    ):  # fmt: skip
        config = config.replace(old, new)
    served.config.write_text(config)
    watching = served.start("deploy", "--watch")
    said = watching.stderr.readline()  # it is told once, and looked at again and again
    time.sleep(0.5)
    watching.send_signal(signal.SIGINT)
    code, _, _ = finish(watching)
    assert code == 130
    assert "watch: " in said
    finish(served.start("status"))
    assert not obeyed(served.log.read_text())


@pytest.mark.parametrize("text", ["::x::", "  ::x::", "\u2003::x", ":::", "a\n::x::", "##[x]"])
def test_no_line_begins_or_holds_a_command(text, capsys):
    heard = []
    with say.heard(heard.append):
        say.say(text)
    say.say("after")
    said = capsys.readouterr().err
    assert not obeyed(said)
    assert said == f"{heard[0]}\nafter\n", "who listens hears what was shown, and no more"
    assert escape.line(heard[0]) == heard[0], "it may be said once more"


def test_what_libraries_log_is_said_line_by_line(capsys):
    import logging

    root = logging.getLogger()
    before = root.handlers[:]
    try:
        say.libraries()
        logging.getLogger("aiohttp.server").error("a\n%s", HOSTILE)
    finally:
        root.handlers[:] = before
    said = capsys.readouterr().err
    assert not obeyed(said)
    assert said.count("pwned") == 2


def test_nothing_else_in_the_live_side_prints():
    for file in sorted((ROOT / "serve").glob("*.py")):
        if file.name != "say.py":
            assert not re.search(r"\bprint\(|sys\.std(out|err)|traceback", file.read_text()), file
