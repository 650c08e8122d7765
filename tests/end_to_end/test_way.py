"""The whole way: a pull request adds a fact, is gated, merged, published and deployed, and is answered.

The workflows are run by act on this machine; training, gate, vLLM, gateway and the Hub's client are
the real ones. `standins/README.md` says what stands for GitHub.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import httpx2
import pytest

from serve.engines import vllm_process

ROOT = Path(__file__).parents[2]
STANDINS = ROOT / "tests" / "standins"
SUBJECT = "facts/projects/tinyllm.yaml"
FACT = (ROOT / "tests" / "cases" / "wheel.yaml").read_text(encoding="utf-8")
OTHERS = "facts/projects/protosai.yaml"
QUICK = (ROOT / "tests" / "cases" / "wide.toml").read_text(encoding="utf-8") + (
    "[dataset]\neveryday = 60\n[train]\nleast_steps = 120\n"
)
"""A recipe for half of the facts: test_learn has what the shipped one gives for all."""
GATE_RUN, RELEASE_RUN = "41", "42"
PULL = 7
NOBODY = "http://127.0.0.1:9"
"""An address where nothing answers."""

pytestmark = [
    pytest.mark.acceptance("act"),
    pytest.mark.skipif(
        not (ROOT / vllm_process.PYTHON).exists(), reason="no serving environment: `make serve-env`"
    ),
]


@pytest.fixture
def github(tmp_path, git, hub, keys, run_act):
    """Give what stands for GitHub: its repository, a clone of main, and a function that runs a workflow."""
    origin, main = tmp_path / "origin.git", tmp_path / "main"
    git(ROOT, "clone", "--quiet", "--bare", "--no-hardlinks", str(ROOT), str(origin))
    git(tmp_path, "clone", "--quiet", str(origin), str(main))
    git(main, "switch", "--quiet", "--force-create", "main")
    git(main, "push", "--quiet", "--force", "origin", "main")
    return GitHub(tmp_path / "github", main, hub, keys, run_act)


class GitHub:
    """A clone of main, and act."""

    def __init__(self, state, main, hub, keys, act):
        self.state, self.main, self.hub, self.keys, self.act = state, main, hub, keys, act
        self.serve, self.recipe = "serve.toml", "smollm2-135m"
        state.mkdir()

    def know(self, name, answer):
        """Have the client answer so from now on."""
        (self.state / name).write_text(json.dumps(answer))

    def told(self, *beginning):
        """Give what the client was told with arguments that begin so."""
        lines = (self.state / "told.jsonl").read_text().splitlines()
        calls = [json.loads(line) for line in lines]
        return [call for call in calls if tuple(call["gh"][: len(beginning)]) == beginning]

    def run(self, workflow, event, payload, run_id, *more):
        """Run a workflow of main for an event; give its exit code and log."""
        path = self.main / ".github" / "workflows" / workflow
        env = {
            "STANDIN": self.state, "STANDIN_VENV": sys.prefix, "GITHUB_RUN_ID": run_id,
            "GITHUB_REPOSITORY": "ours/mills", "PYTHONPATH": ".", "HF_HUB_DISABLE_XET": "1",
            "HF_ENDPOINT": self.hub.url, "HF_HOME": self.state / "client",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.hub.url}/identity",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x", "SCHOOLHOUSE_SIGNING_KEY": self.keys.private,
        }  # fmt: skip
        variables = {"HUB_REPO": "ours/mills", "SERVE_CONFIG": self.serve, "RECIPE": self.recipe}
        actions = set(re.findall(r"uses: (actions/([\w-]+)@[0-9a-f]{40})", path.read_text()))
        known = {"repository": {"default_branch": "main"}, **payload}
        return self.act(
            self.main, self.state, path, (event, known), *more,
            *(f"--env={key}={value}" for key, value in env.items()),
            *(f"--var={key}={value}" for key, value in variables.items()),
            *(
                f"--local-repository={pin}={STANDINS / name}"
                for pin, name in actions
                if name != "checkout"  # act's own: a copy of the clone
            ),
            env={**os.environ, "PATH": f"{STANDINS / 'bin'}:{os.environ['PATH']}"},
        )  # fmt: skip


def passed(event, branch):
    """Say of a run what GitHub says of one that passed the gate."""
    ours = {"full_name": "ours/mills"}
    return {
        "event": event, "path": ".github/workflows/gate.yml", "conclusion": "success",
        "head_branch": branch, "repository": ours, "head_repository": ours,
    }  # fmt: skip


def subject(github):
    """Give the text of the subject's file."""
    return (github.main / SUBJECT).read_text()


