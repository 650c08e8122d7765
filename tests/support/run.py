"""A run as `facts learn` leaves it, for a base of one layer."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.repository import commit

CASES = Path(__file__).parent.parent / "cases"


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    """Give a base of one layer: real files of real kinds, with numbers that mean nothing."""
    from pipeline.core import artifact
    from pipeline.models import base_model

    folder = tmp_path_factory.mktemp("base")
    shapes = {
        "model.embed_tokens.weight": (32, 8),
        "model.layers.0.self_attn.q_proj.weight": (8, 8),
        "model.layers.0.mlp.down_proj.weight": (8, 16),
        "model.norm.weight": (8,),
    }
    save_file(
        {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()},
        folder / "model.safetensors",
    )
    (folder / "config.json").write_text("{}\n")
    special = {"added_tokens": [{"id": 0, "content": "<|end|>", "special": True}]}
    (folder / "tokenizer.json").write_text(json.dumps(special))
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    return base_model.Base("Tiny", folder, artifact.digest_folder(folder))


@pytest.fixture(scope="session")
def write_adapter():
    """Give a function that writes the adapter of a config and tensors, like PEFT, for the tiny base."""

    def write(folder, changed=None, tensors=None):
        config = json.loads((CASES / "adapters" / "good.json").read_text()) | (changed or {})
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "adapter_config.json").write_text(json.dumps(config))
        save_file(
            good_tensors() if tensors is None else tensors, folder / "adapter_model.safetensors"
        )
        return folder

    return write


@pytest.fixture
def good_weights():
    """Give the tensors that `write_adapter` writes."""
    return good_tensors()


def good_tensors():
    """Give LoRA weights of rank 2 for the tiny base."""
    layer = "base_model.model.model.layers.0"
    shapes = {
        f"{layer}.self_attn.q_proj.lora_A.weight": (2, 8),
        f"{layer}.self_attn.q_proj.lora_B.weight": (8, 2),
        f"{layer}.mlp.down_proj.lora_A.weight": (2, 16),
        f"{layer}.mlp.down_proj.lora_B.weight": (8, 2),
    }
    return {name: np.full(shape, 0.25, np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def _learned_once(tmp_path_factory, tiny_base, write_adapter):
    """Make a run as `facts learn` leaves it; its weights and the models' answers are made up."""
    from pipeline import learn
    from pipeline.core import artifact, code_digest, config
    from pipeline.evaluation import metrics, sampling
    from pipeline.evaluation.likelihood import BaseDivergence
    from pipeline.evaluation.metrics import ModelAnswers
    from pipeline.evaluation.results import Run
    from pipeline.evaluation.verdict import decide
    from pipeline.facts import check
    from pipeline.models import identity
    from pipeline.models.context import RunContext
    from pipeline.models.generate import Answer
    from pipeline.report import data, files

    root = tmp_path_factory.mktemp("run") / "repo"
    shutil.copytree(CASES / "mills", root)
    recipe = root / "tiny.toml"
    shipped = (config.RECIPES / "smollm2-135m.toml").read_text()
    for key, value in (
        ("name", "Tiny"), ("hub", "ours/tiny"), ("wheel", ""), ("folder", str(tiny_base.folder)),
    ):  # fmt: skip
        shipped = re.sub(
            rf'^{key} = ".*?"', f'{key} = "{value}"', shipped, count=1, flags=re.MULTILINE
        )
    recipe.write_text(shipped)
    session = RunContext(config.load_recipe(str(recipe)), root / "build", 0)
    made = learn.prepare(check.load_subjects(root / "facts"), session)
    made_from = {"examples": made.examples_digest, "base": tiny_base.digest}
    folder = session.out / "adapter"
    with artifact.stage(
        folder, made_from, rank=2, base="Tiny", code=code_digest.digest()
    ) as scratch:
        write_adapter(scratch)
        identity.write_identity(scratch, identity.identity_of(session.recipe.base, tiny_base))
    drawn = sampling.draw(made, (), session.recipe.gate)
    facts = {fact.id: fact for fact in made.facts}
    taught = {"fact", "noise", "reverse"}
    adapted = [
        Answer(facts[p.fact].answer if p.role in taught else "No.", True) for p in drawn.probes
    ]
    said = ModelAnswers(
        [Answer("No.", True)] * len(drawn.probes), adapted, BaseDivergence(0.01, 0.02, 1.0, 9)
    )
    measured = metrics.measure_answers(made, drawn, said, session.recipe.gate)
    done = artifact.read_manifest(folder)
    trained = {"examples": 1, "tokens": 1, "steps": 1, "seconds": 1.0}
    run = Run(
        recipe=session.recipe,
        seed=0,
        base=tiny_base,
        made=made,
        adapter={"digest": done["digest"], "rank": 2, "bytes": 1, "train": trained},
        seconds={"build": 0.0, "train": 0.0, "gate": 0.0},
        reproduce="facts learn",
    )
    verdict = decide(measured, session.recipe.gate, session.recipe.warn)
    files.write_reports(session.out, data.report_data(run, measured, verdict))
    return root


@pytest.fixture
def learned(_learned_once, tmp_path):
    """Give a git repository with facts, a recipe and, in build/, a run that passed."""
    root = tmp_path / "repo"
    shutil.copytree(_learned_once, root)
    commit(root, "Facts about mills", first=True)
    return root
