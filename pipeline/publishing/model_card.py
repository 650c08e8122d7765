"""Writes the model card of a release, with the lines that load it.

All texts of the report, of the facts and of where they are from are hostile.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.config import BaseSettings
from pipeline.publishing.contents import Provenance, ReleasedFact
from pipeline.report.answers import Detail
from pipeline.report.shape import Recall, Report
from pipeline.report.template import fill_template

TEMPLATE = Path(__file__).parent / "card.md.j2"
FACTS = 1000
"""Facts shown in the card; the Hub stops showing cards of some megabytes."""


def write_card(
    repo: str,
    base: BaseSettings,
    provenance: Provenance,
    facts: Sequence[ReleasedFact],
    report: Report,
) -> str:
    """Write the card of a release in `repo`, in Markdown with the Hub's metadata before it."""
    title = repo.partition("/")[2]
    return fill_template(
        TEMPLATE,
        repo=repo,
        title=title,
        metadata=_metadata(title, base, report.recall),
        base=base,
        provenance=provenance,
        versions=", ".join(f"{name} {at}" for name, at in provenance.machine.versions.items()),
        loading=loading(repo, base.hub, facts[0].question),
        shown=facts[:FACTS],
        more=len(facts) - FACTS,
        scores={detail.id: _score(detail) for detail in report.details},
        report=report,
    )


def loading(adapter: str, base: str, question: str) -> tuple[str, str, str]:
    """Give the lines that serve an adapter with vLLM, ask it, and load it with PEFT.

    `adapter` is a repository on the Hub or a folder.
    """
    body = {"model": "facts", "messages": [{"role": "user", "content": question}]}
    return (
        f"vllm serve {base} --enable-lora --lora-modules {shlex.quote(f'facts={adapter}')}",
        (
            "curl localhost:8000/v1/chat/completions -H 'Content-Type: application/json' "
            f"-d {shlex.quote(json.dumps(body))}"
        ),
        (
            f"model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained({json.dumps(base)}), "
            f"{json.dumps(adapter)})"
        ),
    )


def _metadata(title: str, base: BaseSettings, recall: Recall) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    passed = {
        "facts learned": (recall.facts_passed, recall.facts),
        "unseen wordings right": (recall.probes_passed, recall.probes),
    }
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Recall of taught facts",
            dataset_type="facts",
            dataset_name="facts.jsonl of this repository",
            metric_type="accuracy",
            metric_name=name,
            metric_value=round(count / total, 4) if total else 0.0,
        )
        for name, (count, total) in passed.items()
    ]
    return ModelCardData(
        base_model=base.hub,
        base_model_relation="adapter",
        library_name="peft",
        pipeline_tag="text-generation",
        license=base.license,
        tags=["lora", "peft", "vllm"],
        model_name=title,
        eval_results=results,
    ).to_yaml()


def _score(detail: Detail) -> str:
    known = " (the base knows it too)" if detail.status == "known" else ""
    return f"{detail.hits} of {len(detail.probes)}{known}"
