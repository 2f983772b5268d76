import random

import pytest

from rlcs.evaluation.dimensions import chain_counts, dimension_table, labelled_scores
from rlcs.records import Judgement
from rlcs.verdict import parse_analysis
from rlcs.world import teacher
from rlcs.world.grammar import read_story, sample_context, write_story


def test_labelled_lines_are_read_and_nothing_else():
    analysis = "I think so.\n- **Coherence**: 7 5\nCharacter depth: 3 / 9\ncoherence: 6, 5.\nThe end: maybe"
    assert labelled_scores(analysis) == (
        {"coherence": 6.0, "character depth": 3.0},
        {"coherence": 5.0, "character depth": 9.0},
    )
    assert labelled_scores("It is good. 7 5\nA: B") is None


@pytest.mark.parametrize(
    "text", ["", "well", "1 outline 2 score 3", "1 outline\n2 outline", "Coherence: 7 5"]
)
def test_what_is_no_chain_is_not_read(text):
    assert chain_counts(text) is None


@pytest.mark.parametrize("seed", range(20))
def test_counts_of_the_worlds_chains_are_those_of_the_stories(seed):
    rng = random.Random(seed)
    context = sample_context(rng, "c", "test")
    stories = [write_story(rng, context, rng.random()) for _ in range(2)]
    chain = teacher.write_chain(rng, context, *stories, teacher.TeacherBias(slip_rate=0), 1, 9)
    counted = chain_counts(parse_analysis(chain))
    assert counted == tuple(dict(read_story(context, story).counts) for story in stories)


def match(policy_a, policy_b, context):
    name = f"{policy_a}/{policy_b}/{context}/0"
    return {"match_id": name, "context_id": context, "policy_a": policy_a, "policy_b": policy_b, "sample": 0}


def test_means_are_those_of_each_policys_own_stories():
    matches = [match("x", "y", "c1"), match("x", "y", "c2")]

    def said(name, order, first, second):
        text = None if first is None else f"Depth: {first} {second}"
        return Judgement(name, order, "j", "tie", analysis=text)

    judgements = {
        "j": {
            0: [said("x/y/c1/0", "ab", 9, 1), said("x/y/c1/0", "ba", 3, 7), said("x/y/c2/0", "ab", None, 0)]
        },
        "silent": {0: [said("x/y/c2/0", "ab", None, 0)]},
    }
    stories = [
        {
            "policy": policy,
            "context_id": f"c{n}",
            "sample": 0,
            "seed": 0,
            "truncated": policy == "y" and n == 1,
        }
        for policy in ("x", "y")
        for n in (1, 2)
    ]
    frame = dimension_table(judgements, matches, stories, ["x", "y"], labelled_scores, seed=0)
    frame = frame.set_index("policy")
    assert frame["judge"].tolist() == ["j", "j"]
    assert (frame.loc["x", "depth"].value, frame.loc["y", "depth"].value) == (8.0, 2.0)
    assert frame.loc["x", "read"] == pytest.approx(2 / 3)
    assert (frame.loc["x", "truncated"].value, frame.loc["y", "truncated"].value) == (0, 0.5)
    silent = {"silent": judgements["silent"]}
    assert dimension_table(silent, matches, stories, ["x"], labelled_scores, seed=0).empty
