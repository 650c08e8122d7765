"""GitHub's REST API is a double that answers over HTTP from files: tests/cases/settings."""

from __future__ import annotations

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.ci import settings_rules
from pipeline.cli.main import main

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "settings"
FINE = json.loads((CASES / "fine.json").read_text())
BROKEN = sorted((CASES / "broken").glob("*.json"))
OWNED = "* @ours/keepers\n/facts/\n"


class GitHub:
    """A server that gives each path its status and text; it keeps what it was asked."""

    def __init__(self):
        self.answers = {path: (200, json.dumps(data)) for path, data in FINE.items()}
        self.asked = []
        github = self

        class Handler(BaseHTTPRequestHandler):
            """Answers GET, and any other method with 501."""

            def do_GET(self):
                """Answer a path, whatever its query."""
                github.asked.append((self.path, self.headers["Authorization"]))
                path = self.path.partition("?")[0].removeprefix("/")
                status, text = github.answers.get(path, (404, "{}"))
                self.send_response(status)
                if status == 301:
                    self.send_header("Location", f"{github.url}/elsewhere")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def change(self, path, change):
        """Answer otherwise from now on: another status, another text, or one rule of another kind."""
        if "rule" in change:
            rules = json.loads(self.answers[path][1])
            ours = next(rule for rule in rules if rule["type"] == change["rule"])
            if change["parameters"] is None:
                rules.remove(ours)
            else:
                ours["parameters"] |= change["parameters"]
            change = {"json": rules}
        self.answers[path] = (change.get("status", 200), json.dumps(change.get("json", {})))


