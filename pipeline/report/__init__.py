"""Writes the result of an evaluation as JSON, Markdown, HTML and text for a terminal.

In: measurements and a verdict. Out: `report.json`, `report.md`, `report.html`, text.
Never: measures anything itself; all formats are made from the same data.
"""
