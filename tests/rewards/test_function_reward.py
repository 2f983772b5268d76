"""A reward of the user's own, with TRL's signature."""

import pytest

from plugin_files import plugin
from rlcs.config.policies import GRPOPolicyConfig
from rlcs.errors import InputError
from rlcs.rewards.loading import writing_rewards

TEXT = """
def reward(stories, contexts, failing="x"):
    return [
        None if failing in story else len(story) + len(context.outline)
        for story, context in zip(stories, contexts, strict=True)
    ]
"""


def loaded(folder, context, **reward):
    entry = GRPOPolicyConfig.model_validate(
        {"train": "grpo", "from": "sft", "reward": {"function": str(plugin(folder, TEXT)), **reward}}
    )
    assert entry.judges == []
    return writing_rewards(entry, {}, {context.context_id: context}, group_size=2, seed=0)


def called(function, context, stories):
    metrics = {}
    completions = [[{"role": "assistant", "content": story}] for story in stories]
    ids = [context.context_id] * len(stories)
    values = function(
        completions=completions, context_id=ids, log_metric=metrics.__setitem__, prompts=completions
    )
    return values, metrics


def test_a_files_values_are_the_rewards_and_failures_are_counted(tmp_path, context):
    ((function, weight),) = loaded(tmp_path, context, weight=0.5, options={"failing": "x"})
    assert (weight, function.__name__) == (0.5, "function-mine")
    values, metrics = called(function, context, ["abc", "x", "de", "f"])
    plot = len(context.outline)
    assert values == [3 + plot, None, 2 + plot, 1 + plot]
    assert (metrics["function/mine/calls"], metrics["function/mine/failed"]) == (4, 0.25)


def test_too_many_failures_end_the_training(tmp_path, context):
    ((function, _),) = loaded(tmp_path, context, options={"failing": "x"}, max_failure_share=0.02)
    called(function, context, ["x", "x"])
    with pytest.raises(
        InputError, match=r"3 of the last 3 values of .*mine.py are None, more than reward\.max_"
    ):
        called(function, context, ["x"])
