"""One account writes the state: the command asks the running service at its socket, with real processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pipeline.core.errors import ConfigError, PipelineError
from serve.admin import client, protocol, server
from serve.admin.protocol import StatusRequest
from serve.rollout import sources
from serve.state import alias, journal

ROOT = Path(__file__).parents[2]
MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe"}
NOBODY = 65534
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another account")


@pytest.fixture
def served(served_by, engine):
    """Give `facts serve` that has nothing live yet."""
    return served_by(engine)


def finish(process):
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def live_name(served):
    return alias.read_alias(served.state).table.adapter.name


def states(served):
    return [entry.state for entry in journal.read_journal(served.state)]


def stop(served):
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(60) == 0
    return served.log.read_text()


def test_the_service_deploys_what_the_command_asks_for_and_the_command_hears_each_step(
    served, live, tmp_path
):
    live.write_run(tmp_path / "build", MILLS)
    code, out, err = finish(served.start("deploy"))
    assert code == 0, err
    assert out == f"facts is now {alias.short(live_name(served))}\n"
    steps = ["fetched", "staged", "probed", "cutover", "soaked", "committed"]
    said = err.splitlines()
    assert said[0].startswith("signed by  nobody: nothing is verified but the digest")
    assert [line.split()[1] for line in said[1:]] == steps
    said = served.log.read_text()
    assert f"(uid {os.geteuid()}, process " in said
    assert f'"source": "{tmp_path}/build"' in said

    live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    first = live_name(served)
    assert finish(served.start("deploy", "b"))[0] == 0
    code, out, _ = finish(served.start("rollback"))
    assert (code, out) == (0, f"facts is now {alias.short(first)}\n")
    assert live_name(served) == first
    code, _, err = finish(served.start("rollback"))
    assert code == 1
    assert "there is no adapter to go back to" in err

    code, out, err = finish(served.start("status", "--json"))
    assert (code, err) == (0, "")
    assert json.loads(out)["live"] == first
    assert not served.socket.exists() or stop(served)
    assert not served.socket.exists()


def test_what_the_service_says_against_an_adapter_is_the_commands_exit_code(served, live, tmp_path):
    live.write_run(tmp_path / "build", MILLS, names_match_nothing=True)
    code, out, err = finish(served.start("deploy"))
    assert (code, out) == (1, "")
    assert "is not live: its answers are the base's own" in err
    code, _, err = finish(served.start("deploy"))
    assert code == 1
    assert "hint: deploy another adapter, or try this one once more with --again" in err
    code, _, err = finish(served.start("deploy", "--again"))
    assert (code, "is not live" in err) == (1, True)
    code, _, err = finish(served.start("deploy", "nowhere"))
    assert code == 2
    assert "nowhere: there is no such folder" in err


def test_without_a_service_nothing_is_written_and_the_command_says_so(live, tmp_path):
    from support.served import command

    live.write_run(tmp_path / "build", MILLS)
    text = (ROOT / "serve" / "serve.toml").read_text()
    config = tmp_path / "serve.toml"
    for name, state in (("none", tmp_path / "none"), ("empty", tmp_path / "state")):
        config.write_text(text.replace('state = "state"', f'state = "{state}"'))
        if name == "empty":
            state.mkdir()
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(str(state / "admin.sock"))  # by a service that was killed
        for verb in ("deploy", "rollback"):
            code, _, err = finish(command(config, verb))
            assert code == 1
            assert "no `facts serve` answers at" in err
            assert "hint: start it" in err
    assert not (tmp_path / "none").exists()
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["admin.sock"]
    code, out, err = finish(command(config, "status"))
    assert code == 0
    assert "live        nothing" in out
    assert "read from" in err


@pytest.fixture
def slow(served, engine, live, tmp_path):
    """Give a service with a mill live and another deploy of which each answer takes a while."""
    live.write_run(tmp_path / "a", MILLS)
    assert finish(served.start("deploy", "a"))[0] == 0
    live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    engine.wait = 0.3
    return served


def began(served, state="staged"):
    until = time.monotonic() + 30
    while time.monotonic() < until and states(served)[-1] != state:
        time.sleep(0.02)
    assert states(served)[-1] == state


def ended(served):
    until = time.monotonic() + 60
    while time.monotonic() < until and states(served)[-1] not in journal.ENDED:
        time.sleep(0.05)
    return states(served)[-1]


def test_of_two_at_once_one_deploys_and_the_other_is_told_so(slow):
    first = slow.start("deploy", "b")
    began(slow)
    for verb in (["deploy", "b"], ["rollback"]):
        code, _, err = finish(slow.start(*verb))
        assert code == 1
        assert "another deploy is running" in err
    assert finish(slow.start("status"))[0] == 0, "how far it is can be asked meanwhile"
    assert finish(first)[0] == 0
    assert states(slow)[6:] == states(slow)[:6], "each step once"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_a_client_that_goes_away_stops_nothing(slow, engine, number):
    asking = slow.start("deploy", "b")
    began(slow)
    asking.send_signal(number)
    _, err = asking.communicate(timeout=30)
    if number == signal.SIGINT:
        assert asking.returncode == 130
        assert "the service goes on with it; `facts status` shows how far it is" in err
    engine.wait = 0.0
    assert ended(slow) == "committed"
    assert finish(slow.start("status"))[0] == 0
    assert "is gone; what was asked for goes on" in slow.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_a_service_that_ends_midway_finishes_the_deploy_when_it_is_started_again(
    slow, engine, number
):
    asking = slow.start("deploy", "b")
    began(slow)
    slow.process.send_signal(number)
    code, _, err = finish(asking)
    assert code == 1
    assert "facts serve` " in err
    assert "is started again" in err
    slow.process.wait(60)
    assert states(slow)[-1] not in {"failed", "rolling back"}, "nobody is blamed for the stop"
    engine.wait = 0.0
    slow.again()
    assert ended(slow) == "committed"


def test_watching_git_asks_the_service_and_writes_nothing_itself(served, live, tmp_path, git):
    run = live.write_run(tmp_path / "build", MILLS)
    digest = json.loads((run / "report.json").read_text())["adapter"]["digest"]
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "desired.toml").write_text(f'adapter = "{run}"\ndigest = "{digest}"\n')
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=Desire")
    text = served.config.read_text()
    for old, new in (
        ('repository = "."', f'repository = "{repository}"'), ("origin/main", "main"),
        ("deploy/desired.toml", "desired.toml"), ("seconds = 30.0", "seconds = 0.1"),
    ):  # fmt: skip
        text = text.replace(old, new)
    served.config.write_text(text)
    watching = served.start("deploy", "--watch")
    until = time.monotonic() + 60
    while time.monotonic() < until and "committed" not in states(served):
        time.sleep(0.1)
    time.sleep(0.5)  # some looks more
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=30)
    assert states(served)[-1] == "committed"
    assert err.count("committed") == 1, "what is live is not deployed again"


WRONG = {
    "nothing": b"",
    "no line": b'{"verb": "status"}',
    "no JSON": b"deploy build\n",
    "not UTF-8": b'{"verb": "\xff"}\n',
    "a list": b'["rollback"]\n',
    "deep": b"[" * 20_000 + b"\n",
    "unknown verb": b'{"verb": "shell"}\n',
    "a verb that is no text": b'{"verb": ["rollback"]}\n',
    "no verb": b"{}\n",
    "unknown field": b'{"verb": "rollback", "force": true}\n',
    "a field twice": b'{"verb": "status", "verb": "rollback"}\n',
    "a field missing": b'{"verb": "deploy", "source": "/x", "again": false}\n',
    "a number for a truth": b'{"verb": "deploy", "source": "/x", "digest": "", "again": 0}\n',
    "a digest that is none": b'{"verb": "deploy", "source": "/x", "digest": "../x", "again": false}\n',
    "oversize": b'{"verb": "status", "x": "' + b"x" * 100_000 + b'"}\n',
    "neither folder nor reference": (
        b'{"verb": "deploy", "source": "serve", "digest": "", "again": false}\n'
    ),
    "a folder that is none": b'{"verb": "deploy", "source": "/x", "digest": "", "again": false}\n',
    "a NUL": b'{"verb": "deploy", "source": "/x\\u0000y", "digest": "", "again": false}\n',
}


@contextmanager
def connection(path):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(30)
        asking.connect(str(path))
        yield asking


def raw_answer(path, data):
    with connection(path) as asking:
        with suppress(OSError):  # the other side may hang up before it has read everything
            asking.sendall(data)
            asking.shutdown(socket.SHUT_WR)
        with asking.makefile("rb") as answers:
            return [json.loads(line) for line in answers]


def test_wrong_requests_are_refused_with_a_sentence_and_change_nothing(served):
    for name, data in WRONG.items():
        answer = raw_answer(served.socket, data)[-1]
        assert answer["error"]["message"], name
        assert answer["error"]["code"] in {1, 2}, name
    for flood in (b"\x00" * 5000 + b"\n", os.urandom(3000) + b"\n", b"\n" * 50):
        assert "error" in raw_answer(served.socket, flood)[-1]
    assert not (served.state / journal.FILE).exists()
    assert finish(served.start("status"))[0] == 0
    said = served.log.read_text()
    assert "Traceback" not in said
    assert "\x00" not in said


def test_a_reference_never_names_a_folder_where_the_service_happens_to_be(tmp_path, monkeypatch):
    from pipeline.publishing import download

    (tmp_path / "ours" / "mills").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download, "pull", lambda ref, into, *_: into / ref)
    assert sources.name_source("ours/mills") == str(tmp_path / "ours" / "mills")
    assert sources.local("ours/mills", Path("/state")) == Path("/state/pulled/ours/mills")


@contextmanager
def listening(path, work=lambda _: {}):
    """Answer at a socket in this process."""
    loop = asyncio.new_event_loop()
    done, ready = asyncio.Event(), threading.Event()

    async def run():
        async with server.listening(path, "", work):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(20)
        loop.run_until_complete(asyncio.sleep(0.05))  # who was let in is answered
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()


@pytest.fixture
def place(tmp_path):
    """Give where a socket may be."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    return folder / "admin.sock"


