"""The examples of docs/scale.md are taken at their word, and so are the files that it names."""

import copy
import re

import pytest
import yaml

import check_config
from paths import ROOT
from rlcs.config import parsing
from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.policies import SFTPolicyConfig
from rlcs.planning.gpu_memory import known_shape
from rlcs.planning.gpu_plan import shape_of
from rlcs.stages.launch import Launch
from smoke_run import SMOKE

TEXT = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
EXAMPLE, OPTIONS, SERVERS, SHAPE = (
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.S)
)
FILES = sorted((ROOT / "config" / "accelerate").glob("*.yaml"))


def test_the_example_of_a_launch_is_a_policy():
    entry = SFTPolicyConfig.model_validate(EXAMPLE["policies"]["example"])
    assert Launch.of_file(ROOT / entry.launch).processes == 8


def planned():
    """What check prints of the example, as a policy of a run."""
    raw = copy.deepcopy(SMOKE) | {"training": {}}
    raw["bases"]["qwen-7b"] = {"kind": "pretrained", "model": "Qwen/Qwen2.5-7B-Instruct"}
    example = EXAMPLE["policies"]["example"]
    raw["policies"]["example"] = example | {"launch": str(ROOT / example["launch"])}
    run = parsing.parse(raw)
    made, _ = check_config.plans(run)
    return [f"ok       memory  {plan}" for plan in made]


def test_the_plan_of_the_example_is_what_check_prints():
    shown = re.findall(r"^ok       memory .*$", TEXT, re.M)
    assert shown == planned()


def problems(options, **sections):
    """What check finds in a run of a GRPO policy with such options."""
    raw = copy.deepcopy(SMOKE) | {"training": {"use_cpu": True}} | sections
    raw["policies"]["rlcs"]["training"] = options
    return check_config.problems(parsing.parse(raw))


def test_the_options_are_trls():
    assert problems(OPTIONS) == []


def test_the_example_of_servers_is_a_runs():
    options = {"use_vllm": True, "vllm_mode": "server"}
    assert len(problems(options)) == 1
    serving = SERVERS["serving"]
    assert serving["rollouts"]["gpus"] == 2
    assert problems(options, serving=serving) == []


def test_the_example_of_a_shape_is_that_of_its_model():
    entry = PretrainedBaseConfig.model_validate(SHAPE["my-model"])
    assert shape_of(entry) == known_shape("Qwen/Qwen2.5-7B", None)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_is_named_and_accelerate_takes_it(file):
    assert f"`{file.name}`" in TEXT
    assert check_config.launch_problems(file, object()) == []
    launch = Launch.of_file(file)
    nodes, _, per_node = file.stem.partition("-")[2].rpartition("x")
    assert (launch.nodes, launch.per_node) == (int(nodes or 1), int(per_node))
