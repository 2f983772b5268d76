"""Rewards under constraints and the trainer that counts violators."""

import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from trl import GRPOConfig

from rlcs.config.prompts import assistant, user
from rlcs.config.story_rewards import ConstraintsConfig
from rlcs.config.training import ShapingConfig
from rlcs.constraints.verification import Check
from rlcs.errors import InputError
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import Constraint, Context, Judgement
from rlcs.rewards.constrained_reward import ConstrainedReward, constraint_metrics
from rlcs.rewards.penalty import apply_penalty
from rlcs.rewards.scalar_reward import ScalarReward
from rlcs.training.constrained_grpo import (
    COUNTED,
    ConstrainedGRPOTrainer,
    count_violators,
    override_all_violating,
)
from rlcs.training.options import build_options

GROUP = 4
CONTEXTS = {
    "short": Context("short", "quest", "", "", "", (Constraint("max_words", {"n": 2}),), "train"),
    "two": Context(
        "two",
        "quest",
        "",
        "",
        "",
        (Constraint("max_words", {"n": 2}), Constraint("required_word", {"word": "map"})),
        "train",
    ),
    "free": Context("free", "quest", "", "", "", (), "train"),
    "doubt": Context("doubt", "quest", "", "", "", (Constraint("described", {"text": "doubt"}),), "train"),
}


def by_story(points):
    """A writing reward: points by story, None where there are none."""
    return lambda *, completions, **_: [points.get(completion[-1]["content"]) for completion in completions]


class Reader:
    name = "reader"

    def __init__(self, *verdicts):
        self.verdicts = verdicts

    def verify(self, questions):
        return [Check(verdict) for verdict, _ in zip(self.verdicts, questions, strict=True)]


END, LIMIT = 2, 3
WHOLE, CUT = [8, 8, END], [8, 8, 8]


def ask(mode, context_ids, stories, points, *, verifier=None, weights=(1.0,), cut=(), limit=None, **options):
    """Rewards, violations and metrics; ``cut`` are the stories that the token limit ended."""
    logged = {}
    reward = ConstrainedReward(
        [(by_story(points), weight) for weight in weights],
        CONTEXTS,
        ConstraintsConfig(mode=mode, **options),
        group_size=GROUP,
        verifier=verifier,
        limit=limit,
        stop_tokens=[END],
    )
    rewards = reward(
        completions=[assistant(story) for story in stories],
        completion_ids=[CUT if story in cut else WHOLE for story in stories],
        context_id=context_ids,
        log_metric=logged.__setitem__,
        trainer_state=None,
    )
    return rewards, reward.latest, logged


STORIES = ["run", "a long story", "the map", "one more story"]
POINTS = {"run": 1.0, "a long story": 4.0, "the map": 0.0, "one more story": -1.0}


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        ("none", {}, [1, 4, 0, -1]),
        ("penalty", {"margin": 0.5}, apply_penalty([1, 4, 0, -1], [1, 2, 0, 2], margin=0.5)),
        (
            "penalty",
            {"margin": 0.5, "per_constraint": True},
            apply_penalty([1, 4, 0, -1], [1, 2, 0, 2], margin=0.5, per_constraint=True),
        ),
        ("verifier_only", {}, [0, 0, 1, 0]),
        ("verifier_only", {"per_constraint": True}, [0.5, 0, 1, 0]),
        ("fixed", {"weight": 0.25}, [0.75, 3, 0.25, -0.75]),
        ("fixed", {"weight": 0.25, "per_constraint": True}, [0.875, 3, 0.25, -0.75]),
    ],
)
def test_modes(mode, options, expected):
    rewards, latest, logged = ask(mode, ["two"] * 4, STORIES, POINTS, **options)
    assert rewards == pytest.approx(expected)
    assert latest.violator == [True, True, False, True]
    assert latest.all_violate == [False] * 4
    assert logged == {"constraints/satisfied": 3 / 8, "constraints/unverified": 0, "constraints/writing": 1}


