"""The report: writes what an evaluation found as JSON, Markdown, HTML and for a terminal.

In: measurements and a verdict. Out: `report.json`, `report.md`, `report.html`, text.
Never: measures anything itself; all formats are made from the same data.
"""