@pytest.fixture
def github(monkeypatch):
    """Run the double; have the command ask it."""
    double = GitHub()
    thread = threading.Thread(target=double.http.serve_forever, args=(0.01,))
    thread.start()
    for key, value in {
        "GITHUB_API_URL": double.url, "GITHUB_REPOSITORY": "ours/facts", "GH_TOKEN": "t0",
    }.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    yield double
    double.http.shutdown()
    double.http.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    """Work in a checkout whose owners are filled in; give its folder."""
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    (tmp_path / ".github" / "CODEOWNERS").write_text(OWNED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(capsys):
    """Run the command; give its exit code and what is not fine, by name."""
    code = main(["ci", "settings", "--json"])
    told = json.loads(capsys.readouterr().out)
    states = {each["name"]: each["state"] for each in told["settings"]}
    assert len(states) == len(told["settings"]), "each has a name of its own"
    return code, {name: state for name, state in states.items() if state != "fine"}, told


def test_where_all_is_as_it_must_be_nothing_lacks_and_nothing_is_changed(github, capsys):
    code, wrong, told = settings(capsys)
    assert (code, wrong) == (0, {})
    assert told["fine"] >= 20
    assert {token for _, token in github.asked} == {"Bearer t0"}
    unasked = set(FINE) - {path.partition("?")[0][1:] for path, _ in github.asked}
    assert not unasked, "the case holds nothing that is not looked at"


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_each_setting_that_is_otherwise_is_named_and_nothing_else(github, checkout, capsys, path):
    case = json.loads(path.read_text())
    for place, change in case.get("answers", {}).items():
        github.change(place, change)
    for name, text in case.get("files", {}).items():
        if text is None:
            (checkout / name).unlink()
        else:
            (checkout / name).write_text(text)
    code, wrong, told = settings(capsys)
    assert wrong == case["findings"]
    assert code == (1 if "lacking" in wrong.values() else 0)
    for each in told["settings"]:
        assert each["why"]
        assert bool(each["mend"]) == (each["state"] != "fine")
        assert (each["found"] == "cannot be seen with this token") == (each["state"] == "unseen")


def test_with_a_token_that_sees_the_repository_alone_nothing_on_github_is_said_to_be_fine(
    github, capsys
):
    for path in set(github.answers) - {"repos/ours/facts"}:
        github.change(path, {"status": 403})
    _, wrong, told = settings(capsys)
    assert set(wrong.values()) == {"unseen"}
    fine = {each["name"] for each in told["settings"] if each["state"] == "fine"}
    assert {name for name in fine if not name.startswith("branches of ")} == {
        "default branch",
        "owners",
    }


def test_the_text_says_what_lacks_why_it_matters_and_what_mends_it_and_obeys_nothing(
    github, capsys
):
    actors = [{"actor_id": 5, "actor_type": "x\x1b[2J\n::error::y"}]
    github.change("repos/ours/facts/rulesets/21", {"json": {"bypass_actors": actors}})
    github.change("repos/ours/facts/rules/branches/main", {"rule": "deletion", "parameters": None})
    assert main(["ci", "settings"]) == 1
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert lines[0] == "lacking rule deletion: there is no such rule"
    assert "another in its place" in lines[1]
    assert lines[2].endswith(
        "gh api --method PUT repos/ours/facts/rulesets/21 --input .github/ruleset.json"
    )
    assert lines[-1].startswith("2 lacking, 0 cannot be seen")
    assert "\x1b" not in shown
    assert not any(line.startswith("::") for line in lines)


def test_without_any_ruleset_the_command_that_makes_one_is_told(github, capsys):
    github.change("repos/ours/facts/rules/branches/main", {"json": []})
    main(["ci", "settings"])
    assert (
        "do:  gh api repos/ours/facts/rulesets --input .github/ruleset.json"
        in capsys.readouterr().out
    )


def test_the_ruleset_that_is_handed_out_is_the_one_that_is_looked_for(github, capsys):
    """As GitHub gives back what was sent to it."""
    both = [(settings_rules.FILE, 21), (settings_rules.QUEUE_FILE, 22)]
    queue = json.loads((CASES / "broken" / "a-merge-queue.json").read_text())["answers"]
    for path, change in queue.items():
        github.change(path, change)
    sent = [
        {**rule, "ruleset_id": number, "ruleset_source_type": "Repository"}
        for file, number in both
        for rule in json.loads((ROOT / file).read_text())["rules"]
    ]
    github.change("repos/ours/facts/rules/branches/main", {"json": sent})
    assert settings(capsys)[:2] == (0, {})
    docs = (ROOT / "docs" / "runner.md").read_text()
    for file, _ in both:
        data = json.loads((ROOT / file).read_text())
        assert data["enforcement"] == "active"
        assert data["bypass_actors"] == []
        assert data["conditions"]["ref_name"] == {"include": ["~DEFAULT_BRANCH"], "exclude": []}
        assert f"--input {file}" in docs, "the docs hand out the same file"


def test_a_redirect_is_not_followed_with_the_token(github, capsys):
    github.change("repos/ours/facts", {"status": 301})
    assert main(["ci", "settings"]) == 2
    assert "as it is called now" in capsys.readouterr().err
    assert not any("elsewhere" in path for path, _ in github.asked)


@pytest.mark.parametrize("text", ["no JSON", "[" * 100_000, '{"default_branch": 1}', "[]", "null"])
def test_an_answer_that_is_something_else_is_told(github, capsys, text):
    github.answers["repos/ours/facts"] = (200, text)
    assert main(["ci", "settings"]) in (1, 2)
    assert "GitHub's answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value"),
    [("GITHUB_REPOSITORY", ""), ("GITHUB_REPOSITORY", "ours/facts/../x"), ("GITHUB_REPOSITORY", "a b/c"),
     ("GH_TOKEN", ""), ("GH_TOKEN", "x\r\nHost: y"), ("GITHUB_API_URL", "http://127.0.0.1:9"),
     ("GITHUB_API_URL", "file:///etc/passwd")],
)  # fmt: skip
def test_wrong_usage_is_said_and_nothing_is_asked(github, monkeypatch, capsys, key, value):
    monkeypatch.setenv(key, value)
    assert main(["ci", "settings"]) == 2
    assert "hint:" in capsys.readouterr().err
    assert not github.asked


def test_json_is_for_the_settings_alone():
    assert main(["ci", "report", "--json"]) == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ((ROOT / ".github" / "CODEOWNERS").read_text(), 3), ("* @owner\n", 1), ("", 1),
        ("/facts/\n* @a\n", 1),
        ("# @OWNER\n\n* @a # @b\n*.yml\n", 4), ("* nobody\n", 1), ("* @a\n/x @b @OWNER\n", 2),
        (OWNED, 0), ("* @a\n/facts/people/\n/pipeline/ b@example.org\n", 0),
    ],
)  # fmt: skip
def test_the_check_warns_in_its_log_until_the_owners_are_filled_in(checkout, capsys, text, line):
    (checkout / ".github" / "CODEOWNERS").write_text(text)
    assert main(["ci", "owners"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"::warning file=.github/CODEOWNERS,line={line}::") is (line > 0)
    assert bool(shown) is (line > 0)
