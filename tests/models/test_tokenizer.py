"""What is asked of a base's tokenizer before anything else is loaded; the real one, changed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.core.errors import ConfigError
from pipeline.models import base_model, generate
from pipeline.models.base_model import Base

pytestmark = pytest.mark.xdist_group("model")  # the first to ask converts the small base


@pytest.fixture
def changed(tmp_path):
    """Give a function that loads the small base's tokenizer with some of its settings changed or gone."""

    def load(**settings):
        found = base_model.find_base(config.load_recipe("smollm2-135m").base)
        folder = tmp_path / "base"
        shutil.copytree(found.folder, folder, ignore=shutil.ignore_patterns("*.safetensors"))
        file = folder / "tokenizer_config.json"
        told = {**json.loads(file.read_text()), **settings}
        file.write_text(json.dumps({k: v for k, v in told.items() if v is not None}))
        if "chat_template" in settings:
            (folder / "chat_template.jinja").unlink()
        return base_model.load_tokenizer(Base("changed", folder, "sha256:0"))

    return load


def test_a_tokenizer_without_a_chat_template_is_refused(changed):
    with pytest.raises(ConfigError, match="has no chat template"):
        changed(chat_template=None)


def test_a_tokenizer_without_an_end_token_is_refused(changed):
    with pytest.raises(ConfigError, match="has no end token"):
        changed(eos_token=None)


def test_an_end_token_that_ends_no_answer_is_refused(changed):
    """As of a base that was never made an assistant, or a file that was converted wrongly."""
    with pytest.raises(ConfigError, match=r"does not end an answer with '<\|im_start\|>'"):
        changed(eos_token="<|im_start|>")  # noqa: S106 - no password


def test_a_tokenizer_without_a_padding_token_is_asked_all_the_same(changed, bare):
    """Llama's have none."""
    tokenizer = changed(pad_token=None)
    prompts = ["Hi", "Name three colours that are often found in flags of Europe."]
    own = replace(bare, tokenizer=tokenizer)
    ids = [generate.prompt_tokens(tokenizer, prompt) for prompt in prompts]
    assert generate.generate(own, ids, 8) == generate.generate(bare, ids, 8)
