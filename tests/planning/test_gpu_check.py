"""`make gpu-check` tried on a CPU, so that it works where a GPU can be had."""

import shutil
import subprocess
import sys

import pytest

from paths import ROOT
from smoke_run import Workflow


@pytest.mark.slow
def test_gpu_check_measures_beside_the_plan_until_the_time_is_over(tmp_path):
    workflow = Workflow.of_source(tmp_path / "workflow")
    shutil.copytree(ROOT / "tests", workflow.folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "tests/tools/gpu_check.py", "--cpu", "--trainings"]

    def check(*words):
        done = subprocess.run(
            [*command, *words], cwd=workflow.folder, capture_output=True, text=True, check=True
        )
        heads, _, row = ([cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()[-3:])
        return dict(zip(heads, row, strict=True))

    measured = check("judges/bt-0.5B")
    assert measured["training"] == "judges/bt-0.5B"
    assert float(measured["tokens/s"]) > 0
    assert float(measured["planned GB"]) >= 3
    assert check("policies/sft-0.5B", "--minutes", "0")["problem"] == "no time left"
