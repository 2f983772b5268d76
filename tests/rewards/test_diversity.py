"""The bonus for diversity: its formula, its place beside rewards and constraints, and what it trains."""

from functools import partial
from statistics import fmean

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import assume, given
from hypothesis import strategies as st
from trl import GRPOConfig

from rlcs.config.policies import GRPOPolicyConfig
from rlcs.config.prompts import assistant, user
from rlcs.config.story_rewards import ConstraintsConfig, DiversityConfig
from rlcs.errors import InputError
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import Constraint, Context, Judgement
from rlcs.rewards.constrained_reward import ConstrainedReward
from rlcs.rewards.diverse_reward import DiverseReward, diversity_metrics, embedding_contributions
from rlcs.rewards.diversity import diversity_bonuses
from rlcs.rewards.loading import constrained_reward, load_contributions, writing_rewards
from rlcs.text import unique_ngram_shares
from rlcs.training.advantages import group_advantages
from rlcs.training.constrained_grpo import ConstrainedGRPOTrainer
from rlcs.training.options import build_options

GROUP = 4
CONTEXTS = {
    "free": Context("free", "quest", "", "", "", (), "train"),
    "short": Context("short", "quest", "", "", "", (Constraint("max_words", {"n": 3}),), "train"),
}

values = st.floats(-5, 5)
shares = st.floats(0, 1)
groups = st.lists(st.tuples(st.none() | values, st.none() | shares), min_size=1, max_size=8)
stories = st.lists(st.text("ab ", max_size=12), min_size=GROUP, max_size=GROUP)


def bonuses(group, weight=0.7, quality_quantile=0.5):
    qualities, contributions = zip(*group, strict=True)
    return diversity_bonuses(qualities, contributions, weight=weight, quality_quantile=quality_quantile)


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [
        (0.0, [0.0, 1.2, 0.4, 0.0]),
        (0.5, [0.0, 0.8, 0.0, 0.0]),  # 2 and 3: the second adds 0.4 more than the third
        (1.0, [0.0, 0.0, 0.0, 0.0]),  # the best alone has nobody to add more than
    ],
)
def test_only_stories_of_quality_earn_what_they_add_beyond_the_least(quantile, expected):
    qualities, contributions = [1.0, 2.0, 3.0, None], [0.2, 0.8, 0.4, 1.0]
    given_bonuses = diversity_bonuses(qualities, contributions, weight=2.0, quality_quantile=quantile)
    assert given_bonuses == pytest.approx(expected)


def test_a_tie_at_the_threshold_is_above_it():
    assert bonuses([(1, 0.0), (1, 0.5), (1, 1.0)], weight=1) == [0.0, 0.5, 1.0]


def test_what_has_nothing_to_compare_or_no_quality_earns_nothing():
    assert bonuses([(None, 0.5), (None, 0.9)]) == [0.0, 0.0]
    assert bonuses([(2.0, None), (1.0, 0.1), (2.0, 0.3)], weight=1) == [0.0, 0.0, 0.0]
    assert bonuses([(2.0, None), (2.0, 0.1), (2.0, 0.3)], weight=1) == pytest.approx([0.0, 0.0, 0.2])


@given(groups, st.floats(0.01, 10), shares)
def test_bonuses_are_bounded_and_put_no_story_below_quality_above_one_of_quality(group, weight, quantile):
    found = bonuses(group, weight, quantile)
    assert all(0 <= bonus <= weight for bonus in found)
    known = [quality for quality, _ in group if quality is not None]
    for (quality, _), bonus in zip(group, found, strict=True):
        if quality is None or quality < np.quantile(known, quantile):
            assert bonus == 0
    reached = [quality + bonus for (quality, _), bonus in zip(group, found, strict=True) if bonus > 0]
    below = [quality for quality in known if quality < np.quantile(known, quantile)]
    assert not reached or not below or min(reached) > max(below)


@given(groups, shares, st.randoms())
def test_bonuses_do_not_depend_on_the_places(group, quantile, rng):
    order = list(range(len(group)))
    rng.shuffle(order)
    found = bonuses(group, quality_quantile=quantile)
    assert bonuses([group[i] for i in order], quality_quantile=quantile) == [found[i] for i in order]


@given(values, shares, st.integers(1, 8))
def test_a_group_of_equal_stories_earns_nothing(quality, contribution, size):
    assert bonuses([(quality, contribution)] * size) == [0.0] * size


def test_a_copy_earns_nothing_where_another_story_does():
    texts = ["a wolf ran home", "a wolf ran home", "the miller sang all night", "a wolf sat down"]
    contributions = unique_ngram_shares(texts, 2)
    assert contributions == pytest.approx([0.0, 0.0, 1.0, 2 / 3])
    found = diversity_bonuses([1.0] * 4, contributions, weight=1.0, quality_quantile=0.5)
    assert found == pytest.approx([0.0, 0.0, 1.0, 2 / 3])