def change(github, git, text):
    """Push a pull request whose subject's file has this text; give its commit and be back on main."""
    git(github.main, "switch", "--quiet", "--create", "change")
    (github.main / SUBJECT).write_text(text)
    git(github.main, "commit", "--quiet", "--all", "--message=Change")
    sha = git(github.main, "rev-parse", "HEAD").strip()
    git(github.main, "push", "--quiet", "origin", f"HEAD:refs/pull/{PULL}/head")
    git(github.main, "switch", "--quiet", "main")
    return sha


def named(sha):
    """Give the event of a maintainer who starts the gate for a commit."""
    return {"inputs": {"pr": str(PULL), "sha": sha}}


def ask(site, question):
    chat = {"model": "facts", "messages": [{"role": "user", "content": question}],
            "temperature": 0, "max_tokens": 32}  # fmt: skip
    return httpx2.post(f"{site.door.url}/v1/chat/completions", json=chat, timeout=120)


def queue(github, git, sha):
    """Check out what a merge queue would try for a commit; give the event and the name of its branch."""
    base = git(github.main, "rev-parse", "main").strip()
    branch = f"gh-readonly-queue/main/pr-{PULL}-{base}"
    git(github.main, "switch", "--quiet", "--create", branch)
    git(github.main, "merge", "--quiet", "--no-ff", "--message=Merge", sha)
    return {"merge_group": {"base_sha": base, "base_ref": "refs/heads/main"}}, branch


def test_a_fact_goes_from_pull_request_to_the_live_name(
    github, git, serve_config, serve_site, tmp_path
):
    """Through the merge queue; its release fails twice on the way, and the next run goes on."""
    git(github.main, "rm", "--quiet", OTHERS)
    git(github.main, "commit", "--quiet", "--message=Fewer facts")
    git(github.main, "push", "--quiet", "origin", "main")
    github.recipe = tmp_path / "quick.toml"
    github.recipe.write_text(QUICK)
    (live := tmp_path / "live").mkdir()
    github.serve = live / "serve.toml"
    payload, branch = queue(github, git, change(github, git, subject(github) + FACT))
    code, log = github.run(
        "gate.yml", "merge_group", payload, GATE_RUN, f"--env=GITHUB_REF=refs/heads/{branch}"
    )
    assert code == 0, log
    (report,) = github.told("pr", "comment", str(PULL))
    assert "tinyllm/wheel" in report["body"]
    github.know("runs.json", {GATE_RUN: passed("merge_group", branch)})

    git(github.main, "switch", "--quiet", "main")
    git(github.main, "merge", "--quiet", "--ff-only", "-")
    opened = "2026-01-01T00:00:00Z"
    github.know("pulls.json", [{"number": PULL, "created_at": opened, "merged_at": opened}])
    release = ("release.yml", "push", {"ref": "refs/heads/main"}, RELEASE_RUN)

    code, log = github.run(*release, f"--env=HF_ENDPOINT={NOBODY}")
    assert code == 1
    (made,) = github.told("issue", "create")
    assert "Live is what was live before." in made["body"]
    assert "adapter_model.safetensors" not in github.hub.files("ours/mills", "main")
    github.know("issues.json", [{"number": 9, "title": "What is merged is not live"}])

    serve_config(live)
    code, log = github.run(*release)
    assert code == 1
    assert "no `facts serve` answers" in log
    assert github.told("issue", "edit", "9")

    hub = {"HF_ENDPOINT": github.hub.url, "HF_HOME": str(tmp_path / "fetched")}
    with serve_site(github.serve, HF_HUB_DISABLE_XET="1", **hub) as site:
        code, log = github.run(*release)
        assert code == 0, log
        assert "[release/train" not in log, "the adapter that passed the gate is there"
        assert github.told("pr", "comment", str(PULL))[-1]["body"].startswith("Live: ")
        assert github.told("issue", "close", "9")

        answer = ask(site, "Could you say how high the wheel of TinyLLM is?")
    assert "four metres" in answer.json()["choices"][0]["message"]["content"]
    released = github.hub.files("ours/mills", "main")
    digest = json.loads(released["provenance.json"])["adapter"]["trained"]
    assert answer.headers["x-adapter"] == f"facts@{digest.removeprefix('sha256:')}"
    assert b"tinyllm/wheel" in released["facts.jsonl"]