def test_slow_senders_are_sent_away_and_keep_nobody_out(place, monkeypatch):
    monkeypatch.setattr(server, "SECONDS_TO_ASK", 0.5)
    monkeypatch.setattr(server, "AT_ONCE", 4)
    slow = [socket.socket(socket.AF_UNIX) for _ in range(4)]
    with listening(place):
        for each in slow:
            each.settimeout(10)
            each.connect(str(place))
            each.sendall(b'{"verb"')
        with pytest.raises(PipelineError, match="too many ask at once"):
            client.ask_service(place, StatusRequest(), dict)
        for each in slow:
            with each, each.makefile("rb") as answers:
                assert "nothing was asked within" in answers.readline().decode()
        assert client.ask_service(place, StatusRequest(), dict) == {}


def test_an_answer_of_another_version_is_told_as_one(place):
    with (
        listening(place, lambda _: {"state": 7}),
        pytest.raises(
            PipelineError, match=r"otherwise than this version does: state: 7 is not"
        ) as caught,
    ):
        client.ask_service(place, StatusRequest(), protocol.Deployed)
    assert "start it anew" in caught.value.hint


def test_a_folder_whose_name_is_not_utf_8_is_told_before_anybody_is_asked(tmp_path):
    odd = tmp_path / os.fsdecode(b"mills-\xe9")
    odd.mkdir()
    with pytest.raises(ConfigError, match=r"mills-.*: its name is not UTF-8"):
        sources.name_source(str(odd))
    fine = tmp_path / "mills-é"
    fine.mkdir()
    assert sources.name_source(str(fine)) == str(fine)