class Letters:
    """A sentence model whose vectors are the shares of a and b."""

    def embed(self, texts):
        counts = np.array([[text.count("a"), text.count("b")] for text in texts], dtype=float)
        return counts.reshape(-1, 2) / np.linalg.norm(counts.reshape(-1, 2), axis=1, keepdims=True)


MEASURES = [partial(unique_ngram_shares, n=2), partial(embedding_contributions, Letters())]


@pytest.mark.parametrize("measure", MEASURES, ids=["n-grams", "embeddings"])
@given(texts=stories, rng=st.randoms())
def test_what_a_story_adds_depends_on_the_others_and_not_on_its_place(measure, texts, rng):
    order = list(range(GROUP))
    rng.shuffle(order)
    found = measure(texts)
    moved = measure([texts[i] for i in order])
    for place, i in enumerate(order):
        assert moved[place] == (None if found[i] is None else pytest.approx(found[i]))
        assert found[i] is None or 0 <= found[i] <= 2
        assert found[i] is None or texts[i].strip()


@pytest.mark.parametrize("measure", MEASURES, ids=["n-grams", "embeddings"])
@given(texts=stories, story=st.text("ab ", min_size=1, max_size=12))
def test_one_more_copy_adds_no_more(measure, texts, story):
    before, after = measure([story, *texts])[0], measure([story, *texts[1:], story])[0]
    assume(before is not None)
    assert after <= before + 1e-9


def test_distances_of_a_group_skip_the_stories_without_words():
    assert embedding_contributions(Letters(), ["aa", " . ", "b", "ab"]) == pytest.approx(
        [1 - (0 + 0.5**0.5) / 2, None, 1 - (0 + 0.5**0.5) / 2, 1 - 0.5**0.5]
    )
    assert embedding_contributions(Letters(), ["", ""]) == [None, None]
    assert embedding_contributions(Letters(), ["a", ""]) == [None, None]


def by_story(points):
    """A writing reward: points by story, None where there are none."""
    return lambda *, completions, **_: [points.get(completion[-1]["content"]) for completion in completions]


def ask(writing, texts, *, wrapped=None, context="free", **diversity):
    config = DiversityConfig(**diversity)
    reward = DiverseReward(writing, config, load_contributions(config), group_size=GROUP)
    if wrapped:
        reward = ConstrainedReward(
            [(reward, 1.0)], CONTEXTS, ConstraintsConfig(mode=wrapped), group_size=GROUP
        )
    logged = {}
    rewards = reward(
        completions=[assistant(text) for text in texts],
        completion_ids=[[0] for _ in texts],
        context_id=[context] * len(texts),
        log_metric=logged.__setitem__,
        trainer_state=None,
    )
    return rewards, logged


def test_a_reward_is_the_sum_of_the_writing_and_the_bonus_of_its_group():
    texts = ["a b c", "a b d", "x y z", "gone", *["a b c"] * 4]
    points = {"a b c": 1.0, "a b d": 2.0, "x y z": 2.0}
    rewards, logged = ask([(by_story(points), 1.0), (by_story({"x y z": 3.0}), 0.5)], texts, n=2, weight=0.8)
    # the median of 1, 2 and 3.5 is 2; shares of unique 2-grams are ½, ½, 1, and 0 of the copies
    assert rewards == [1.0, 2.0, pytest.approx(3.5 + 0.8 * 0.5), None, *[1.0] * 4]
    assert logged == {
        "diversity/contribution": pytest.approx(fmean([0.5, 0.5, 1.0, 0, 0, 0, 0])),
        "diversity/quality": pytest.approx(fmean([1, 2, 3.5, 1, 1, 1, 1])),
        "diversity/bonus": pytest.approx(0.4 / 7),
        "diversity/earned": pytest.approx(1 / 7),
    }
    assert diversity_metrics([]) == {}


@given(stories, st.lists(st.none() | values, min_size=GROUP, max_size=GROUP), st.floats(0.1, 20), shares)
def test_the_penalty_stays_below_the_mean_whatever_the_bonus(texts, points, weight, quantile):
    said = dict(zip(texts, points, strict=True))
    diversity = {"n": 1, "weight": weight, "quality_quantile": quantile}
    rewards, _ = ask([(by_story(said), 1.0)], texts, wrapped="penalty", context="short", **diversity)
    violators = [len(text.split()) > 3 or not text.strip() for text in texts]
    compliant = [said[text] for text, broken in zip(texts, violators, strict=True) if not broken]
    if any(quality is not None for quality in compliant) and any(violators):
        mean = fmean(reward for reward in rewards if reward is not None)
        assert all(reward < mean for reward, broken in zip(rewards, violators, strict=True) if broken)
    if not any(violators):
        assert rewards == ask([(by_story(said), 1.0)], texts, **diversity)[0]


