"""Fills a template in HTML or Markdown; every text that is not ours goes through a filter there."""

from __future__ import annotations

from pathlib import Path

from pipeline.core import escape, number_words
from pipeline.report import labels, summary


def fill_template(template: Path, **given: object) -> str:
    """Fill a template: one of HTML escapes by itself, in Markdown `cell`, `code` and `words` do."""
    from jinja2 import Environment, StrictUndefined

    html = template.name.endswith(".html.j2")
    environment = Environment(
        autoescape=html,  # noqa: S701  (a text in Markdown goes through a filter of its own)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not html,
    )
    environment.filters |= {
        "cell": escape.cell, "code": escape.code, "words": escape.words, "plain": escape.plain,
        "lines": escape.lines, "count": number_words.count,
    }  # fmt: skip
    environment.globals |= {"f": summary, "n": number_words, "labels": labels}
    return environment.from_string(template.read_text(encoding="utf-8")).render(given)
