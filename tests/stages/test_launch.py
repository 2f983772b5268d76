"""Trainings in several processes: what is started, and that two on a CPU do what one does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import forked
import launched
import train_policy_dpo
import train_policy_sft
from paths import ROOT
from rlcs.config import parsing
from rlcs.errors import InputError
from rlcs.planning import stage_configs
from rlcs.records import HISTORY, PAIRS, Constraint, Context, read_rows, write_contexts, write_rows
from rlcs.stages.launch import Allocation, Launch, allocation, command
from rlcs.stages.stage import Stage
from smoke_run import SMOKE

TWO = ROOT / "config" / "accelerate" / "cpu-2.yaml"
STEPS, BATCH = 8, 16


def launch_file(folder, text):
    path = folder / "launch.yaml"
    path.write_text(text)
    return path


def test_one_node_is_accelerates_own_launch():
    line = command(Launch(TWO, 2, 1), ["train.py", "--seed", "1"], None)
    assert line == [
        *(sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(TWO)),
        *("--main_process_port", "0", "train.py", "--seed", "1"),
    ]


def test_several_nodes_are_one_launcher_on_each(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "n1")
    line = command(Launch(TWO, 32, 4), ["train.py"], Allocation(nodes=4, cpus=256))
    step, _, rest = (part.split("\0") for part in "\0".join(line).partition("\0bash\0-c\0"))
    assert step[:2] == ["srun", "--kill-on-bad-exit=1"]
    assert dict(zip(step[2::2], step[3::2], strict=True)) == {
        "--nodes": "4",
        "--ntasks": "4",
        "--ntasks-per-node": "1",
        "--cpus-per-task": "64",
        "--cpu-bind": "none",
    }
    assert rest[0].endswith('-m accelerate.commands.launch --machine_rank "$SLURM_PROCID" "$@"')
    assert rest[2:6] == ["--config_file", str(TWO), "--main_process_ip", "n1"]
    assert rest[6] == "--main_process_port"
    assert 1024 < int(rest[7]) < 65536
    assert rest[8:] == ["train.py"]


@pytest.mark.parametrize("job", [None, Allocation(nodes=2, cpus=16)])
def test_nodes_that_are_not_there(job):
    with pytest.raises(InputError, match=r"num_machines = 4: .* this one (is none|has 2)"):
        command(Launch(TWO, 32, 4), ["train.py"], job)


@pytest.mark.parametrize(
    ("prints", "code", "said"),
    [("4 256", 0, Allocation(4, 256)), ("", 0, None), ("slurm_load_jobs error", 1, None)],
)
def test_slurm_says_what_a_job_has(tmp_path, monkeypatch, prints, code, said):
    """As the real one does: tests/workflow/test_slurm.py."""
    squeue = tmp_path / "squeue"
    squeue.write_text(f'#!/bin/sh\n[ "$3" = 17 ] && echo "{prints}" && exit {code}\n')
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert allocation({}) is None
    if said:
        assert allocation({"SLURM_JOB_ID": "17"}) == said
    else:
        with pytest.raises(InputError, match=r"squeue .* does not say what the job has"):
            allocation({"SLURM_JOB_ID": "17"})


def test_how_many_is_said_by_accelerates_file(tmp_path):
    shape = Launch.of_file(launch_file(tmp_path, "num_machines: 4\nnum_processes: 32\n"))
    assert (shape.processes, shape.nodes, shape.per_node) == (32, 4, 8)


@pytest.mark.parametrize(
    "text",
    ["num_processes: 8", "num_machines: 3\nnum_processes: 8", "[]", "num_machines: 1\nnum_processes: x"],
)
def test_files_that_say_it_wrong(text, tmp_path):
    with pytest.raises(InputError, match=r"num_processes = .* must be a multiple of num_machines = "):
        Launch.of_file(launch_file(tmp_path, text))


# From here on with trainers.

SHORT = Constraint("max_words", {"n": 7})
CONTEXTS = [
    Context(
        f"c{n}",
        "quest",
        f"Mara {n}",
        "the ring is lost",
        f"mill {n}",
        (Constraint("max_words", {"n": 7}),),
        split,
    )
    for n, split in enumerate(["train"] * 32 + ["validation"] * 4)
]
PAIRS_ROWS = [
    {
        "pair_id": f"p{n}",
        "context_id": context.context_id,
        "story_a": f"Mara went to the mill. She met the wolf {n} times.",
        "story_b": "So Mara won.",
        "label": "a",
        "source": "human",
        "annotator": None,
        "cohort": None,
    }
    for n, context in enumerate(CONTEXTS)
]


@pytest.fixture(scope="module")
def inputs(model_folder, tmp_path_factory):
    """Artifacts as far as the stages look at them."""
    folder = tmp_path_factory.mktemp("preferences")
    write_contexts(folder / "contexts.parquet", CONTEXTS)
    write_rows(folder / "pairs.parquet", PAIRS_ROWS, PAIRS)
    manifests = {"preferences": folder / "manifest.json", "model": model_folder.parent / "manifest.json"}
    for manifest in manifests.values():
        manifest.write_text("{}")
    return manifests


def section(policy, batch):
    """The policy's section; ``batch``: of one process."""
    raw = json.loads(json.dumps(SMOKE))
    raw["training"] |= {"max_steps": STEPS, "save_steps": 2}
    raw["policies"]["sft"]["training"] = {"per_device_train_batch_size": batch, "learning_rate": 1e-2}
    raw["policies"]["dpo"] = {
        "train": "dpo",
        "from": "sft",
        "training": {"per_device_train_batch_size": batch, "learning_rate": 1e-2},
    }
    raw["policies"]["grpo"] = {
        "train": "grpo",
        "from": "sft",
        "reward": {"judge": "length", "pivots": 2},
        "shaping": "entropy",
        "constraints": {"mode": "penalty"},
        "select": {"judge": "shorter", "every": 4, "contexts": 3},
        "watch": {"window": 1, "length_drift": 0.01},
        "training": {
            "per_device_train_batch_size": batch,
            "num_generations": 4,
            "max_completion_length": launched.LENGTH,
            "beta": 0.1,
            "learning_rate": 1e-2,
        },
    }
    raw["judges"] |= {
        "length": {"kind": "length"},
        "shorter": {"kind": "length", "prefer": "shorter"},
    }
    return stage_configs.train_policy(parsing.parse(raw), policy)


