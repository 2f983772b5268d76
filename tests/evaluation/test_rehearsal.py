"""A rehearsal finds jobs that ended well and did nothing."""

import time

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from rlcs.data.artifacts import HISTORY_FILE, JUDGEMENTS_FILE, STORIES_FILE
from rlcs.data.parent_and_child import ParentAndChild
from rlcs.evaluation.rehearsal import find_problems, stage_table, to_page
from rlcs.records import Judgement
from rlcs.stages.manifest import content_id, identity, write_manifest


def artifact(results, name, write, inputs=None, config=None):
    folder = results / name
    folder.mkdir(parents=True)
    write(folder)
    write_manifest(folder, identity(name.split("/")[0], config or {}, "code", inputs or {}, 1), time.time())
    return content_id(folder / "manifest.json")


def weights(value):
    def write(folder):
        (folder / "model").mkdir()
        save_file({"w": torch.full((2, 2), value)}, folder / "model" / "model.safetensors")

    return write


def stories(text):
    row = {"context_id": "c", "policy": "p", "sample": 0, "seed": 1, "tokens": 1, "truncated": False}
    return lambda folder: STORIES_FILE.write(folder, [{**row, "text": text}])


def judged(*verdicts):
    said = [Judgement(f"p{n}", "ab", "j", verdict) for n, verdict in enumerate(verdicts)]
    return lambda folder: JUDGEMENTS_FILE.write(folder, said)


@pytest.fixture
def results(tmp_path):
    """A run without a problem."""
    base = artifact(tmp_path, "bases/b", weights(1.0))
    artifact(tmp_path, "judges/j/seed1", weights(2.0), {"base": base})
    policy = artifact(tmp_path, "policies/p/seed1", weights(3.0), {"model": base})
    artifact(tmp_path, "stories/p/seed1", stories("one"), {"model": policy})
    artifact(tmp_path, "stories/q/seed1", stories("two"), {"model": base})
    artifact(tmp_path, "alignment/j/seed1", judged("a", "none"))
    artifact(tmp_path, "tables/t", lambda f: pd.DataFrame({"n": [1.0], "s": ["x"]}).to_csv(f / "t.csv"))
    return tmp_path


def test_of_a_run_that_did_its_work_there_is_nothing_to_say(results):
    assert find_problems(results, ["p", "q"]) == []


@pytest.mark.parametrize("train", ["probe", ["probe", "lora"]])
def test_a_probe_moves_no_weight_and_need_not(results, train):
    base = content_id(results / "bases/b/manifest.json")
    config = {"judge": {"train": train}}
    artifact(results, "judges/probe/seed1", weights(1.0), {"base": base}, config)
    assert find_problems(results, []) == []


def test_a_training_that_moved_no_weight_is_found(results):
    base = content_id(results / "bases/b/manifest.json")
    artifact(results, "judges/still/seed1", weights(1.0), {"model": base})
    assert find_problems(results, []) == [
        "judges/still/seed1: its training changed none of the 1 weights of bases/b"
    ]

    def kept(folder):
        weights(1.0)(folder)
        ParentAndChild("accuracy", 4, 0.9, 0.1).write(folder)

    artifact(results, "judges/kept/seed1", kept, {"model": base})
    assert len(find_problems(results, [])) == 1  # its parent was published on purpose


@pytest.mark.parametrize(
    ("value", "reads", "found"),
    [
        (4.0, "copy", []),  # weights of its own, which draw the same story
        (3.0, "copy", ["copy, p: wrote the same 1 stories"]),
        (4.0, "p", ["copy, p: wrote the same 1 stories"]),  # a mixed-up path
    ],
)
def test_policies_that_write_the_same_by_the_same_weights_are_found(results, value, reads, found):
    base = content_id(results / "bases/b/manifest.json")
    artifact(results, "policies/copy/seed1", weights(value), {"model": base})
    model = content_id(results / f"policies/{reads}/seed1/manifest.json")
    artifact(results, "stories/copy/seed1", stories("one"), {"model": model})
    assert find_problems(results, ["copy"]) == found
    assert find_problems(results, ["other"]) == []  # neither of the two is trained


def test_a_reward_that_is_constant_is_found(results):
    def logged(*values):
        rows = [
            {"step": step, "metric": "frac_reward_zero_std", "value": value}
            for step, value in enumerate(values)
        ]
        return lambda folder: HISTORY_FILE.write(folder, rows)

    artifact(results, "policies/flat/seed1", logged(1.0, 1.0))
    artifact(results, "policies/fair/seed1", logged(1.0, 0.5))
    assert find_problems(results, []) == [
        "policies/flat/seed1: in all 2 logged steps every group had one reward, so that nothing was learned"
    ]


def test_a_judge_that_never_answers_and_a_table_without_a_number_are_found(results):
    artifact(results, "alignment/mute/seed1", judged("none", "none"))
    artifact(
        results,
        "tables/empty",
        lambda f: pd.DataFrame({"n": [None], "s": ["x"]}).to_csv(f / "e.csv", index=False),
    )
    assert find_problems(results, []) == [
        "alignment/mute/seed1: none of 2 answers could be read. "
        f"{results}/alignment/mute/seed1/judgements.parquet has them (raw). If they are lines of scores with "
        "a slip, the stand-in has learned too little, and your run is not at fault: raise steps of its base "
        "in the rehearsal's config/run.yaml, and make that run again",
        "tables/empty/e.csv: has no number",
    ]


def test_the_page_says_what_ran_what_was_replaced_and_what_was_found(results):
    stages = stage_table(results)
    assert dict(zip(stages["stage"], stages["jobs"], strict=True)) == {
        "bases": 1,
        "judges": 1,
        "policies": 1,
        "stories": 2,
        "alignment": 1,
        "tables": 1,
    }
    page = to_page(
        "Rehearsal of x", stages, {"vLLM": "transformers"}, ["NCCL"], ["a silent judge"], "train failed"
    )
    lines = page.splitlines()
    assert lines[:4] == ["# Rehearsal of x", "", "- train failed", "- a silent judge"]
    assert any(line.split("|")[1:3] == [" vLLM   ", " transformers   "] for line in lines)
    assert "- NCCL" in lines
    assert "Nothing was found." in to_page("x", stages, {}, [], [], None)
