import csv
import math

import pandas as pd
import pytest

from rlcs.evaluation.statistics import Estimate
from rlcs.report import formatting

FRAME = pd.DataFrame(
    [
        {
            "system": "gen_rm|x",
            "pairs": 1000,
            "accuracy": Estimate(0.7241, 0.6979, 0.75, 1000),
            "paper": 68.0,
        },
        {"system": "50% & more", "pairs": 9, "accuracy": None, "paper": None},
    ],
    dtype=object,
)


@pytest.mark.parametrize(
    ("value", "format", "shown"),
    [
        (Estimate(0.724, 0.698, 0.75, 9), "share", "72.4 [69.8, 75.0]"),
        (Estimate(0.035, -0.01, 0.08, 9), "difference", "+3.5 [-1.0, +8.0]"),
        (Estimate(0.245, 0.2, 0.3, 9), "flips", "24.5 ! [20.0, 30.0]"),
        (Estimate(0.15, 0.1, 0.2, 9), "flips", "15.0 [10.0, 20.0]"),
        (0.5, "share", "50.0"),
        (68.0, "tenths", "68.0"),
        (0.0004, "p", "<0.001"),
        (0.0449, "p", "0.045"),
        (12345, "count", "12,345"),
        (-1.256, "number", "-1.26"),
        (-0.004, "number", "0.00"),
        (-0.0, "count", "0"),
        (Estimate(-0.0004, -0.01, 0.0, 9), "difference", "+0.0 [-1.0, +0.0]"),
        (Estimate(91.6, 68.2, 116.0, 9), "points", "+92 [+68, +116]"),
        (Estimate(0.5, math.nan, math.nan, 1), "share", "50.0"),
        ("a", "share", "a"),
        (None, "share", "–"),
        (math.nan, "p", "–"),
        (Estimate(math.nan, math.nan, math.nan, 0), "share", "–"),
    ],
)
def test_cells(value, format, shown):
    assert str(formatting.format_cell(value, format)) == shown


def test_files_hold_the_same_table(tmp_path):
    formatting.write_table(FRAME, tmp_path, "alignment", "100 % of judges", synthetic=True)
    markdown = (tmp_path / "alignment.md").read_text()
    assert markdown.startswith("Synthetic tiny world: 100 % of judges\n")
    assert r"gen_rm\|x" in markdown
    assert "72.4 [69.8, 75.0]" in markdown

    latex = (tmp_path / "alignment.tex").read_text()
    assert r"gen\_rm" in latex
    assert r"50\% \& more" in latex
    assert r"\caption{Synthetic tiny world: 100 \% of judges}" in latex
    assert r"accuracy \%" in latex
    assert r"\toprule" in latex
    assert r"\label{tab:alignment}" in latex

    with (tmp_path / "alignment.csv").open() as file:
        first, second = csv.DictReader(file)
    assert {name: first[name] for name in first if name.startswith("accuracy")} == {
        "accuracy": "0.7241",
        "accuracy_low": "0.6979",
        "accuracy_high": "0.75",
        "accuracy_n": "1000",
    }
    assert (first["system"], first["paper"]) == ("gen_rm|x", "68.0")
    assert second["accuracy"] == second["paper"] == ""


def test_only_a_synthetic_table_says_so(tmp_path):
    formatting.write_table(FRAME, tmp_path, "t", "caption", synthetic=False)
    assert all("ynthetic" not in path.read_text() for path in tmp_path.iterdir())


def test_unknown_columns_are_shown_as_they_are():
    frame = pd.DataFrame({"sign_of_effect": ["+"], "seeds": [3]}, dtype=object)
    shown = formatting.format_frame(frame)
    assert shown.columns.tolist() == ["sign of effect", "seeds"]
    assert shown.iloc[0].tolist() == ["+", "3"]


def test_latex_special_characters_are_all_escaped():
    frame = pd.DataFrame({"system": ["\\&%$#_{}~^<>"]})
    body = formatting.to_latex(frame, "x", "c").split(r"\midrule")[1]
    assert body.strip().startswith(
        r"\textbackslash{}\&\%\$\#\_\{\}\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}"
    )


def test_a_table_of_benchmarks_is_not_said_to_be_of_the_tiny_world(tmp_path):
    formatting.write_tables({"benchmarks": FRAME, "alignment": FRAME}, tmp_path, synthetic=True)
    said = (tmp_path / "benchmarks.md").read_text()
    assert said.startswith(
        "Judges of the synthetic tiny world, pairs of the benchmarks: Judges on benchmarks"
    )
    assert (tmp_path / "alignment.md").read_text().startswith("Synthetic tiny world: ")
