"""The hook that guards the GPU's machine, in a tree of processes that stands for the runner."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from support import runner

pytestmark = pytest.mark.slow

RUNNER = Path(__file__).parents[2] / ".github" / "runner"
REPO = "ours/facts"
FILES = f"{REPO}/.github/workflows"
QUEUE = "refs/heads/gh-readonly-queue/main/pr-7-0123"
MAIN = "refs/heads/main"
RELEASE = ("push", f"{FILES}/release.yml@{MAIN}")
PULL = ("pull_request", f"{FILES}/gate.yml@refs/pull/7/merge")
SECONDS = 60

ALLOWED = [
    ("merge_group", f"{FILES}/gate.yml@{QUEUE}"),
    ("workflow_dispatch", f"{FILES}/gate.yml@{MAIN}"),
    RELEASE,
    ("workflow_dispatch", f"{FILES}/release.yml@{MAIN}"),
    ("schedule", f"{FILES}/nightly.yml@{MAIN}"),
    ("workflow_dispatch", f"{FILES}/nightly.yml@{MAIN}"),
]
REFUSED = [
    PULL,
    ("pull_request", f"{FILES}/gate.yml@{MAIN}"),
    ("pull_request_target", f"{FILES}/gate.yml@{MAIN}"),
    ("workflow_run", f"{FILES}/gate.yml@{MAIN}"),
    ("issue_comment", f"{FILES}/gate.yml@{MAIN}"),
    ("push", f"{FILES}/gate.yml@{MAIN}"),
    ("push", f"{FILES}/release.yml@refs/heads/other"),
    ("push", f"{FILES}/release.yml@{MAIN}-2"),
    ("push", f"{FILES}/evil.yml@{MAIN}"),
    ("workflow_dispatch", f"{FILES}/gate.yml@refs/heads/main-2"),
    ("workflow_dispatch", f"{FILES}/gate.yml@refs/tags/main"),
    ("merge_group", f"{FILES}/gate.yml@{MAIN}"),
    ("merge_group", f"{FILES}/gate.yml@refs/heads/gh-readonly-queue/main/"),
    ("merge_group", f"{FILES}/evil.yml@{QUEUE}"),
    ("merge_group", f"theirs/facts/.github/workflows/gate.yml@{QUEUE}"),
    ("merge_group", f"{FILES}/gate.yml@refs/heads/gh-readonly-queue/other/pr-7"),
    ("", ""),
    ("*", "*"),
    ("push\nx", f"{FILES}/release.yml@{MAIN}"),
    ("push", f"{FILES}/release.yml@{MAIN}" + "x" * 60_000),
]
FAKE = "() { return 0; }"
HOSTILE = {
    "search path": {"PATH": "."},
    "no search path": {"PATH": ""},
    "variables of ours": {
        "EVENT": RELEASE[0], "WORKFLOW": RELEASE[1], "REPOSITORY": REPO, "PPID": "1", "worker": "1",
        "SCHOOLHOUSE_ALLOWED": "anything",
    },
    "functions": {
        f"BASH_FUNC_{name}%%": FAKE
        for name in ("exit", "kill", "printf", "trap", "set", "read", "sleep", "logger", "env",
                     "bash", "exec", "builtin", "command", "local", "allowed", "end", "field")
    },
    "other start files": {"ENV": "./start", "HOME": "."},
    "another shell": {"POSIXLY_CORRECT": "1", "BASHOPTS": "extdebug:expand_aliases", "SHELL": "./x"},
    "separators": {"IFS": "/:", "GLOBIGNORE": "*", "CDPATH": "/", "BASH_ARGV0": "/x/y"},
    "language": {"LANG": "x", "LC_ALL": "tr_TR.UTF-8", "LANGUAGE": "x"},
}  # fmt: skip
"""What an environment could bring along, if any of a job's `env:` ever reached the hook. No script helps
against what acts before its first line: BASH_ENV, SHELLOPTS, LD_PRELOAD, a function that bash refuses."""


def place(folder, repository=f"{REPO}\n"):
    """Install the hook as install.sh does; give the path that the service names."""
    for name in ("job-started.sh", "admit.sh"):
        shutil.copy2(RUNNER / name, folder)
    if repository is not None:
        (folder / "repository").write_text(repository)
    return folder / "job-started.sh"


def begin(folder, job, hook, *, before=(), given=REPO, leaked=None, user=None):
    """Start the runner on a job."""
    (folder / "ran").mkdir()
    names = ("GITHUB_EVENT_NAME", "GITHUB_WORKFLOW_REF", "GITHUB_REPOSITORY")
    contexts = dict(zip(names, (*job, given), strict=True)) if job else {}
    (folder / "job.json").write_text(json.dumps({
        "hook": str(hook), "contexts": contexts, "leaked": leaked or {},
        "env": {"BASH_ENV": "/dev/null", "LD_PRELOAD": ""}, "as": {"user": user} if user else {},
    }))  # fmt: skip
    listener = [sys.executable, runner.__file__, "listener", folder]
    return subprocess.Popen(
        [*before, "/bin/bash", "-c", '"$@"; exit 0', "run.sh", *listener],
        env={"PATH": os.environ["PATH"]}, start_new_session=True,
    )  # fmt: skip


def outcome(folder, process):
    """Wait for the runner's end; give what ran, what was said, and what GitHub was told."""
    process.wait(SECONDS)
    result = folder / "result"
    return SimpleNamespace(
        ran={path.name for path in (folder / "ran").iterdir()},
        log=(folder / "log").read_text(),
        result=result.read_text() if result.exists() else "",
        group=process.pid,
    )


