"""What the base says is asked once for each list of prompts, and found again by its digest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.core.cache import cache_folder
from pipeline.models import answer_cache
from pipeline.models.base_model import Base

pytestmark = pytest.mark.xdist_group("model")
SETTINGS = replace(
    config.load_recipe("smollm2-135m").train, kl_tokens=3, kl_tokens_near=3, kl_top_k=4
)


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Give a base by its name and digest alone; what is kept of it lies in a folder of the test's own."""
    monkeypatch.setenv("SCHOOLHOUSE_CACHE", str(tmp_path / "cache"))
    return Base("base", tmp_path, "sha256:" + "0" * 64)


def test_another_base_or_other_prompts_are_asked_by_themselves(bare, found):
    rows = [("Name a colour.", True)]
    answer_cache.answers(found, bare, rows, 4)
    answer_cache.answers(replace(found, digest="sha256:" + "1" * 64), bare, rows, 4)
    answer_cache.answers(found, bare, rows, 5)
    answer_cache.answers(found, bare, [("Name a fruit.", True)], 4)
    assert len(list((cache_folder() / "said").iterdir())) == 4
