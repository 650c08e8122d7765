"""The HTML report in a real browser, at the widths of a phone and of a desk."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from pipeline.report.files import report_as_html

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs chromium (apt-get install chromium)")

# Looks into the report from outside: the page itself lets no script run.
LOOK = """<!doctype html><body><iframe id="page" style="width:WIDTHpx;height:900px;border:0"
 src="report.html"></iframe><script>
onload = () => {
  const frame = document.getElementById("page"), page = frame.contentDocument
  const bars = [...page.querySelectorAll("rect.after")].map(bar => bar.getBoundingClientRect().width)
  const texts = [...page.querySelectorAll("svg text")].filter(t => t.getBoundingClientRect().width > 0)
  const seen = {width: page.documentElement.scrollWidth, bars, texts: texts.length,
    title: page.title, ran: frame.contentWindow.ran === 1 || window.ran === 1,
    size: parseFloat(frame.contentWindow.getComputedStyle(page.body).fontSize),
    first: page.querySelector("h1").textContent}
  document.body.textContent = "SEEN" + JSON.stringify(seen) + "SEEN"
}
</script>"""


def load_reports():
    """Load the reports of `test_report`, which is no package to import from."""
    file = Path(__file__).with_name("test_report.py")
    spec = importlib.util.spec_from_file_location("reports", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REPORTS = load_reports()
ACTING = '<script>window.ran=1</script><img src=x onerror="window.ran=parent.ran=1">'


@pytest.fixture
def look(tmp_path):
    """Give a function that shows data in the browser and tells what there is to see."""

    def show(data, width):
        (tmp_path / "report.html").write_text(report_as_html(data), encoding="utf-8")
        (tmp_path / "look.html").write_text(LOOK.replace("WIDTH", str(width)), encoding="utf-8")
        command = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
            f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,1000",
            "--virtual-time-budget=5000", "--dump-dom", f"file://{tmp_path / 'look.html'}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        return json.loads(unescape(re.search("SEEN(.*)SEEN", done.stdout)[1]))

    return show


@pytest.mark.parametrize("width", [360, 1100])
@pytest.mark.parametrize("name", ["GOOD", "BAD", "LATER"])
def test_a_report_fits_its_window_and_shows_its_pictures(look, name, width):
    data = getattr(REPORTS, name)
    seen = look(data, width)
    assert seen["width"] <= width
    assert seen["size"] >= 16
    assert seen["texts"] >= 2 * len(data.details)
    assert len(seen["bars"]) >= len(data.details) + 2
    assert max(seen["bars"]) > width / 4


def test_the_bars_are_as_long_as_what_they_stand_for(look):
    _, third, everything, *_ = look(REPORTS.BAD, 1100)["bars"]  # the first is the legend's
    assert third == pytest.approx(everything / 3, abs=1)


@pytest.mark.parametrize("width", [360, 1100])
def test_hostile_text_neither_runs_nor_breaks_the_page(look, width):
    data = REPORTS.hostile_data()
    long = "x" * 3000 + ACTING
    first, *others = data.details
    first = replace(first, probes=(replace(first.probes[0], adapted=long),))
    data = replace(data, details=(first, *others), reasons=(long, ACTING))
    seen = look(data, width)
    assert not seen["ran"]
    assert seen["width"] <= width


def test_a_report_of_thousands_of_facts_opens(look):
    seen = look(REPORTS.many_data("It is Bob."), 360)
    assert seen["width"] <= 360
    assert len(seen["bars"]) >= 40