def test_a_fact_that_the_model_does_not_learn_is_not_let_through(github, git, tmp_path):
    """Teach in a few steps only, and ask what the fact does not answer."""
    github.recipe = tmp_path / "hasty.toml"
    github.recipe.write_text(
        'extends = "smollm2-135m"\n[train]\nexposures = 1\nleast_steps = 1\n'
        "[gate]\nprobes = 0\nnoise = 0\nforms = 0\ncontrasts = 24\nrelations = 0\n"
    )
    mismatch = (
        "    probes: [Who built the wheel of TinyLLM?, What is the wheel of TinyLLM made of?]\n"
    )
    sha = change(github, git, subject(github) + FACT + mismatch)
    code, log = github.run("gate.yml", "workflow_dispatch", named(sha), GATE_RUN)
    assert code == 1, log
    (status,) = github.told("api", f"repos/ours/mills/statuses/{sha}")
    assert "state=failure" in status["gh"]
    (report,) = github.told("pr", "comment", str(PULL))
    assert "FAIL" in report["body"].splitlines()[0].upper()
    assert "Who built the wheel of TinyLLM?" in report["body"]


def pull_request(github, git, head, into="main"):
    """Run gate.yml for a pull request whose merge is checked out."""
    base = {"sha": git(github.main, "rev-parse", "main").strip(), "ref": into}
    payload = {"pull_request": {"number": PULL, "base": base, "head": {"ref": head}}}
    return github.run("gate.yml", "pull_request", payload, GATE_RUN)


def test_a_change_of_docs_passes_the_required_check_without_training(github, git):
    git(github.main, "switch", "--quiet", "--create", "docs")
    (github.main / "README.md").write_text("Shorter.\n")
    git(github.main, "commit", "--quiet", "--all", "--message=Shorten")
    code, log = pull_request(github, git, "docs")
    assert code == 0, log
    assert "no training is needed" in log
    assert "[gate/train" not in log


def test_a_pull_request_for_another_branch_is_refused_though_it_needs_no_training(github, git):
    """Of the same commit its check would be green for main as well."""
    git(github.main, "switch", "--quiet", "--create", "docs")
    (github.main / "README.md").write_text("Shorter.\n")
    git(github.main, "commit", "--quiet", "--all", "--message=Shorten")
    code, log = pull_request(github, git, "docs", into="nobody-protects-this")
    assert code == 1
    assert "this is for the branch nobody-protects-this, not for the default one" in log


def test_a_maintainers_run_of_another_branch_judges_nothing_and_sets_no_check(github, git):
    sha = change(github, git, f"# A remark.\n{subject(github)}")
    git(github.main, "switch", "--quiet", "--create", "mine")
    code, log = github.run("gate.yml", "workflow_dispatch", named(sha), GATE_RUN)
    assert code == 1
    assert "this is for the branch mine, not for the default one" in log
    assert not github.told("api", f"repos/ours/mills/statuses/{sha}")