def test_groups_are_settled_by_themselves():
    stories = [*STORIES, "a long story", "a longer story", "one more story", "and one more", *STORIES]
    rewards, latest, _ = ask("penalty", ["two"] * 4 + ["short"] * 4 + ["free"] * 4, stories, POINTS)
    assert rewards[:4] == ask("penalty", ["two"] * 4, STORIES, POINTS)[0]
    assert rewards[4:8] == [0] * 4
    assert rewards[8:] == [1, 4, 0, -1]
    assert latest.all_violate == [False] * 4 + [True] * 4 + [False] * 4


@given(points=st.lists(st.none() | st.floats(-5, 5), min_size=4, max_size=4))
def test_without_constraints_every_mode_that_writes_is_the_writing_reward(points):
    stories = [f"story {n}" for n in range(4)]
    said = dict(zip(stories, points, strict=True))
    for mode in ("none", "penalty"):
        assert ask(mode, ["free"] * 4, stories, said)[0] == points
    assert ask("fixed", ["free"] * 4, stories, said, weight=0.0)[0] == points


ENDED = [True, False, True, True]
CUTS = ("a long story",)


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        ("none", {}, [1, 4, 0, -1]),
        ("penalty", {"margin": 0.5}, apply_penalty([1, 4, 0, -1], [0, 1, 0, 0], margin=0.5)),
        ("verifier_only", {}, [1, 0, 1, 1]),
        ("fixed", {"weight": 0.25}, [1, 3, 0.25, -0.5]),
    ],
)
def test_a_truncated_story_breaks_a_constraint_where_there_is_no_other(mode, options, expected):
    rewards, latest, logged = ask(mode, ["free"] * 4, STORIES, POINTS, cut=CUTS, limit=LIMIT, **options)
    assert rewards == pytest.approx(expected)
    assert latest.violator == [not ended for ended in ENDED]
    assert logged == {"constraints/writing": 1}
    kept, latest, _ = ask(mode, ["free"] * 4, STORIES, POINTS, cut=CUTS, **options)
    assert kept == ask(mode, ["free"] * 4, STORIES, POINTS, **options)[0]
    assert latest.violator == [False] * 4


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        (
            "penalty",
            {"margin": 0.5, "per_constraint": True},
            apply_penalty([1, 4, 0, -1], [1, 3, 0, 2], margin=0.5, per_constraint=True),
        ),
        ("verifier_only", {}, [0, 0, 1, 0]),
        ("verifier_only", {"per_constraint": True}, [2 / 3, 0, 1, 1 / 3]),
    ],
)
def test_to_end_is_one_more_constraint_beside_those_of_the_data(mode, options, expected):
    rewards, latest, logged = ask(mode, ["two"] * 4, STORIES, POINTS, cut=CUTS, limit=LIMIT, **options)
    assert rewards == pytest.approx(expected)
    assert latest.violator == [True, True, False, True]
    assert logged["constraints/satisfied"] == 3 / 8  # of the data's constraints


def test_a_group_of_truncated_stories_is_one_in_which_all_violate():
    rewards, latest, _ = ask("penalty", ["free"] * 4, STORIES, POINTS, cut=STORIES, limit=LIMIT)
    assert rewards == [0] * 4
    assert latest.all_violate == [True] * 4


@given(
    points=st.lists(st.floats(-5, 5), min_size=GROUP, max_size=GROUP),
    cut=st.sets(st.integers(0, GROUP - 1), min_size=1, max_size=GROUP - 1),
)
def test_under_the_penalty_every_truncated_story_is_below_its_groups_mean(points, cut):
    stories = [f"story {n}" for n in range(GROUP)]
    said = dict(zip(stories, points, strict=True))
    cuts = [stories[n] for n in cut]
    rewards, _, _ = ask("penalty", ["free"] * GROUP, stories, said, cut=cuts, limit=LIMIT)
    assert all(rewards[n] < sum(rewards) / GROUP for n in cut)


def test_several_writing_rewards_are_summed_as_trl_sums_them():
    rewards, _, _ = ask("none", ["free"] * 4, [*STORIES[:3], "unknown"], POINTS, weights=(1.0, 0.5))
    assert rewards == [1.5, 6, 0, None]


