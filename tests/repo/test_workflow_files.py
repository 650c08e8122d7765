"""What cannot be run on this machine is read: the workflows' permissions, pins, needs and scripts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
FILES = sorted((GITHUB / "workflows").glob("*.yml"))
TRUSTED = {"contents": "read"}
PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40}")


def load(path):
    """Read a workflow; its key `on` is a boolean to YAML 1.1."""
    data = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in data.items()}


JOBS = [
    pytest.param(job, id=f"{path.stem}-{name}")
    for path in FILES
    for name, job in load(path)["jobs"].items()
]
THAT_SIGN = [job for job in JOBS if "id-token" in job.values[0]["permissions"]]
OF_PULL_REQUESTS = [
    pytest.param(job, id=f"{path.stem}-{name}")
    for path in FILES
    if "pull_request" in load(path)["on"]
    for name, job in load(path)["jobs"].items()
]


def run(tool, *argv):
    return subprocess.run(
        [str(Path(sys.executable).parent / tool), *argv],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def steps(job, key):
    return [step[key] for step in job["steps"] if key in step]


def test_the_security_linter_finds_nothing():
    done = run("zizmor", "--offline", "--persona=pedantic", "--strict-collection", ".github")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_docs_name_the_workflow_that_signs():
    signing = [
        path.name
        for path in FILES
        for job in load(path)["jobs"].values()
        if (job.get("permissions") or {}).get("id-token") == "write"
        and any(
            "publish --to" in script and "--promote" not in script for script in steps(job, "run")
        )
    ]
    docs = (ROOT / "docs" / "publishing.md").read_text()
    named = re.findall(r"\.github/workflows/([\w-]+\.yml)@refs/heads/main", docs)
    assert named
    assert set(named) == set(signing)


@pytest.mark.parametrize(
    "schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"]
)
def test_the_workflows_fit_their_schema_and_every_job_has_a_timeout(schema):
    done = run("check-jsonschema", "--builtin-schema", schema, *map(str, FILES))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "path"),
    [("github-issue-forms", "ISSUE_TEMPLATE/fact.yml"), ("dependabot", "dependabot.yml")],
)
def test_what_else_github_reads_fits_its_schema(schema, path):
    done = run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", str(GITHUB / path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_workflow_has_no_rights_of_its_own_and_is_not_started_by_strangers(path):
    data = load(path)
    assert data["permissions"] == {}
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(data["on"])


@pytest.mark.parametrize("job", JOBS)
def test_scripts_hold_no_expression_and_actions_are_pinned(job):
    assert not any("${{" in script for script in steps(job, "run"))
    assert all(PINNED.fullmatch(action) for action in steps(job, "uses"))


@pytest.mark.parametrize("job", JOBS)
def test_the_gpu_is_used_by_one_job_at_a_time_that_can_write_nothing(job):
    if "self-hosted" not in job["runs-on"]:
        assert job["runs-on"].startswith("ubuntu-")
        return
    assert job["concurrency"] == {"group": "gpu-trainer", "queue": "max"}
    assert job["permissions"] == TRUSTED
    assert "secrets." not in str(job)


@pytest.mark.parametrize("job", THAT_SIGN)
def test_a_job_that_may_sign_installs_nothing_but_files_with_a_known_digest(job):
    """What runs there could sign and publish anything in our name."""
    scripts = "\n".join(steps(job, "run"))
    assert not re.search(r"\b(pip3?|pipx|uvx?|conda|npm|npx|apt(-get)?|curl|wget)\b", scripts)
    targets = re.findall(r"\bmake +(\S+)", scripts)
    assert targets, "it has to have its libraries from somewhere"
    for target in targets:
        done = subprocess.run(
            ["make", "--dry-run", "--always-make", target, "PYTHON=python3"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        installs = [line for line in done.stdout.splitlines() if "pip" in line.split()]
        assert installs
        for line in installs:
            assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(line.split())


def test_the_jobs_that_sign_are_those_that_publish():
    assert {job.id for job in THAT_SIGN} == {"release-publish", "release-promote"}


@pytest.mark.parametrize("job", OF_PULL_REQUESTS)
def test_a_job_for_pull_requests_only_reads(job):
    asked = ("github.event_name != 'pull_request'", "github.event_name == 'workflow_dispatch'")
    guarded = any(each in job.get("if", "") for each in asked)
    assert guarded or job["permissions"] == TRUSTED
    assert "secrets." not in str(job)


def test_the_required_check_always_reports_and_watches_every_job_before_it():
    data = load(GITHUB / "workflows" / "gate.yml")
    jobs = data["jobs"]
    gate = jobs["gate"]
    assert gate["if"] == "always()"
    after = {name for name, job in jobs.items() if "gate" in job.get("needs", ())}
    assert set(gate["needs"]) == set(jobs) - after - {"gate"}
    assert set(data["on"]) == {"pull_request", "merge_group", "workflow_dispatch"}
    # Filters of paths would leave the check pending for ever; a change for another branch needs none.
    assert all(
        data["on"][event] == {"branches": ["main"]} for event in ("pull_request", "merge_group")
    )
    asked = {"EVENT", "BRANCH", "DEFAULT", "PLAN", "TRAINING", "JUDGING", "TRAIN", "REVIEWED"}
    assert set(gate["env"]) == asked
    assert not any("continue-on-error" in job for job in jobs.values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_people_start_or_ask_for_is_for_the_default_branch_alone(path):
    """A run that a person starts may be of any branch: there it must not tell, publish or set a check."""
    data = load(path)
    if "pull_request" in data["on"]:
        assert data["on"]["pull_request"] == {"branches": ["main"]}
    if "push" in data["on"]:
        assert data["on"]["push"]["branches"] == ["main"]
    writing = [
        name
        for name, job in data["jobs"].items()
        if "write" in job["permissions"].values() and "workflow_dispatch" in data["on"]
    ]
    for name in writing:
        job = data["jobs"][name]
        here = "github.ref == 'refs/heads/main'" in job.get("if", "")
        after = "find" in job.get("needs", ()) or "deploy" in job.get("needs", ())
        planned = path.stem == "gate" and "needs.plan.result == 'success'" in str(job["steps"])
        assert here or after or planned, name


def test_a_release_begins_by_asking_for_its_branch():
    find = load(GITHUB / "workflows" / "release.yml")["jobs"]["find"]
    assert steps(find, "run")[0] == "python3 -m pipeline ci main"


def test_the_required_checks_sample_is_drawn_by_what_no_author_chooses():
    train = load(GITHUB / "workflows" / "gate.yml")["jobs"]["train"]
    assert train["env"]["SAMPLE_KEY"] == "${{ github.sha }}-${{ github.run_id }}"
    assert any('--sample-key "$SAMPLE_KEY"' in script for script in steps(train, "run"))


def test_releases_wait_for_each_other_and_none_is_dropped():
    """A second merge while the first is deployed: its run begins when the first has ended."""
    release = load(GITHUB / "workflows" / "release.yml")
    assert release["concurrency"] == {"group": "release", "queue": "max"}
