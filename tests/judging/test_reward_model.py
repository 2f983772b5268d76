"""A ready reward model of the hub or a folder is a judge as a trained one is."""

import copy

import pytest
from transformers import AutoModelForSequenceClassification

from prepare_base import bring
from rlcs.config import parsing
from rlcs.config.bases import RewardModelBaseConfig
from rlcs.config.judges import scores_alone
from rlcs.judging.loading import has_weights, load_judge
from rlcs.judging.scalar import ScalarJudge
from rlcs.models.loading import load_tokenizer
from rlcs.planning import stage_configs
from smoke_run import SMOKE

BASE = {"kind": "reward_model", "model": "Skywork/Skywork-Reward-V2-Llama-3.1-8B"}
READY = {"kind": "scalar", "train": "none", "base": "skywork"}


def run(**changes):
    raw = copy.deepcopy(SMOKE)
    raw["bases"]["skywork"] = BASE
    raw["judges"]["ready"] = READY | changes
    raw["tables"]["alignment"]["rows"].append("ready")
    return raw


def problems(raw):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    return "\n".join(str(error.value).splitlines()[1:])


def brought(folder, tmp_path):
    bring(RewardModelBaseConfig(kind="reward_model", model=str(folder)), tmp_path / "out" / "model", tmp_path)
    return tmp_path / "out"


def test_it_judges_as_a_trained_one_with_the_same_prompt(reward_model, tmp_path, comparisons):
    section = stage_configs.judge(parsing.parse(run()), "ready")
    judge = load_judge(section, brought(reward_model, tmp_path))
    template, batch = section["writing"]["template"], section["batch_size"]
    assert judge.judge(comparisons) == ScalarJudge.load("ready", reward_model, template, batch).judge(
        comparisons
    )
    assert has_weights(section)


def test_a_head_of_two_labels_is_refused_with_their_number(model_folder, tmp_path):
    folder = tmp_path / "classifier"
    AutoModelForSequenceClassification.from_pretrained(model_folder, num_labels=2).save_pretrained(folder)
    load_tokenizer(model_folder).save_pretrained(folder)
    with pytest.raises(ValueError, match="has a head of 2 labels, but a reward model has one"):
        brought(folder, tmp_path)


def test_a_language_model_is_no_reward_model(model_folder, tmp_path):
    with pytest.raises(ValueError, match=r"lacks score\.weight"):
        brought(model_folder, tmp_path)


def test_it_rewards_chooses_compares_and_passes_a_gate():
    raw = run()
    raw["gate"] = {"pairs": 4}
    raw["tables"]["win_rates"]["judges"].append("ready")
    raw["policies"]["rlcs"]["reward"] = {"judge": "ready", "kind": "scalar"}
    raw["policies"]["chosen"] = {"train": "none", "from": "sft", "best_of": {"judge": "ready"}}
    config = parsing.parse(raw)
    assert scores_alone(config.judges["ready"])
    assert stage_configs.gated_judges(config, "rlcs") == ["ready"]
    assert stage_configs.best_of(config, "chosen")["scores_alone"]
    assert (
        parsing.parse(raw | {"defaults": {"judges": {"dtype": "bfloat16"}}}).judges["ready"].train == "none"
    )


def test_a_reward_models_base_is_for_such_a_judge_alone():
    assert "judges.ready.base: 'small' is of kind 'world'" in problems(run(base="small"))
    raw = run()
    raw["policies"]["sft"]["base"] = "skywork"
    assert "policies.sft.base: 'skywork' is of kind 'reward_model'" in problems(raw)
    assert "gguf_file holds a language model and no head" in problems(
        run() | {"bases": {**SMOKE["bases"], "skywork": BASE | {"gguf_file": "a.gguf"}}}
    )


def test_nothing_of_a_training_can_be_set():
    assert "judges.ready.training" in problems(run(training={"max_steps": 1}))