def test_without_writing_rewards_a_group_is_told_apart_by_its_constraints():
    reward = ConstrainedReward([], CONTEXTS, ConstraintsConfig(mode="verifier_only"), group_size=GROUP)
    rewards = reward(
        completions=[assistant(story) for story in (*STORIES, *["a long story"] * GROUP)],
        completion_ids=[CUT] * 2 * GROUP,
        context_id=["two"] * 2 * GROUP,
        log_metric=lambda name, value: None,
    )
    assert rewards == [0, 0, 1, 0, 0, 0, 0, 0]
    assert reward.latest.all_violate == [False] * GROUP + [True] * GROUP


def test_what_cannot_be_verified_is_no_violation_and_no_pass():
    asked = (["doubt"] * 4, STORIES, POINTS)
    rewards, latest, logged = ask("penalty", *asked)
    assert rewards == [1, 4, 0, -1]
    assert latest.violator == [False] * 4
    assert logged == {"constraints/unverified": 1, "constraints/writing": 1}
    assert ask("verifier_only", *asked)[0] == [None] * 4
    reader = Reader(True, None, False, None)
    rewards, latest, logged = ask("verifier_only", *asked, verifier=reader, max_failure_share=0.5)
    assert rewards == [1, None, 0, None]
    assert latest.violator == [False, False, True, False]
    assert logged["constraints/unverified"] == 0.5
    assert logged["constraints/satisfied"] == 0.5


def test_a_verifier_that_fails_too_often_stops_the_training():
    """Counted over its last 100 answers: half of a step's four are no reason to end a training."""
    half = Reader(True, None, False, None)
    ask("penalty", ["doubt"] * 4, STORIES, POINTS, verifier=half)
    constraints = ConstraintsConfig(mode="verifier_only", verifier="reader")
    reward = ConstrainedReward([], CONTEXTS, constraints, group_size=GROUP, verifier=half)
    step = {"completions": [assistant(story) for story in STORIES], "completion_ids": [CUT] * GROUP}
    step |= {"context_id": ["doubt"] * GROUP, "log_metric": lambda name, value: None}
    for _ in range(10):
        reward(**step)
    expected = r"22 of the last 44 answers of the verifier 'reader' .* = 20% of 100"
    with pytest.raises(InputError, match=expected):
        reward(**step)


def test_nothing_is_logged_of_what_is_not_there():
    assert constraint_metrics([[]], [None]) == {}


class Scorer:
    """A story's score is its length, and one story cannot be scored."""

    name = "scorer"

    def judge(self, comparisons):
        return [
            Judgement(c.pair_id, c.order, self.name, "tie", score_a=float(len(c.story_a)))
            if c.story_a
            else Judgement(c.pair_id, c.order, self.name, "none")
            for c in comparisons
        ]


def test_scalar_reward_is_the_score_and_its_stories_are_watched():
    completions = [assistant(story) for story in ("a b a b", "", "a")]
    inputs = {"completions": completions, "context_id": ["free", "two", "two"]}
    logged = {}
    rewards = ScalarReward(Scorer(), CONTEXTS)(**inputs, log_metric=logged.__setitem__)
    assert rewards == [7, None, 1]
    assert {name: value for name, value in logged.items() if name.startswith("stories/")} == {
        "stories/distinct_2": pytest.approx(2 / 3),
        "stories/repeated": 0.0,
        "stories/formatted": 0.0,
    }
    assert (logged["judge/calls"], logged["judge/failed"]) == (3, pytest.approx(1 / 3))
    strict = ScalarReward(Scorer(), CONTEXTS, max_failure_share=0)
    with pytest.raises(InputError, match=r"1 of the last 3 judgements of 'scorer' failed"):
        strict(**inputs, log_metric=logged.__setitem__)


def test_settled_and_counted():
    advantages = torch.tensor([0.5, -0.5, 0.0, 1.0, 0.1, 0.1, -0.2, 0.3])
    violator = torch.tensor([True, True, True, False, True, True, True, False])
    all_violating = torch.tensor([False] * 4 + [True] * 4)
    after = override_all_violating(advantages, violator, all_violating, -1.0)
    assert after.tolist() == pytest.approx([0.5, -0.5, 0.0, 1.0, -1, -1, -1, 0])
    assert override_all_violating(advantages, violator, all_violating, 0.0)[4:].tolist() == [0] * 4
    assert dict(zip(COUNTED, count_violators(after, violator, all_violating, 4).tolist(), strict=True)) == {
        "violators": 6,
        "violators_rewarded": 2,
        "all_violating_groups": 1,
    }