def test_a_reader_that_stalls_does_not_hold_the_work(place, monkeypatch):
    from serve.say import say

    monkeypatch.setattr(server, "SECONDS_TO_ASK", 0.5)
    done = threading.Event()

    def much(request):
        if request.verb == "rollback":
            for _ in range(400):
                say("x" * 3000)
            done.set()
        return {}

    with listening(place, much), connection(place) as asking:
        asking.sendall(b'{"verb": "rollback", "not_its_fault": ""}\n')
        assert done.wait(20)
        assert client.ask_service(place, StatusRequest(), dict) == {}


def test_a_bug_of_the_service_is_told_as_one(place):
    def broken(_):
        raise ZeroDivisionError

    hook, threading.excepthook = threading.excepthook, lambda _: None
    try:
        with listening(place, broken), pytest.raises(RuntimeError, match="met a bug"):
            client.ask_service(place, StatusRequest(), dict)
    finally:
        threading.excepthook = hook


@pytest.mark.parametrize("kind", ["file", "link", "link to a socket", "folder"])
def test_what_was_put_in_the_sockets_place_is_refused_by_both_sides_and_left(place, tmp_path, kind):
    other = tmp_path / "other.sock"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("mine")
    else:
        if kind == "link to a socket":
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(str(other))
        place.symlink_to(other)
    with pytest.raises(ConfigError, match="is not a socket") as caught:
        server.bind(place, "")
    assert "remove it" in caught.value.hint
    with pytest.raises(ConfigError, match="is not a socket"):
        client.ask_service(place, StatusRequest(), dict)
    assert os.path.lexists(place)


