from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from pipeline.core import config
from pipeline.dataset import build
from pipeline.evaluation import self_test
from pipeline.evaluation.self_test import Trial
from pipeline.evaluation.verdict import Verdict
from pipeline.facts import check
from pipeline.models.context import RunContext
from pipeline.models.local_model import LocalModel

RECIPE = config.load_recipe("smollm2-135m")


@pytest.fixture(scope="module")
def made():
    """Give the dataset of the shipped facts."""
    return build.build(check.load_subjects(Path(__file__).parents[2] / "facts"), RECIPE.dataset, 0)


def test_a_planted_case_is_right_only_for_its_own_reason():
    broken = Verdict("fail", ("a/b: 8 of 8 probes missed (at most 1)",))
    assert Trial("x", "probes missed", broken).right
    assert not Trial("x", "nats a token", broken).right
    assert not Trial("x", "probes missed", Verdict("pass", ())).right
    assert Trial("good", "", Verdict("pass", ())).right
    assert not Trial("good", "", broken).right


def test_the_datasets_that_do_not_fit_differ_in_just_what_they_are_called(made, tmp_path):
    cases = self_test.unfit(made, RunContext(RECIPE, tmp_path, 0))
    own = {fact.id for fact in made.facts}
    other, more, fewer = (each for _, each in cases.values())
    assert not own & {fact.id for fact in other.facts}
    assert len(other.facts) == len(own)
    assert own < {fact.id for fact in more.facts}
    assert len(more.facts) == len(own) + 1
    (gone,) = own - {fact.id for fact in fewer.facts}
    assert {probe.fact for probe in fewer.probes if probe.role == "retired"} == {gone}
    assert [because for because, _ in cases.values()][2] == f"{gone} is withdrawn"


@pytest.mark.filterwarnings("ignore::FutureWarning")  # the libraries about each other
def test_planted_weights_are_nothing_or_random_and_never_the_bases():
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 24, "vocab_size": 40}
    heads = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    config = LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False)
    bare = LlamaForCausalLM(LlamaConfig(**sizes, **heads))
    before = {name: each.clone() for name, each in bare.state_dict().items()}

    def planted(plant):
        model = plant(LocalModel(get_peft_model(deepcopy(bare), config), None, adapted=True)).model
        weights = {n: p.detach() for n, p in model.named_parameters() if "lora_" in n}
        kept = {
            n.replace(".base_layer", ""): p for n, p in model.get_base_model().named_parameters()
        }
        assert all(kept[name].equal(each) for name, each in before.items() if name in kept)
        return weights

    assert all(not each.any() for each in planted(self_test.zeroed).values())
    assert all(
        each.isfinite().all() and each.any() for each in planted(self_test.randomised).values()
    )
