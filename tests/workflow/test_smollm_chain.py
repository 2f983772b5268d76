"""Every stage on a real pre-trained model and a person's file, for a few steps (`make smollm-smoke`)."""

import json

import pandas as pd
import pytest
import yaml
from snakemake.utils import update_config

from paths import ROOT
from smoke_run import Workflow
from smollm import write_pairs

pytestmark = pytest.mark.slow(minutes=4)


def test_a_real_model_and_a_file_of_pairs_go_through_unchanged(tmp_path):
    workflow = Workflow.of_source(tmp_path / "workflow")
    write_pairs(workflow.folder / "my_pairs.jsonl")
    merged = yaml.safe_load((ROOT / "config" / "smollm.yaml").read_text(encoding="utf-8"))
    update_config(merged, yaml.safe_load((ROOT / "config/smollm/smoke.yaml").read_text(encoding="utf-8")))
    (workflow.folder / "run.yaml").write_text(yaml.safe_dump(merged), encoding="utf-8")
    done = workflow.snakemake("all", "--config", "preferences=my_pairs.jsonl", config="run.yaml")
    assert done.returncode == 0, done.stdout[-5000:]

    results = workflow.folder / "results" / "smollm-smoke"
    said = json.loads((results / "judges/bt/seed1/cross_validation.json").read_text())
    assert said["chosen"] in {"probe", "lora"} <= said.keys()
    systems = pd.read_csv(results / "tables/alignment/alignment.csv").iloc[:, 0].tolist()
    judges = ["zero-shot", "perplexity", "bt", "genrm-sft", "genrm"]
    assert systems == [*judges, "length only", "sentence length", "majority"]
    assert "labels: " in done.stdout  # what was read is shown where the run is watched
    assert (results / "report" / "report.html").is_file()
    assert "Synthetic" not in (results / "tables/alignment/alignment.md").read_text(encoding="utf-8")
