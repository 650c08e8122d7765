"""The files of a report: `report.json`, `report.md` and `report.html`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any  # the plain data of a report

from pipeline.core import artifact, escape
from pipeline.core.escape import plain
from pipeline.report import summary as found
from pipeline.report.markdown import report_as_markdown
from pipeline.report.summary import FORMS, MARKS, ROLES

TEMPLATE = Path(__file__).parent / "report.html.j2"
HTML_FACTS = 1000


def report_as_html(data: dict[str, Any]) -> str:
    """Write one self-contained page; it loads nothing and needs no script."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"lines": escape.lines, "plain": plain, "score": found.score}
    environment.globals |= {"f": found, "marks": MARKS, "roles": ROLES, "forms": FORMS}
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return page.render(d=data, facts=found.in_order(data["details"])[:HTML_FACTS])


def write_reports(out: Path, data: dict[str, Any]) -> None:
    """Write `report.json`, `report.md`, `report.html` and, last, the run's `manifest.json`."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    artifact.write_text(out / "report.json", text)
    artifact.write_text(out / "report.md", report_as_markdown(data))
    artifact.write_text(out / "report.html", report_as_html(data))
    summary = {
        "verdict": data["verdict"],
        "facts": data["facts"]["digest"],
        "recipe": data["recipe_digest"],
        "code": data["code"],
        "base": data["base"]["digest"],
        "adapter": data["adapter"]["digest"],
        "report": artifact.digest_bytes(text.encode()),
    }
    artifact.write_text(out / artifact.MANIFEST, json.dumps(summary, indent=2) + "\n")