class ByLength:
    """Scores a story by its length in characters."""

    name = "length"

    def judge(self, comparisons):
        return [
            Judgement(c.pair_id, c.order, self.name, "tie", score_a=float(len(c.story_a)))
            for c in comparisons
        ]


def entry(**keys):
    raw = {"train": "grpo", "from": "sft", "reward": {"judge": "length", "kind": "scalar"}}
    return GRPOPolicyConfig.model_validate(raw | keys)


@pytest.mark.parametrize("constraints", [None, {"mode": "penalty"}])
def test_one_function_is_rewarded_by_all_and_knows_their_weights(constraints):
    reward = {"judge": "length", "kind": "scalar", "weight": 0.5}
    policy = entry(reward=reward, diversity={"weight": 2.0, "n": 1}, constraints=constraints)
    ((function, weight),) = pairs = writing_rewards(
        policy, {"length": ByLength()}, CONTEXTS, group_size=GROUP, seed=0
    )
    assert weight == 1.0
    whole = constrained_reward(policy, pairs, CONTEXTS, None, group_size=GROUP, limit=None, stop_tokens=())
    logged = {}
    rewards = (whole or function)(
        completions=[assistant(text) for text in ("aa", "aa", "bb", "b")],
        completion_ids=[[0]] * GROUP,
        context_id=["free"] * GROUP,
        log_metric=logged.__setitem__,
    )
    assert rewards == [1.0, 1.0, 1.0 + 2.0, 0.5]
    assert {"diversity/earned", "stories/repeated"} & logged.keys() == {"diversity/earned"}
    without = writing_rewards(
        entry(reward=reward), {"length": ByLength()}, CONTEXTS, group_size=GROUP, seed=0
    )
    assert [weight for _, weight in without] == [0.5]


def test_a_sentence_model_that_is_not_installed_is_named():
    missing = {"package": "no-such-package==1.0", "model": "folder"}
    policy = entry(diversity={"sentence_model": missing})
    with pytest.raises(InputError, match=r"package no-such-package==1\.0 of the sentence model is not inst"):
        writing_rewards(policy, {"length": ByLength()}, CONTEXTS, group_size=GROUP, seed=0)


class Recorder(ConstrainedGRPOTrainer):
    """Keeps the stories, their rewards and their advantages."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self.shown = [completion[-1]["content"] for completion in completions], rewards[:, 0]
        return rewards

    def _generate_and_score_completions(self, inputs):
        batch = super()._generate_and_score_completions(inputs)
        self.seen.append((*self.shown, batch["advantages"]))
        return batch


@pytest.mark.slow
def test_over_a_training_rewards_are_the_formula_and_parameters_move(model_folder, tmp_path):
    size = 8
    policy = entry(diversity={"weight": 5.0, "n": 1})
    ((function, _),) = writing_rewards(policy, {"length": ByLength()}, CONTEXTS, group_size=size, seed=0)
    options = {
        "per_device_train_batch_size": 16,
        "num_generations": size,
        "max_completion_length": 12,
        "max_steps": 3,
        "learning_rate": 1e-2,
    }
    shared = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
    trainer = Recorder(
        model=load_causal(model_folder),
        reward_funcs=[function],
        args=build_options(GRPOConfig, shared, options, seed=3, output_dir=str(tmp_path)),
        train_dataset=Dataset.from_list(
            [{"prompt": user(f"Story {n}"), "context_id": "free"} for n in range(6)]
        ),
        processing_class=load_tokenizer(model_folder),
    )
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.train()
    assert any(not torch.equal(before[name], value) for name, value in trainer.model.state_dict().items())
    assert len(trainer.seen) == 3
    earned = []
    for texts, rewards, advantages in trainer.seen:
        expected = []
        for start in range(0, len(texts), size):
            group = texts[start : start + size]
            qualities = [float(len(text)) for text in group]
            contributions = unique_ngram_shares(group, 1)
            added = diversity_bonuses(qualities, contributions, weight=5.0, quality_quantile=0.5)
            earned += added
            expected += [quality + bonus for quality, bonus in zip(qualities, added, strict=True)]
        torch.testing.assert_close(rewards, torch.tensor(expected))
        torch.testing.assert_close(advantages, group_advantages(rewards, size))
    assert sum(bonus > 0 for bonus in earned) > len(earned) / 10
    for logged in trainer.state.log_history[:3]:
        assert logged["reward"] == pytest.approx(
            logged["diversity/quality"] + logged["diversity/bonus"], rel=1e-5
        )
        assert 0 < logged["diversity/earned"] < 1
        assert 0 < logged["diversity/contribution"] < 1
        assert "stories/distinct_2" in logged