@pytest.fixture
def run(tmp_path):
    """Give a function that runs one job to its end."""

    def run(job, hook, **options):
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        return outcome(folder, begin(folder, job, hook, **options))

    return run


@pytest.fixture(scope="module")
def hook(tmp_path_factory):
    """Give the hook of the repository ours/facts."""
    return place(tmp_path_factory.mktemp("opt"))


@pytest.fixture(scope="module")
def refused(tmp_path_factory, hook):
    """Run all jobs that must be refused, side by side: each waits for its log to be sent."""
    jobs = {job: (job, {}) for job in REFUSED}
    jobs |= {name: (PULL, {"leaked": leaked}) for name, leaked in HOSTILE.items()}
    jobs["no variables"] = (None, {})
    jobs["another repository"] = (RELEASE, {"given": "theirs/facts"})
    folders = {name: tmp_path_factory.mktemp("job") for name in jobs}
    started = {
        name: begin(folders[name], job, hook, **options) for name, (job, options) in jobs.items()
    }
    return {name: outcome(folders[name], process) for name, process in started.items()}


ALL = {
    "container-setup", "plain", "always", "not-cancelled", "action", "pre-action", "post-action",
    "action-always", "pre-action-always", "post-action-always", "composite", "in-composite-1",
    "in-composite-2", "container",
}  # fmt: skip


@pytest.mark.parametrize("job", ALLOWED, ids="-".join)
def test_what_was_approved_runs_with_all_of_its_steps(run, hook, job):
    done = run(job, hook)
    assert done.ran == ALL
    assert (done.result, done.log) == ("succeeded", "")


@pytest.mark.parametrize("leaked", HOSTILE.values(), ids=HOSTILE)
def test_no_environment_keeps_an_approved_job_out(run, hook, leaked):
    assert run(RELEASE, hook, leaked=leaked).result == "succeeded"


@pytest.mark.parametrize("job", range(len(REFUSED)))
def test_a_refused_job_runs_nothing_more(refused, job):
    done = refused[REFUSED[job]]
    assert done.ran == set()
    assert done.result == "failed: the worker died"
    assert done.log.startswith("::error::this runner refuses ")


@pytest.mark.parametrize("name", [*HOSTILE, "no variables", "another repository"])
def test_a_refused_job_runs_nothing_more_whatever_its_environment(refused, name):
    done = refused[name]
    assert done.ran == set()
    assert done.result == "failed: the worker died"


def test_a_hook_that_only_fails_lets_the_rest_of_the_job_run(run, tmp_path):
    """Why it has to end the worker; this also shows that the model tells the two apart."""
    only_fails = tmp_path / "fails.sh"
    only_fails.write_text("exit 1\n")
    done = run(PULL, only_fails)
    assert done.result == "failed"
    assert done.ran == (ALL | {"failure"}) - {"container-setup", "plain", "action"}


@pytest.mark.parametrize("repository", [None, "", "*\n", "ours/facts", ".*/.*\n", "ours/facts x\n"])
def test_a_list_that_cannot_be_made_sure_of_allows_nothing(run, tmp_path, repository):
    opt = tmp_path / "opt"
    opt.mkdir()
    done = run(RELEASE, place(opt, repository))
    assert done.ran == set()
    assert "this runner refuses push" in done.log


def test_nothing_of_a_refused_job_is_left_and_the_next_one_runs(refused, run, hook, until):
    groups = {done.group for done in refused.values()}

    def left():
        return [p for p in psutil.process_iter(["status"]) if alive(p) and group(p) in groups]

    until(lambda: not left(), 60)  # the hook gives a listener half a minute to tell GitHub
    assert run(RELEASE, hook).ran == ALL


def test_names_from_a_stranger_can_do_nothing_in_the_log(run, hook):
    hostile = f"{FILES}/gate.yml@refs/heads/$(touch pwned)\n::add-mask::x;`touch pwned`"
    done = run(("pull_request", hostile), hook)
    assert len(done.log.splitlines()) == 1
    assert "pwned" not in done.ran


def alive(process):
    return process.info["status"] != psutil.STATUS_ZOMBIE


def group(process):
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def held(folder, process, sign):
    """Wait until the hook has said something twice, see that nothing ran, and end the runner."""
    try:
        until = time.monotonic() + SECONDS
        log = folder / "log"
        while not (log.exists() and log.read_text().count(sign) >= 2):
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        assert process.poll() is None
        assert list((folder / "ran").iterdir()) == []
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS)


