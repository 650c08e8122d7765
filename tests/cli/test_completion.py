from __future__ import annotations

import shutil
import subprocess

import pytest

from pipeline.cli.main import main

ASK = {
    "bash": """
{script}
COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()
_shtab_facts facts "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf "%s\\n" "${{COMPREPLY[@]}}"
""",
    "fish": "{script}\ncomplete -C '{line}' | cut -f1",
}
"""How a shell is asked, without a terminal, what it would offer."""


def script(shell, capsys):
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ASK)
@pytest.mark.parametrize(
    ("line", "offered"),
    [("facts le", "learn"), ("facts learn --rec", "--recipe"), ("facts ci pl", "plan"),
     ("facts check pyproj", "pyproject.toml")],
)  # fmt: skip
def test_a_shell_completes_verbs_options_choices_and_files(shell, line, offered, capsys):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed; its script is still looked at below")
    asked = ASK[shell].format(script=script(shell, capsys), line=line)
    answer = subprocess.run([shell, "-c", asked], capture_output=True, text=True, check=True)
    assert offered in answer.stdout.split(), answer.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_names_verbs_and_options(shell, capsys):
    text = script(shell, capsys)
    for name in ("learn", "rollback", "completion", "recipe"):
        assert name in text


def test_an_unknown_shell_is_wrong_usage_and_the_shells_are_named(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["completion", "csh"])
    assert stopped.value.code == 2
    assert "fish" in capsys.readouterr().err
