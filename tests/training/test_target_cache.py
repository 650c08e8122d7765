"""What the base says is asked once for each list of prompts, and found again by its digest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.core.cache import cache_folder
from pipeline.dataset.records import Example
from pipeline.models import generate
from pipeline.models.base_model import Base
from pipeline.training import distillation, target_cache

pytestmark = pytest.mark.xdist_group("model")
SETTINGS = replace(
    config.load_recipe("smollm2-135m").train, kl_tokens=3, kl_tokens_near=3, kl_top_k=4
)


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Give a base by its name and digest alone; what is kept of it lies in a folder of the test's own."""
    monkeypatch.setenv("SCHOOLHOUSE_CACHE", str(tmp_path / "cache"))
    return Base("base", tmp_path, "sha256:" + "0" * 64)


def examples():
    return [
        Example("unrelated", "", "everyday", "Name a colour.", ""),
        Example("unrelated", "", "everyday", "Name a fruit.", ""),
    ]


def same(one, other):
    return [(each.path, each.ids.tolist(), each.logprobs.tolist()) for each in one] == [
        (each.path, each.ids.tolist(), each.logprobs.tolist()) for each in other
    ]


def test_the_base_is_read_along_answers_once(bare, found, monkeypatch):
    chats = [
        generate.as_chat(bare.tokenizer, prompt, said)
        for prompt, said in (("Name a colour.", "Red."), ("Name a fruit.", "A ripe pear."))
    ]
    first = target_cache.along(found, bare, chats, 4)
    assert [each.path for each in first] == [chat.completion for chat in chats]
    monkeypatch.setattr(distillation, "score_targets", None)
    assert same(target_cache.along(found, bare, chats, 4), first)


def test_beginnings_are_asked_once_and_again_where_the_file_was_damaged(bare, found, monkeypatch):
    first = target_cache.beginnings(found, bare, examples(), SETTINGS)
    asked = []
    begin = distillation.generate_targets
    monkeypatch.setattr(
        distillation, "generate_targets", lambda *given: asked.append(1) or begin(*given)
    )
    assert same(target_cache.beginnings(found, bare, examples(), SETTINGS), first)
    assert not asked
    (file,) = (cache_folder() / "said").glob("*.held")
    file.write_bytes(file.read_bytes()[:-1])
    assert same(target_cache.beginnings(found, bare, examples(), SETTINGS), first)
    assert asked
