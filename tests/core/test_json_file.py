"""Foreign JSON is what a type says, or told in our own words with its place."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from pipeline.core import config, json_file, toml_file
from pipeline.core.errors import ConfigError
from pipeline.core.json_file import MisfitError

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Wheel:
    """A part."""

    teeth: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mill:
    """A whole."""

    owner: str
    wheels: tuple[Wheel, ...]
    power: float = 0.0
    spare: Wheel | None = None
    by: Literal["water", "wind"] = "water"


def test_what_fits_is_read_as_its_types_say():
    raw = b'{"owner": "Ann", "wheels": [{"teeth": 7}], "power": 2, "spare": {"teeth": 1, "names": ["a"]}}'
    assert json_file.read_json(Mill, raw) == Mill(
        "Ann", (Wheel(7),), power=2.0, spare=Wheel(1, ("a",))
    )


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ('{"owner": "Ann", "wheels": [{"teeth": "7"}]}', "wheels[0].teeth: '7' is not a whole number"),
        ('{"owner": "Ann", "wheels": [{"teeth": true}]}', "wheels[0].teeth: True is not a whole number"),
        ('{"owner": "Ann", "wheels": [{"teeth": 7.0}]}', "wheels[0].teeth: 7.0 is not a whole number"),
        ('{"owner": null, "wheels": []}', "owner: None is not text"),
        ('{"owner": "Ann", "wheels": {}}', "wheels: {} is not a list"),
        ('{"owner": "", "wheels": [{"teeth": 1, "names": 2}]}', "wheels[0].names: 2 is not a list of texts"),
        ('{"owner": "Ann", "wheels": [], "spare": 1}', "spare: 1 is not a table of keys"),
        ('{"owner": "Ann", "wheels": [], "by": "hand"}', "by: 'hand' is not 'water' or 'wind'"),
        ('{"owner": "Ann"}', "missing key 'wheels'"),
        ('{"owner": "Ann", "wheels": [{}]}', "wheels[0]: missing key 'teeth'"),
        ("[]", "[] is not a table of keys"),
        ("{", "is not JSON: EOF while parsing an object at line 1 column 1"),
        ('{"owner": "\\ud800", "wheels": []}', "is not JSON: "),
        ("[" * 5000, "is not JSON: recursion limit exceeded"),
        (b"\xff", "is not JSON: "),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_its_place(raw, said):
    with pytest.raises(MisfitError) as caught:
        json_file.read_json(Mill, raw)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "said", "hint"),
    [
        ('{"ownr": "Ann"}', "unknown key 'ownr'", "did you mean 'owner'?"),
        ('{"owner": 7, "wheels": [{"tooth": 7}]}', "wheels[0]: unknown key 'tooth'", "did you mean 'teeth'?"),
        ('{"owner": "", "wheels": [], "spare": {"z": 7}}', "spare: unknown key 'z'", "known keys: teeth"),
    ],
)  # fmt: skip
def test_an_unknown_key_comes_first_and_what_is_close_is_proposed(raw, said, hint):
    with pytest.raises(MisfitError) as caught:
        json_file.read_json(Mill, raw)
    assert str(caught.value) == said
    assert caught.value.hint.startswith(hint)


def test_keys_that_nobody_asked_for_are_left_out_where_there_may_be_more():
    assert json_file.read_json(Wheel, '{"teeth": 7, "more": {}}', more=True) == Wheel(7)


def test_a_date_is_no_setting_of_any_kind(tmp_path):
    shipped = (config.RECIPES / "smollm2-135m.toml").read_text(encoding="utf-8")
    for line in ("rank = 16", 'license = "apache-2.0"'):
        key = line.partition(" = ")[0]
        assert line in shipped
        (tmp_path / "x.toml").write_text(shipped.replace(line, f"{key} = 2026-01-01", 1))
        with pytest.raises(ConfigError, match=rf"\] {key}: .*2026-01-01.* is not "):
            config.load_recipe(str(tmp_path / "x.toml"))


def test_a_recipe_has_the_name_of_its_file_and_no_other(tmp_path):
    (tmp_path / "x.toml").write_text('extends = "smollm2-135m"\nname = "y"\n')
    with pytest.raises(ConfigError, match="unknown key 'name'"):
        config.load_recipe(str(tmp_path / "x.toml"))
    assert toml_file.read_toml(tmp_path / "x.toml")["name"] == "y"


@pytest.mark.parametrize("argv", [["check"], ["--help"]])
def test_checking_facts_and_asking_for_help_import_no_pydantic(argv):
    code = (
        "import sys\nfrom pipeline.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "assert 'pydantic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, *argv], cwd=ROOT, check=True, capture_output=True)
