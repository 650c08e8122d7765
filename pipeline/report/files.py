"""Writes `report.json`, `report.md` and `report.html`, and reads the report of the live adapter."""

from __future__ import annotations

from pathlib import Path

from pipeline.core import artifact
from pipeline.core.artifact import RunManifest
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.core.json_file import as_json, read_json
from pipeline.evaluation.results import LiveReport
from pipeline.report.markdown import report_as_markdown
from pipeline.report.shape import Report, ReportCore
from pipeline.report.summary import in_order
from pipeline.report.template import fill_template

TEMPLATE = Path(__file__).parent / "report.html.j2"
HTML_FACTS = 1000


def report_as_html(data: Report) -> str:
    """Write one self-contained page; it loads nothing and needs no script."""
    return fill_template(TEMPLATE, d=data, facts=in_order(data.details)[:HTML_FACTS])


def read_report(out: Path, again: str) -> tuple[Report, RunManifest]:
    """Read the report of a run, and the run's manifest, which has to name its digest.

    Raises PipelineError, with the hint `again`, when it is missing, changed, or another version's.
    """
    path, run = out / "report.json", artifact.read_manifest(out, RunManifest)
    if not run or not path.is_file():
        raise PipelineError(f"{out}: holds no finished run", again)
    raw = path.read_bytes()
    if run.report != artifact.digest_bytes(raw):
        raise PipelineError(f"{path}: was changed since the gate wrote it", again)
    try:
        return read_json(Report, raw, more=True), run
    except ValueError as error:
        raise PipelineError(f"{path}: is not a report of this version: {error}", again) from error


def read_live_report(path: Path | None) -> LiveReport:
    """Read the report of the adapter that is live: a `report.json`, or an output folder's; None for none.

    Raises ConfigError when it is not there, or is something else.
    """
    if path is None:
        return LiveReport()
    file = path / "report.json" if path.is_dir() else path
    try:
        report = read_json(ReportCore, file.read_bytes(), more=True)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{file}: is not a report of an adapter: {error}",
            "name the output folder of a `facts learn` that passed, or its report.json",
        ) from error
    return LiveReport(
        digests=report.facts.digests,
        passed={fact.id: fact.status != "fail" for fact in report.details},
        expects={fact.id: fact.expected for fact in report.details},
        probes={fact.id: {p.prompt: p.passed for p in fact.probes} for fact in report.details},
    )


def write_reports(out: Path, data: Report) -> None:
    """Write `report.json`, `report.md`, `report.html` and, last, the run's `manifest.json`."""
    text = as_json(data)
    artifact.write_text(out / "report.json", text)
    artifact.write_text(out / "report.md", report_as_markdown(data))
    artifact.write_text(out / "report.html", report_as_html(data))
    summary = RunManifest(
        verdict=data.verdict,
        facts=data.facts.digest,
        recipe=data.recipe_digest,
        code=data.code,
        base=data.base.digest,
        adapter=data.adapter.digest,
        report=artifact.digest_bytes(text.encode()),
    )
    artifact.write_text(out / artifact.MANIFEST, as_json(summary))