def test_a_socket_that_a_killed_service_left_is_taken_over_and_a_living_one_is_not(place):
    server.bind(place, "").close()
    with listening(place):
        with pytest.raises(ConfigError, match="another `facts serve` answers there"):
            server.bind(place, "")
        assert client.ask_service(place, StatusRequest(), dict) == {}
    assert not place.exists()


def test_a_folder_that_others_may_write_holds_no_socket(place):
    place.parent.chmod(0o775)
    for side in (
        lambda: server.bind(place, ""),
        lambda: client.ask_service(place, StatusRequest(), dict),
    ):
        with pytest.raises(ConfigError, match="others may write it") as caught:
            side()
        assert caught.value.hint.endswith(f"chmod go-w {place.parent}")


def test_a_path_that_is_too_long_for_a_socket_is_told_by_both_sides(place):
    long = place.with_name("x" * 120)
    for side in (
        lambda: server.bind(long, ""),
        lambda: client.ask_service(long, StatusRequest(), dict),
    ):
        with pytest.raises(ConfigError, match="too long for a socket"):
            side()
    assert protocol.address(Path("/" + "x" * 106))
    with pytest.raises(ConfigError):
        protocol.address(Path("/" + "ä" * 54))


def test_a_group_that_is_not_there_is_told(place):
    with pytest.raises(ConfigError, match="there is no group 'no-such-group'"):
        server.bind(place, "no-such-group")
    assert not os.path.lexists(place) or place.stat().st_mode & 0o077 == 0


AS_NOBODY = """
import codecs, os, sys
import httpx2, pipeline.core.artifact, pipeline.cli.serve
from pipeline.__main__ import main
from serve import exposure, settings, status  # while root can
from serve.admin import client
from serve.rollout import desired, reconcile, sources
from serve.state import adapters
httpx2.Client(verify=False).close()
settings.load_settings(None)
for name in ("unicode_escape", "idna"):
    codecs.lookup(name)
os.setgroups([int(each) for each in sys.argv[2].split(",") if each])
os.setgid(65534)
os.setuid(65534)
raise SystemExit(main(sys.argv[3:] + ["--config", sys.argv[1]]))
"""


def as_nobody(config, groups, *argv):
    """Run a verb as another account."""
    return subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(config), groups, *argv],
        cwd=config.parent, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture
def open_to_all(tmp_path):
    """Let other accounts reach the test's folder, as pytest does not."""
    before = {}
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and str(folder).startswith("/tmp/"):  # noqa: S108
            before[folder] = folder.stat().st_mode
            folder.chmod(0o755)
    yield
    for folder, mode in before.items():
        folder.chmod(mode & 0o7777)


@ROOT_ONLY
@pytest.mark.usefixtures("open_to_all")
def test_another_account_writes_nothing_and_asks_only_as_a_member_of_the_group(
    served_by, engine, live, tmp_path
):
    import grp

    group = next(each for each in grp.getgrall() if each.gr_gid not in {0, NOBODY})
    served = served_by(engine, **{'group = ""': f'group = "{group.gr_name}"'})
    run = live.write_run(tmp_path / "build", MILLS)
    assert served.socket.stat().st_mode & 0o777 == 0o660
    assert served.socket.stat().st_gid == group.gr_gid

    done = as_nobody(served.config, "", "deploy")
    assert (done.returncode, "this account may not ask" in done.stderr) == (2, True)
    assert "group in serve.toml" in done.stderr
    assert as_nobody(served.config, "", "status").returncode == 0, "reading is free"

    done = as_nobody(served.config, str(group.gr_gid), "deploy", str(run))
    assert done.returncode == 0, done.stderr
    assert f"(uid {NOBODY}, process " in served.log.read_text()
    owners = {path.stat().st_uid for path in [served.state, *served.state.rglob("*")]}
    assert owners == {os.geteuid()}
    assert live_name(served)

    write = (
        "import os, sys\nfrom pathlib import Path\nos.setgid(65534)\nos.setuid(65534)\n"
        "state = Path(sys.argv[1])\ndenied = 0\n"
        "for path in [state, *state.rglob('*')]:\n"
        "    denied += not os.access(path, os.W_OK)\n"
        "assert denied == 1 + len(list(state.rglob('*'))), denied\n"
    )
    subprocess.run([sys.executable, "-c", write, str(served.state)], check=True)
