"""Bradley-Terry as a linear probe: its features, its artifact, and the choice among ways of training."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from rlcs import errors
from rlcs.config.prompts import assistant, policy_prompt, user
from rlcs.config.trained_judges import ScalarJudgeConfig
from rlcs.config.training import AdapterConfig
from rlcs.judging.loading import load_judge
from rlcs.judging.story_features import PERPLEXITY, encode_story, state_places, story_features
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import Comparison
from rlcs.stages import stage
from rlcs.training import bradley_terry
from rlcs.training.bradley_terry import RewardTraining
from rlcs.training.linear_probe import CROSS_VALIDATION

TEMPLATE = "$outline"
STORIES = ["A wolf.", "Mara used the rope. Mara used the rope.", "At the mill the wolf met Mara."]
SHARED = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}


def test_features_do_not_depend_on_the_batch(model_folder):
    model, tokenizer = load_causal(model_folder), load_tokenizer(model_folder)
    told = [encode_story(tokenizer, user("mill, wolf"), story) for story in STORIES]
    places = [*state_places(model), PERPLEXITY]
    together = story_features(model, tokenizer, told, places, batch_size=3)
    alone = story_features(model, tokenizer, told, places, batch_size=1)
    for place in places:
        assert together[place] == pytest.approx(alone[place], abs=1e-4)
        assert len(together[place]) == 3


def test_perplexity_is_the_mean_log_probability_of_the_story_alone(model_folder):
    model, tokenizer = load_causal(model_folder), load_tokenizer(model_folder)
    told = encode_story(tokenizer, user("mill, wolf"), STORIES[1])
    asked = tokenizer.apply_chat_template(user("mill, wolf"), add_generation_prompt=True, return_dict=False)
    assert told.ids[: told.start] == asked[: told.start]
    assert tokenizer.decode(told.ids[told.start :]).split()[:2] == ["Mara", "used"]
    with torch.no_grad():
        logps = model(torch.tensor([told.ids])).logits.log_softmax(dim=-1)[0]
    of_story = [logps[i - 1, told.ids[i]].item() for i in range(told.start, len(told.ids))]
    found = story_features(model, tokenizer, [told], [PERPLEXITY], batch_size=1)[PERPLEXITY]
    assert found[0, 0] == pytest.approx(np.mean(of_story), abs=1e-4)


def a_stage(tmp_path):
    script = Path(stage.__file__)
    output = tmp_path / "bt" / "manifest.json"
    return stage.Stage("bt", script, {"training": SHARED}, {}, output, 1, {})


def examples(n=12):
    """The preferred story has the rope."""
    return [
        {
            "prompt": user(f"Mara lost the {'ring' if i % 2 else 'map'}"),
            "chosen": assistant("Mara used the rope."),
            "rejected": assistant("A wolf met Mara at the mill."),
        }
        for i in range(n)
    ]


@pytest.fixture
def trained(model_folder, tmp_path):
    def train(n=12, **entry):
        judge = ScalarJudgeConfig(kind="scalar", base="small", **entry)
        groups = [str(number // 2) for number in range(n)]
        RewardTraining(a_stage(tmp_path), judge, model_folder, examples(n), groups).publish()
        return tmp_path / "bt"

    return train


def test_a_probe_learns_and_judges_as_any_reward_model_does(trained, context):
    folder = trained(train="probe", folds=3)
    said = json.loads((folder / CROSS_VALIDATION).read_text())
    assert said["chosen"] == "probe"
    assert said["probe"]["accuracy"] == said["probe"]["variant_accuracy"] == 1.0
    section = {"name": "bt", "judge": {"kind": "scalar"}, "writing": {"template": TEMPLATE}}
    judge = load_judge({**section, "batch_size": 4}, folder)
    stories = "A wolf met Mara at the mill.", "Mara used the rope."
    ab, ba = judge.judge([Comparison("p", context, *stories, order) for order in ("ab", "ba")])
    assert ab.verdict == ba.verdict == "b"
    assert ab.p_a == ba.p_a < 0.5
    told = encode_story(judge.tokenizer, policy_prompt(TEMPLATE, context), stories[1])
    place = judge.probe.position
    seen = story_features(judge.model, judge.tokenizer, [told], [place], batch_size=1)[place]
    assert ab.score_b == pytest.approx(float(seen[0] @ judge.probe.weights), abs=1e-6)


def test_perplexity_is_a_probe_of_one_feature(trained):
    said = json.loads((trained(train="probe", features="perplexity") / CROSS_VALIDATION).read_text())
    assert said["probe"]["place"] == PERPLEXITY


def test_two_pairs_of_three_contexts_are_enough(trained):
    assert json.loads((trained(n=6, train="probe") / CROSS_VALIDATION).read_text())["pairs"] == 6


def test_one_context_is_refused_in_one_message(model_folder, tmp_path):
    judge = ScalarJudgeConfig(kind="scalar", base="small", train="probe")
    with pytest.raises(errors.InputError, match="two contexts at least, there are 1: bring more contexts"):
        RewardTraining(a_stage(tmp_path), judge, model_folder, examples(2), ["c", "c"]).publish()


@pytest.mark.slow
def test_the_best_way_in_cross_validation_is_published(trained, tmp_path):
    training = {"max_steps": 2, "per_device_train_batch_size": 4, "save_steps": 1}
    folder = trained(train=["probe", "full"], folds=2, training=training)
    said = json.loads((folder / CROSS_VALIDATION).read_text())
    assert said["chosen"] == max(("probe", "full"), key=lambda way: said[way]["accuracy"])
    assert (folder / "model" / "probe.json").exists() == (said["chosen"] == "probe")


@pytest.mark.slow
def test_a_probe_competes_by_the_score_of_its_selection_and_not_by_its_best_variant(trained, monkeypatch):
    monkeypatch.setattr(bradley_terry, "nested_accuracy", lambda *_: 0.4)
    monkeypatch.setattr(RewardTraining, "cross_validated", lambda *_: 0.6)
    training = {"max_steps": 1, "per_device_train_batch_size": 4, "save_steps": 1}
    said = json.loads((trained(train=["probe", "full"], training=training) / CROSS_VALIDATION).read_text())
    assert said["chosen"] == "full"
    assert said["probe"]["variant_accuracy"] == 1.0


@pytest.mark.parametrize(
    ("entry", "ways"),
    [
        ({}, ["full"]),
        ({"lora": AdapterConfig()}, ["lora"]),
        ({"train": "probe"}, ["probe"]),
        ({"train": ["probe", "lora"]}, ["probe", "lora"]),
    ],
)
def test_ways(entry, ways):
    assert ScalarJudgeConfig(kind="scalar", base="small", **entry).ways == ways


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"train": []}, "at least one way"),
        ({"train": ["lora", "lora"]}, "none twice"),
        ({"train": "full", "lora": {"r": 4}}, "lora is given, but train is 'full'"),
        ({"features": "perplexity"}, "features: perplexity needs train: probe"),
    ],
)
def test_ways_that_contradict_themselves(entry, message):
    with pytest.raises(ValueError, match=message):
        ScalarJudgeConfig(kind="scalar", base="small", **entry)