class Recorder(ConstrainedGRPOTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def _generate_and_score_completions(self, inputs):
        batch = super()._generate_and_score_completions(inputs)
        self.seen.append((batch["advantages"].tolist(), self.constrained.latest))
        return batch


def first_letters(*, completions, **_):
    """Something that differs between stories, and fails for some."""
    return [
        None if text.startswith("t") else sum(map(ord, text[:3])) / 100
        for text in (completion[-1]["content"] for completion in completions)
    ]


@pytest.fixture
def train(model_folder, tmp_path):
    """Trains on two contexts: one that is broken often, one that is broken always."""
    contexts = {
        "often": Context(
            "often", "q", "", "", "", (Constraint("max_letters", {"letter": "a", "n": 1}),), "train"
        ),
        "always": Context("always", "q", "", "", "", (Constraint("min_words", {"n": 99}),), "train"),
    }

    def run(options=None, **more):
        trained = {
            "per_device_train_batch_size": 16,
            "num_generations": 8,
            "max_completion_length": 6,
            "max_steps": 4,
            "learning_rate": 1e-2,
        } | (options or {})
        shared = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
        rule = more.pop("rule")
        constrained = ConstrainedReward([(first_letters, 1.0)], contexts, rule, group_size=8)
        trainer = Recorder(
            model=load_causal(model_folder),
            reward_funcs=constrained,
            args=build_options(GRPOConfig, shared, trained, seed=3, output_dir=str(tmp_path)),
            train_dataset=Dataset.from_list(
                [{"prompt": user(f"{name} {n}"), "context_id": name} for n in range(4) for name in contexts]
            ),
            processing_class=load_tokenizer(model_folder),
            constrained=constrained,
            **more,
        )
        trainer.train()
        return trainer

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({}, {}),
        ({"scale_rewards": "none"}, {"shaping": ShapingConfig(shaping="entropy")}),
        ({"scale_rewards": "batch"}, {}),
    ],
    ids=["group", "none and entropy shaping", "batch"],
)
def test_over_a_whole_training_no_violator_is_rewarded(train, options, more):
    trainer = train(options, rule=ConstraintsConfig(mode="penalty"), **more)
    entries = [entry for entry in trainer.state.log_history if "constraints/violators" in entry]
    assert len(entries) == len(trainer.seen) == 4
    some = 0
    for entry, (advantages, latest) in zip(entries, trainer.seen, strict=True):
        told = list(zip(advantages, latest.violator, latest.all_violate, strict=True))
        assert all(a < 0 for a, violator, all_violating in told if violator and not all_violating)
        assert all(a == 0 for a, _, all_violating in told if all_violating)
        assert entry["constraints/violators"] == sum(latest.violator)
        assert entry["constraints/violators_rewarded"] == 0
        assert entry["constraints/all_violating_groups"] == sum(latest.all_violate) / 8
        some += sum(violator and not all_violating for _, violator, all_violating in told)
    assert some
    assert any(any(latest.all_violate) for _, latest in trainer.seen)


@pytest.mark.slow
def test_writing_alone_rewards_violators_and_the_trainer_says_so(train):
    trainer = train(rule=ConstraintsConfig(mode="none"))
    counted = [entry.get("constraints/violators_rewarded", 0) for entry in trainer.state.log_history]
    assert sum(counted) > 0
    told = sum(
        violator and not all_violating and a >= 0
        for advantages, latest in trainer.seen
        for a, violator, all_violating in zip(advantages, latest.violator, latest.all_violate, strict=True)
    )
    assert sum(counted) == told


@pytest.mark.slow
def test_groups_in_which_all_violate_can_be_told_so(train):
    rule = ConstraintsConfig(mode="penalty", all_violate="negative", all_violate_advantage=-0.5)
    trainer = train(rule=rule)
    all_violating = [
        (a, violator)
        for advantages, latest in trainer.seen
        for a, violator, lost in zip(advantages, latest.violator, latest.all_violate, strict=True)
        if lost
    ]
    assert all_violating
    assert all(a == (-0.5 if violator else 0) for a, violator in all_violating)
