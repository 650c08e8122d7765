import json
import xml.etree.ElementTree as ET
from dataclasses import asdict, replace

from benchmarks import chart
from benchmarks.chart import Count, Trial

TRIAL = Trial(
    data="made-up", facts=10, seed=0, method="recipe",
    recall={"trained": Count(10, 10), "held out": Count(9, 10), "probes": Count(0, 0)},
    leak={
        "neighbours": Count(1, 30), "near names": Count(2, 20), "others": Count(0, 0),
        "unrelated": Count(0, 276),
    },
    general_right=99, general_lost=3, general_gained=2, kl_mean=0.01, kl_p95=0.02,
    perplexity_ratio=1.01, unique_answers_ratio=1.0, examples=800, tokens=9000, steps=100,
    seconds=80.0, peak_bytes=2**31, left_out=(),
)  # fmt: skip
STOCK = replace(TRIAL, method="stock", examples=250, seconds=50.0)


def test_the_table_has_a_row_for_each_measure_and_leaves_out_what_was_not_asked():
    table = chart.as_table([TRIAL])
    assert "recall: held out" in table
    assert "90.0 % (9/10)" in table
    assert "recall: probes" not in table
    assert "3 / 2" in table


def test_speed_is_told_as_a_ratio_to_stock_where_stock_ran():
    table = chart.as_table([TRIAL, STOCK])
    assert "examples a second: 2.00 times stock's" in table
    assert "training time: 1.60 times stock's" in table
    assert "stock's" not in chart.as_table([TRIAL])


def test_a_trial_survives_json():
    assert chart.trial_from_json(json.loads(json.dumps(asdict(TRIAL)))) == TRIAL


def test_unseen_wordings_are_the_files_probes_where_it_has_some():
    assert chart.unseen(TRIAL) == 90.0
    asked = replace(TRIAL, recall={**TRIAL.recall, "probes": Count(8, 10)})
    assert chart.unseen(asked) == 80.0


def test_leak_counts_the_files_other_questions_where_it_has_some():
    assert chart.leaked(TRIAL) == 6.0
    asked = replace(TRIAL, leak={**TRIAL.leak, "others": Count(1, 4)})
    assert chart.leaked(asked) == 25.0


def test_the_picture_is_svg_and_names_every_trial_escaped():
    hostile = replace(TRIAL, data="<script>")
    picture = chart.as_svg([hostile, STOCK]).decode()
    assert "<script>" not in picture
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314  (our own picture)