GIVEN = {"endpoint": "{}", "answers": "answers", "serving": "{}"}


def in_this_process(main, policy, inputs, folder):
    """The artifact of one process with the whole batch."""
    output = folder / "one" / "manifest.json"
    main(
        Stage(
            "one",
            Path(launched.__file__),
            section(policy, BATCH),
            {name: (path,) for name, path in inputs.items()} | {"judge": (), "verifier": (), "consensus": ()},
            output,
            1,
            GIVEN,
        )
    )
    return output.parent


def start(script, policy, inputs, folder, **options):
    """Two processes with half of the batch each."""
    line = [forked.python(), str(script), "--config", json.dumps(section(policy, BATCH // 2)), "--seed", "1"]
    for name, value in (inputs | options | {"launch": TWO}).items():
        line += [f"--{name}", str(value)]
    with (folder / "two.log").open("a") as log:
        return subprocess.Popen(
            [*line, "--output", str(folder / "two" / "manifest.json")], stdout=log, stderr=log
        )


def same(one, two):
    """The same losses and rewards, and nearly the same weights."""
    logged = [
        {(row["step"], row["metric"]): row["value"] for row in read_rows(folder / "history.parquet", HISTORY)}
        for folder in (one, two)
    ]
    assert logged[0].keys() == logged[1].keys()
    wrong = {
        key: (value, logged[1][key])
        for key, value in logged[0].items()
        if value != pytest.approx(logged[1][key], abs=1e-4, rel=1e-4)
    }
    assert wrong == {}
    weights = [load_file(folder / "model" / "model.safetensors") for folder in (one, two)]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], atol=2e-3, rtol=1e-3)


@pytest.mark.slow
def test_two_processes_that_are_stopped_and_go_on_learn_what_one_learns(inputs, tmp_path):
    inputs = {"preferences": inputs["preferences"], "base": inputs["model"]}
    one = in_this_process(train_policy_sft.main, "sft", inputs, tmp_path)
    script = ROOT / "workflow_scripts" / "train_policy_sft.py"
    process = start(script, "sft", inputs, tmp_path)
    while process.poll() is None and not list(tmp_path.glob("two.checkpoints/*/checkpoint-*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM, (tmp_path / "two.log").read_text()[-3000:]
    assert not (tmp_path / "two").exists()
    steps = [int(path.name.rpartition("-")[2]) for path in tmp_path.glob("two.checkpoints/*/checkpoint-*")]
    assert 1 <= max(steps) < STEPS
    assert start(script, "sft", inputs, tmp_path).wait() == 0, (tmp_path / "two.log").read_text()[-3000:]
    same(one, tmp_path / "two")
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "two.log"}
    said = (tmp_path / "two.log").read_text()
    assert said.count("'loss'") == STEPS  # once, by one process, and none twice


@pytest.mark.slow
def test_two_processes_prefer_as_one_does(inputs, tmp_path):
    one = in_this_process(train_policy_dpo.main, "dpo", inputs, tmp_path)
    process = start(ROOT / "workflow_scripts" / "train_policy_dpo.py", "dpo", inputs, tmp_path)
    assert process.wait() == 0, (tmp_path / "two.log").read_text()[-3000:]
    same(one, tmp_path / "two")


@pytest.mark.slow
def test_two_processes_reward_as_one_does(inputs, tmp_path):
    one = in_this_process(launched.main, "grpo", inputs, tmp_path)
    process = start(Path(launched.__file__), "grpo", inputs, tmp_path, **GIVEN)
    assert process.wait() == 0, (tmp_path / "two.log").read_text()[-3000:]
    same(one, tmp_path / "two")
    flags = [
        [(flag["step"], flag["rule"]) for flag in json.loads((folder / "flags.json").read_text())]
        for folder in (one, tmp_path / "two")
    ]
    assert flags[0] == flags[1] != []
