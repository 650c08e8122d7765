from __future__ import annotations

import pytest

from pipeline.facts.authoring.slug import distinct_slug, slug


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("TinyLLM", "tinyllm"), ("ProtosAI", "protosai"), ("Marie Curie", "marie-curie"),  # as they were
        ("Straße", "strasse"), ("Łódź", "lodz"), ("Nguyễn Đức Thắng", "nguyen-duc-thang"), ("Işık", "isik"),
        ("Œuvre", "oeuvre"), ("Щукин", "shchukin"), ("Київ", "kiiv"), ("Θεσσαλονίκη", "thessaloniki"),
        ("数据中心", "shujuzhongxin"), ("さくら", "sakura"), ("서울", "seoul"), ("القاهرة", "lqhrh"),
        ("नई दिल्ली", "ni-dilli"), ("ירושלים", "yrvslym"), ("กรุงเทพ", "krungethph"), ("🙂", "slight-smile"),
        ("e\N{COMBINING ACUTE ACCENT}tude", "etude"), ("../../etc", "etc"), ("…", "subject"),
        ("x" * 99, "x" * 60),
    ],
)  # fmt: skip
def test_a_name_of_any_script_becomes_a_file_name(name, file):
    assert slug(name) == file


def test_names_that_would_share_a_file_get_a_digest_of_their_own_which_stays_the_same():
    taken: set[str] = set()
    for name in ("C", "C++", "C#", "Straße", "Strasse", "R", "R.", "…", "!!", "x" * 99, "x" * 98):
        own = distinct_slug(name, taken)
        assert own not in taken
        assert len(own) <= 60
        assert own == distinct_slug(name, taken)
        taken.add(own)
    assert {"c", "strasse", "r"} < taken


@pytest.mark.parametrize("name", ["Con", "AUX", "nul", "Com1"])
def test_no_file_is_called_as_windows_calls_a_device(name):
    assert distinct_slug(name, ()).startswith(f"{name.lower()}-")


def test_a_digest_that_is_taken_too_grows():
    first = distinct_slug("C++", {"c"})
    second = distinct_slug("C++", {"c", first})
    assert second.startswith(first)
    assert len(second) == len(first) + 4