def test_a_hook_that_cannot_decide_never_returns(tmp_path):
    opt = tmp_path / "opt"
    opt.mkdir()
    hook = place(opt)
    (opt / "admit.sh").unlink()
    held(tmp_path, begin(tmp_path, RELEASE, hook), "admit.sh: No such file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run the hook as somebody else")
def test_a_hook_that_cannot_end_the_worker_never_returns():
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # pytest's own is closed to others
        folder = Path(name)
        folder.chmod(0o755)
        held(folder, begin(folder, PULL, place(folder), user=65534), "Operation not permitted")


APART = ["unshare", "--map-root-user", "--mount"]
"""A process with mounts of its own, where it may be root and put its files in the place of others."""
apart = pytest.mark.skipif(
    subprocess.run([*APART, "true"], check=False, capture_output=True).returncode != 0,
    reason="needs mounts of its own (unshare)",
)
OWN_LOG = """\
set -e
mount -t tmpfs none "$1" && mkdir "$1/dev" && mount --rbind /dev "$1/dev" && mount -t tmpfs none /dev
for node in null urandom; do : >/dev/$node; mount --bind "$1/dev/$node" /dev/$node; done
ln -s "$2" /dev/log
shift 2
exec "$@"
"""


@apart
def test_a_refusal_is_kept_in_the_machine_s_own_log(run, hook, tmp_path):
    (tmp_path / "mnt").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        log.settimeout(SECONDS)
        run(
            PULL,
            hook,
            before=[*APART, "sh", "-c", OWN_LOG, "sh", tmp_path / "mnt", tmp_path / "log"],
        )
        said = log.recv(4096).decode()
    assert f"schoolhouse-runner: this runner refuses pull_request from {PULL[1]}" in said


MACHINE = """\
set -e
mount -t tmpfs -o "size=$2" none /var/lib
mkdir -p /var/lib/schoolhouse-runner/job/runner && : >/var/lib/schoolhouse-runner/job/runner/evil
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/passwd" /etc/group
mount --bind "$1/curl" /usr/bin/curl && mount --bind "$1/opt" /opt
/opt/schoolhouse/register.sh
cd /var/lib/schoolhouse-runner/job
find . -type f
cat registration
"""
CURL = """\
#!/bin/sh
cat >>"$RECORD"
echo "$@" >>"$RECORD"
echo '{"encoded_jit_config": "secret of one job"}'
"""


@pytest.fixture
def register(tmp_path):
    """Give a function that runs register.sh on a machine of its own, where GitHub is what curl tells."""
    for name in ("curl", "jq"):
        if not Path("/usr/bin", name).exists():
            pytest.skip(f"needs {name}")
    opt = tmp_path / "opt" / "schoolhouse"
    (opt / "actions-runner").mkdir(parents=True)
    (opt / "actions-runner" / "run.sh").write_text("")
    shutil.copy2(RUNNER / "register.sh", opt)
    (opt / "repository").write_text(f"{REPO}\n")
    (tmp_path / "passwd").write_text("root:x:0:0::/:\ngpu-runner:x:0:0::/:\n")
    (tmp_path / "curl").write_text(CURL)
    (tmp_path / "curl").chmod(0o755)

    def register(group="", free="30g"):
        (opt / "group").write_text(f"{group}\n")
        done = subprocess.run(
            [*APART, "sh", "-c", MACHINE, "sh", tmp_path, free],
            env={**os.environ, "RECORD": str(tmp_path / "record")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        asked = tmp_path / "record"
        return done, asked.read_text() if asked.exists() else ""

    return register


@apart
@pytest.mark.parametrize(
    ("group", "number", "where"),
    [("", 1, f"repos/{REPO}"), ("7", 7, "orgs/ours")],
)
def test_nothing_of_the_job_before_is_left_when_the_next_runner_registers(
    register, group, number, where
):
    done, asked = register(group)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        "./registration",
        "./runner/run.sh",
        "secret of one job",
    ]
    assert f'"runner_group_id": {number}' in asked
    assert f"https://api.github.com/{where}/actions/runners/generate-jitconfig" in asked


@apart
def test_no_runner_registers_on_a_disk_that_is_almost_full(register):
    done, asked = register(free="1g")
    assert done.returncode == 1
    assert "less than 20 GB free" in done.stderr
    assert asked == ""


@pytest.mark.parametrize("script", sorted(RUNNER.glob("*.sh")), ids=lambda path: path.name)
def test_the_scripts_are_executable_and_parse(script):
    assert os.access(script, os.X_OK)
    assert subprocess.run(["/bin/bash", "-n", script], check=False).returncode == 0


def test_the_service_takes_the_next_job_after_a_killed_one_and_brings_no_shell_settings_along():
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(RUNNER / "schoolhouse-runner.service")
    service = unit["Service"]
    assert service["Restart"] == "always"
    assert service["KillMode"] == "control-group"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    before = {
        "BASH_ENV",
        "ENV",
        "SHELLOPTS",
        "BASHOPTS",
        "LD_PRELOAD",
        "LD_AUDIT",
        "LD_LIBRARY_PATH",
    }
    assert before <= set(service["UnsetEnvironment"].split())
