"""The stages of constraints and instructions as command lines, on a model so small that they take seconds."""

import json
import subprocess

import pandas as pd
import pytest

import forked
from paths import ROOT, SUPPORT
from rlcs.records import (
    CHECKS,
    MATCHES,
    RESPONSES,
    STORIES,
    Constraint,
    Context,
    Judgement,
    read_rows,
    write_contexts,
    write_judgements,
    write_rows,
)

PROMPTS = SUPPORT / "data" / "ifeval.jsonl"
DOUBT, SHORT = Constraint("described", {"text": "she doubts"}), Constraint("max_words", {"n": 2})


def run(script, config, output, **arguments):
    command = [forked.python(), str(ROOT / "workflow_scripts" / script), "--config", json.dumps(config)]
    for name, value in arguments.items():
        command += [f"--{name}", *([value] if isinstance(value, str) else map(str, value))]
    done = subprocess.run([*command, "--output", str(output)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


def artifact(folder, config=None, seed=0):
    """An artifact as a stage leaves it, as far as readers look at it."""
    (folder / "manifest.json").write_text("{}")
    (folder / "provenance.json").write_text(json.dumps({"config": config or {}, "seed": seed}))
    return folder / "manifest.json"


@pytest.fixture
def base(model_folder):
    return artifact(model_folder.parent)


@pytest.mark.slow
def test_answers_to_instructions_are_sampled_and_tabulated(base, tmp_path):
    sampling = {"max_new_tokens": 6, "batch_size": 3}
    answered = run(
        "sample_responses.py",
        {"policy": "sft", "sampling": sampling},
        tmp_path / "responses" / "manifest.json",
        model=[base],
        prompts=[PROMPTS],
        seed="1",
        endpoint="{}",
        answers=str(tmp_path / "answers"),
        serving="{}",
    )
    rows = read_rows(answered.parent / "responses.parquet", RESPONSES)
    assert [row["key"] for row in rows] == ["1000", "1001", "1005", "1012"]
    assert {(row["policy"], row["seed"]) for row in rows} == {("sft", 1)}
    assert all(0 < row["tokens"] <= 6 for row in rows)
    table = run(
        "tabulate_ifeval.py",
        {"rows": ["sft"], "paper": {}, "synthetic": True},
        tmp_path / "ifeval" / "manifest.json",
        prompts=[PROMPTS],
        responses=[answered],
    )
    (row,) = pd.read_csv(table.parent / "ifeval.csv").to_dict("records")
    assert (row["prompts"], row["unsupported"], row["prompt_strict_n"], row["instruction_strict_n"]) == (
        4,
        2,
        2,
        5,
    )


@pytest.mark.slow
def test_stories_are_verified_and_tabulated(base, tmp_path):
    folders = {name: tmp_path / name for name in ("preferences", "stories", "matches")}
    for folder in folders.values():
        folder.mkdir()
    contexts = [
        Context("c0", "quest", "", "", "", (SHORT, DOUBT), "test"),
        Context("c1", "quest", "", "", "", (SHORT,), "test"),
    ]
    write_contexts(folders["preferences"] / "contexts.parquet", contexts)
    told = [
        {"context_id": c.context_id, "policy": policy, "sample": 0, "seed": 1, "text": text, "tokens": 2}
        | {"truncated": policy == "sft"}
        for c in contexts
        for policy, text in {"sft": "She ran on.", "rlmr": "She ran."}.items()
    ]
    write_rows(folders["stories"] / "stories.parquet", told, STORIES)
    match = {"match_id": "m", "context_id": "c1", "policy_a": "rlmr", "policy_b": "sft", "sample": 0}
    write_rows(folders["matches"] / "matches.parquet", [match], MATCHES)
    write_judgements(folders["matches"] / "judgements.parquet", [Judgement("m", "ab", "oracle", "a")])
    made = {
        name: artifact(folder, {"name": "oracle"} if name == "matches" else {"policy": "sft"}, seed=1)
        for name, folder in folders.items()
    }
    entry = {"backend": "transformers", "base": "small", "max_new_tokens": 3}
    verified = run(
        "verify_stories.py",
        {"policy": "sft", "name": "reader", "verifier": entry, "engine": "transformers"},
        tmp_path / "checks" / "manifest.json",
        preferences=[made["preferences"]],
        stories=[made["stories"]],
        model=[base],
        seed="1",
        endpoint="{}",
        answers=str(tmp_path / "answers"),
        serving="{}",
    )
    checks = read_rows(verified.parent / "checks.parquet", CHECKS)
    assert [(row["policy"], row["context_id"], row["constraint"]) for row in checks] == [
        ("sft", "c0", 1),
        ("rlmr", "c0", 1),
    ]
    assert [row["satisfied"] for row in checks] == [None, None]  # this model says nothing that can be read
    table = run(
        "tabulate_constraints.py",
        {
            "rows": ["sft", "rlmr"],
            "reference": "sft",
            "judge": "oracle",
            "probability": "hard",
            "paper": {},
            "synthetic": True,
        },
        tmp_path / "constraints" / "manifest.json",
        preferences=[made["preferences"]],
        stories=[made["stories"]],
        matches=[made["matches"]],
        checks=[verified],
    )
    frame = pd.read_csv(table.parent / "constraints.csv").set_index("policy")
    assert list(frame["instruction_strict"]) == [0, 1]
    assert list(frame["truncated"]) == [1, 0]
    assert list(frame["unverified"]) == pytest.approx([1 / 3, 1 / 3])
    assert frame.loc["rlmr", "win_rate"] == 1
    assert pd.isna(frame.loc["rlmr", "win_rate_compliant"])
