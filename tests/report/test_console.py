"""What a run prints of the stages under way, and at its end."""

import json
import math
import os
import time

import pandas as pd
import pytest

from rlcs.evaluation.statistics import Estimate
from rlcs.report.console import has_ended, list_running, read_progress, summarize_run
from rlcs.report.formatting import write_table

TRAINING = (
    "Writing model shards: 100%|###| 1/1 [00:00<00:00, 462.74it/s]\n"
    " 18%|#8        | 11/60 [00:51<03:48,  4.66s/it]\r 20%|##        | 12/60 [00:56<03:43,  4.65s/it]"
)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (TRAINING, "12 of 60, 4.65s/it, 03:43 left"),
        ("genrm judges:   0%|  | 0/2400 [00:00<?, ?it/s]", "0 of 2400, ?it/s, ? left"),
        ("weights: 100%|###| 1/1 [00:00<00:00, 462.74it/s]", "None"),
        ("Tokenizing: 100%|###| 114/114 [00:00<00:00, 14604.03 examples/s]", "None"),
        ("12:00:00 reading", "None"),
    ],
)
def test_a_bar_is_read_and_bars_of_one_step_are_not(log, said):
    assert str(read_progress(log)) == said


@pytest.mark.parametrize(
    ("last", "ended"),
    [
        ("16:15:42 wrote results/tiny/judges/genrm/seed1 in 310 s", True),
        ("16:15:42 results/x is up to date; delete it to rebuild", True),
        ("error: 3 of 43 rows cannot be used", True),
        ("ValueError: no", True),
        ("KeyboardInterrupt", True),
        (" 20%|##        | 12/60 [00:56<03:43,  4.65s/it]", False),
        ("16:15:42 12 pairs", False),
    ],
)
def test_a_log_has_ended_where_it_says_so(last, ended):
    assert has_ended(f"{TRAINING}\n{last}\n") == ended


def test_only_stages_of_this_run_that_go_on_are_under_way(tmp_path):
    for name, text in (("a", TRAINING), ("b", TRAINING + "\nerror: no\n"), ("old", TRAINING), ("c", "")):
        path = tmp_path / "judges" / name / "seed1.log"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    since = time.time() - 5
    os.utime(tmp_path / "judges" / "old" / "seed1.log", (since - 1, since - 1))
    assert list(list_running(tmp_path, since)) == ["  judges/a/seed1: 12 of 60, 4.65s/it, 03:43 left"]


def test_the_summary_tells_headlines_and_where_the_report_is(tmp_path):
    assert summarize_run(tmp_path, 0) == ""
    share = Estimate(0.7, 0.65, 0.75, 100)
    alignment = pd.DataFrame(
        [{"system": "genrm", "accuracy": share, "accuracy_both_orders": None, "paper": 68.0}], dtype=object
    )
    row = {"policy": "rlcs", "judge": "oracle", "reference": "sft", "win_rate": share, "paper": None}
    unread = {**row, "policy": "unread", "win_rate": Estimate(math.nan, math.nan, math.nan, 0)}
    wins = pd.DataFrame([row, unread], dtype=object)
    for name, frame in (("alignment", alignment), ("win_rates", wins)):
        (tmp_path / "tables" / name).mkdir(parents=True)
        write_table(frame, tmp_path / "tables" / name, name, "caption", synthetic=False)
        (tmp_path / "tables" / name / "run.json").write_text(json.dumps({}))
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").touch()
    assert summarize_run(tmp_path, 0).splitlines() == [
        f"Made 2 artifacts in {tmp_path}.",
        "  genrm agrees with the label: 70.0 [65.0, 75.0] % (paper 68)",
        "  rlcs wins against sft: 70.0 [65.0, 75.0] %",
        "  unread wins against sft: – (nothing could be judged)",
        f"Report: {tmp_path}/report/report.html",
    ]
    assert summarize_run(tmp_path, time.time() + 5) == ""