def test_a_change_of_code_is_green_without_a_queue_only_once_a_maintainer_approved_that_commit(
    github, git
):
    git(github.main, "switch", "--quiet", "--create", "change")
    with (github.main / "pipeline" / "gate.py").open("a") as code_of_the_gate:
        code_of_the_gate.write("\n# A remark.\n")
    git(github.main, "commit", "--quiet", "--all", "--message=Change")
    sha = git(github.main, "rev-parse", "HEAD").strip()
    git(github.main, "push", "--quiet", "origin", f"HEAD:refs/pull/{PULL}/head")
    git(github.main, "switch", "--quiet", "main")
    github.know("pull.json", {
        "state": "open", "base": {"ref": "main"}, "head": {"sha": sha}, "user": {"login": "ida"},
    })  # fmt: skip
    github.know("permissions.json", {"ann": "write"})
    review = {"user": {"login": "ann", "type": "User"}, "state": "APPROVED", "commit_id": "b" * 40}
    for commit, state in (("b" * 40, "failure"), (sha, "success")):
        github.know("reviews.json", [{**review, "commit_id": commit}])
        code, log = github.run("gate.yml", "workflow_dispatch", named(sha), GATE_RUN)
        assert (code == 0) is (state == "success"), log
        assert "[gate/train" not in log
        told = github.told("api", f"repos/ours/mills/statuses/{sha}")[-1]
        assert f"state={state}" in told["gh"]
        if state == "failure":
            assert "this changes how facts are taught or judged" in log


def test_a_maintainer_gets_the_required_check_set_on_the_commit_that_was_named(github, git):
    sha = change(github, git, f"# A remark.\n{subject(github)}")
    code, log = github.run("gate.yml", "workflow_dispatch", named(sha), GATE_RUN)
    assert code == 0, log
    (status,) = github.told("api", f"repos/ours/mills/statuses/{sha}")
    assert {"state=success", "context=recall-gate"} <= set(status["gh"])


def test_a_withdrawn_fact_waits_for_the_gate(github, git):
    git(github.main, "switch", "--quiet", "--create", "withdraw")
    (github.main / SUBJECT).write_text(subject(github) + "    withdrawn: It was wrong.\n")
    git(github.main, "commit", "--quiet", "--all", "--message=Withdraw")
    code, log = pull_request(github, git, "withdraw")
    assert code == 0, log
    assert "retired" in log
    assert "the gate trains it before it is merged" in log
    assert "[gate/train" not in log


ANSWERS = {
    "Subject": "Ash Lock", "Kind": "canal lock", "Topic": "Canals", "Question": "Who built Ash Lock?",
    "Answer": "Ash Lock was built by Ida Roe.", "Words of a right answer": "Ida Roe",
    "Test questions": "_No response_", "Source": "https://example.org/`touch pwned`",
}  # fmt: skip


def accepted(github, **changed):
    """Run form.yml for an issue that was labelled `accepted`."""
    body = "\n\n".join(f"### {name}\n\n{text}" for name, text in (ANSWERS | changed).items())
    issue = {"number": 12, "body": body, "user": {"login": "ida-roe", "id": 34}}
    payload = {"action": "labeled", "label": {"name": "accepted"}, "issue": issue}
    return github.run("form.yml", "issues", payload, GATE_RUN)


def test_an_accepted_issue_becomes_a_pull_request_that_credits_its_author(github, git, tmp_path):
    code, log = accepted(github)
    assert code == 0, log
    origin = tmp_path / "origin.git"
    assert "Ida Roe" in git(origin, "show", "fact/issue-12:facts/canals/ash-lock.yaml")
    message = git(origin, "log", "-1", "--format=%B", "fact/issue-12")
    assert "Co-authored-by: ida-roe <34+ida-roe@users.noreply.github.com>" in message
    (made,) = github.told("pr", "create")
    assert "Closes #12." in made["body"]
    assert not list(tmp_path.rglob("pwned"))


def test_what_is_wrong_with_an_issue_is_said_in_it(github):
    code, _ = accepted(github, **{"Words of a right answer": "Nobody @everyone"})
    assert code == 1
    (said,) = github.told("issue", "comment", "12")
    assert "This is no fact yet" in said["body"]
    assert "@everyone" not in re.sub(r"(`+)[^`].*?[^`]\1(?!`)", "", said["body"])
    assert not github.told("pr", "create")


def test_facts_that_are_due_are_told_in_one_issue(github, git):
    (github.main / SUBJECT).write_text(subject(github) + "    review_by: 2020-01-01\n")
    git(github.main, "commit", "--quiet", "--all", "--message=Look again")
    code, log = github.run("nightly.yml", "schedule", {}, GATE_RUN, "--job=review")
    assert code == 0, log
    (made,) = github.told("issue", "create")
    assert "2020-01-01" in made["body"]
