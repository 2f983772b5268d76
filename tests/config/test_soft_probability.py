"""The probability of a generative judge is read from score tokens: scores of two digits are refused."""

import copy

import pytest
import yaml

from paths import ROOT
from rlcs.config import parsing
from smoke_run import SMOKE

TO_TEN = {"low": 1, "high": 10}
ENDPOINT = {
    "kind": "generative",
    "backend": "openai",
    "model": "m",
    "base_url": "http://localhost:8000/v1",
    "sampling": {"temperature": 1},
}
MESSAGE = (
    "  policies.rlcs.reward.probability: the probability of {judge!r} is read from its score tokens, so each "
    "score must be a single token, from 0 to 9, but judging.scores is 1 to 10: set judging.scores to "
    "{{low: 1, high: 9}} and name these in judging.template, or take probability: hard, or several votes of "
    "the judge"
)


def run(*, judge, scores=TO_TEN, probability="soft", engine="transformers", votes=1):
    raw = copy.deepcopy(SMOKE)
    raw["judging"] |= {"scores": scores, "engine": engine}
    raw["judges"]["endpoint"] = ENDPOINT | {"votes": votes}
    raw["policies"]["rlcs"]["reward"] = {"judge": judge, "probability": probability}
    return raw


def problems(raw):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    return str(error.value).splitlines()[1:]


@pytest.mark.parametrize("engine", ["transformers", "vllm", "vllm_offline"])
@pytest.mark.parametrize("judge", ["genrm", "genrm-sft", "endpoint"])
def test_scores_of_two_digits_are_refused_for_every_engine(judge, engine):
    assert problems(run(judge=judge, engine=engine)) == [MESSAGE.format(judge=judge)]


def test_a_probe_on_analyses_has_a_probability_of_its_own():
    raw = run(judge="probe")
    raw["judges"]["probe"] = {"kind": "generative", "train": "probe", "from": "genrm-sft"}
    parsing.parse(raw)


def test_a_list_of_rewards_names_the_entry():
    raw = run(judge="genrm")
    del raw["tables"]["gains"]  # of policies with one judge
    raw["policies"]["rlcs"]["reward"] = [
        {"judge": "bt", "probability": "soft"},
        raw["policies"]["rlcs"]["reward"],
    ]
    (problem,) = problems(raw)
    assert problem.startswith("  policies.rlcs.reward.1.probability: the probability of 'genrm'")


def test_the_table_of_pivots_asks_for_probabilities():
    raw = run(judge="genrm", probability="hard")
    raw["tables"]["pivots"] = {"judges": ["bt", "genrm"], "policy": "sft"}
    (problem,) = problems(raw)
    assert problem.startswith("  tables.pivots.judges: the probability of 'genrm'")


def test_a_reward_by_the_likelihood_of_the_label_needs_single_tokens():
    raw = run(judge="bt", probability="hard")
    raw["judges"]["genrm"]["reward"] = "likelihood"
    (problem,) = problems(raw)
    assert problem.startswith(
        "  judges.genrm.reward: the probability of 'genrm' is read from its score tokens"
    )
    assert problem.endswith("or take reward: verdict")
    raw["judging"]["scores"] = {"low": 1, "high": 9}
    parsing.parse(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"judge": "genrm", "scores": {"low": 0, "high": 9}},
        {"judge": "genrm", "probability": "hard"},
        {"judge": "genrm", "probability": "auto"},
        {"judge": "bt"},
        {"judge": "oracle"},
        {"judge": "teacher"},
        {"judge": "genrm-votes"},
        {"judge": "endpoint", "votes": 3},
    ],
)
def test_a_probability_that_needs_no_score_tokens_is_accepted(changes):
    parsing.parse(run(**changes))


def test_no_score_is_below_zero():
    assert problems(run(judge="genrm", scores={"low": -1, "high": 9})) == [
        "  judging.scores.low: Input should be greater than or equal to 0"
    ]


def test_scores_are_single_tokens_by_default():
    raw = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8"))
    scores = parsing.parse(raw).judging.scores
    assert (scores.low, scores.high) == (1, 9)
    assert "from 1 to 9" in raw["judging"]["template"]
