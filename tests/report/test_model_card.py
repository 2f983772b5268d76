"""Model cards, and folders that from_pretrained opens."""

import math
import shutil

import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCard
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from rlcs.data.exports import JUDGE_NAME
from rlcs.data.parent_and_child import ParentAndChild
from rlcs.evaluation.statistics import Estimate
from rlcs.report.model_card import Card, render_card, select_rows
from rlcs.report.provenance import ArtifactRecord
from smoke_run import Workflow

NAN = math.nan


def card(kind="generative", **changes):
    made = ArtifactRecord(
        "judges/j/seed1", "train", 1, "abc", 5400.0, ("H100", "H100"), "node", "3.11", "c0ffee"
    )
    values = {
        "run": "mine",
        "name": "j",
        "kind": kind,
        "seed": 1,
        "synthetic": False,
        "recipe": {
            "base b": {"kind": "pretrained", "model": "org/name"},
            "j": {"lora": {"r": 8}, "parent": None},
        },
        "training": {"bf16": True},
        "prompt": "1: $story_1\n2: $story_2",
        "rubrics": {"default": "be fair"},
        "scores": "1 to 9",
        "pairs": {"train": 7, "test": 2},
        "contexts": 9,
        "quarantined": 1,
        "base_model": "org/name",
        "license": {"license": "apache-2.0"},
        "datasets": ["org/pairs"],
        "tables": {
            "Human alignment": pd.DataFrame({"system": ["j"], "accuracy": [Estimate(0.7, 0.6, 0.8, 9)]})
        },
        "flags": ["kl was 2, limit 1, at step 5"],
        "compared": None,
        "lineage": [made],
        "packages": {"trl": "1.16.0"},
        "manifest": "abc",
    }
    return render_card(Card(**values | changes))


def test_a_card_says_if_the_weights_are_those_of_the_parent():
    worse, better = (ParentAndChild("accuracy", 9, 0.8, child) for child in (0.7, 0.9))
    said = (
        "- Accuracy on 9 validation pairs: parent 0.8000, child 0.7000; the parent is published. The training"
    )
    assert said in card(compared=worse)
    assert "the child is published.\n" in card(compared=better)
    assert "validation pairs" not in card()


def header(text):
    return yaml.safe_load(text.split("---")[1])


def test_the_header_is_what_a_hub_reads_and_states_nothing_that_is_not_known():
    tables = {
        "Human alignment": pd.DataFrame({"system": ["j"], "accuracy": [Estimate(0.71234, 0.6, 0.8, 9)]}),
        "Win rates": pd.DataFrame(
            {"policy": ["j"], "judge": ["o"], "reference": ["sft"], "win_rate": [Estimate(0.5, NAN, NAN, 4)]}
        ),
        "Nothing": pd.DataFrame({"system": ["j"], "accuracy": [Estimate(NAN, NAN, NAN, 0)]}),
    }
    read = ModelCard(card(tables=tables)).data
    assert (read.base_model, read.license, read.datasets) == ("org/name", "apache-2.0", ["org/pairs"])
    assert (read.library_name, read.pipeline_tag) == ("transformers", "text-generation")
    assert read.metrics == ["accuracy", "win_rate"]
    accuracy, win_rate = read.eval_results
    assert (accuracy.dataset_type, accuracy.metric_type, accuracy.metric_value) == (
        *("org/pairs", "accuracy", 0.7123),
    )
    assert accuracy.metric_args == {"n": 9, "low_95": 0.6, "high_95": 0.8}
    assert win_rate.metric_name == "win rate, against sft, judged by o"
    assert win_rate.metric_args == {"n": 4}
    again = ModelCard(f"---\n{read.to_yaml()}\n---\n").data
    assert again.to_dict() == read.to_dict() == header(card(tables=tables))
    unknown = header(card(base_model=None, license={}, datasets=[], tables={}))
    assert not unknown.keys() & {"base_model", "license", "datasets", "metrics", "model-index"}


def test_a_card_has_header_use_data_recipe_figures_limits_and_provenance():
    text = card()
    assert header(text)["base_model"] == "org/name"
    assert header(text)["pipeline_tag"] == "text-generation"
    for part in (
        "7 train, 2 test. 1 rows could not be used",
        "lora:\n  r: 8",
        "70.0 [60.0, 80.0]",
        "flagged: kl was 2, limit 1, at step 5",
        "1 h 30 min of computing in 1 stages, 3.00 GPU hours, commit c0ffee. trl 1.16.0.",
        "1: $story_1\n2: $story_2",
        "the adapter is also in `adapter/`",
        "Rubric (default): be fair",
    ):
        assert part in text
    assert "parent" not in text
    assert "ynthetic" not in text


def test_cards_differ_by_kind():
    assert "AutoModelForSequenceClassification" in card("scalar")
    assert header(card("scalar"))["pipeline_tag"] == "text-classification"
    assert "people can dislike what a judge likes" in card("policy")
    assert "Synthetic tiny world." in card(synthetic=True)
    assert "No table of the run has this model." in card(tables={})


def test_the_card_of_a_probe_says_that_the_scores_are_not_the_verdict():
    probe = card(recipe={"base b": {"kind": "world"}, "j": {"train": "probe"}})
    assert "the last line is not the verdict" in probe
    assert "higher score is its preference" not in probe
    assert "higher score is its preference" in card()


def test_a_models_rows_leave_out_what_says_nothing():
    frame = pd.DataFrame({"system": ["a", "b"], "x": [1, 2], "y": [None, 3]}, dtype=object)
    assert list(select_rows(frame, "system", "a").columns) == ["system", "x"]


@pytest.mark.slow
@pytest.mark.xdist_group("workflow")
def test_every_trained_model_is_a_folder_that_opens(workflow, tmp_path):
    shutil.copytree(workflow.folder, tmp_path / "copy")
    copy = Workflow(tmp_path / "copy")
    done = copy.snakemake("export")
    assert done.returncode == 0, done.stdout[-5000:]
    assert "exported: results/smoke/export/judges/bt/seed1" in done.stdout
    folders = {path.parent for path in (copy.results / "export").rglob("README.md")}
    assert {folder.parent.name for folder in folders} == {
        *("bt", "genrm-sft", "genrm"),
        *("sft", "rlcs", "rlcs-bt", "rlmr"),
    }
    for folder in folders:
        scalar = folder.parent.name == "bt"
        kind = AutoModelForSequenceClassification if scalar else AutoModelForCausalLM
        model, tokenizer = kind.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        chat = tokenizer.apply_chat_template(
            [{"role": "user", "content": "Mara lost the ring."}],
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        )
        assert model(**chat).logits.isfinite().all()
        text = (folder / "README.md").read_text(encoding="utf-8")
        assert header(text)["library_name"] == "transformers"
        assert ModelCard.load(folder / "README.md").data.to_dict() == header(text)
        assert (folder / JUDGE_NAME).exists() == (folder.parent.parent.name == "judges")
        assert "Synthetic tiny world." in text
        assert ("Human alignment" if folder.parent.parent.name == "judges" else "Win rates") in text or (
            folder.parent.name == "rlmr" and "Constraints" in text
        )
    assert copy.planned("export") == {"export": 1}  # which says where the folders are
