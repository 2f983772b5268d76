"""What the judges of a policy's training are asked for, as its rewards say."""

import pytest

from rlcs.config.policies import GRPOPolicyConfig
from rlcs.rewards import loading


def asked(monkeypatch, *, probability, high=9, **judge):
    """True if the judge of a policy's only reward is asked for probabilities."""
    told = {}
    monkeypatch.setattr(loading, "load_judges", lambda *_, **options: told.update(options))
    entry = GRPOPolicyConfig.model_validate(
        {"train": "grpo", "from": "sft", "reward": {"judge": "j", "probability": probability}}
    )
    section = {"name": "j", "judge": judge, "judging": {"scores": {"low": 1, "high": high}}}
    loading.load_policy_judges(entry, [section], [], None)
    return told["soft"] == ["j"]


MODEL = {"kind": "generative", "train": "sft", "backend": "transformers"}
ENDPOINT = {"kind": "generative", "train": "none", "backend": "openai"}


@pytest.mark.parametrize(
    ("probability", "high", "judge", "expected"),
    [
        ("auto", 9, MODEL, True),
        ("auto", 10, MODEL, False),
        ("auto", 9, ENDPOINT, False),
        ("auto", 9, {"kind": "scalar"}, False),
        ("auto", 9, {"kind": "oracle"}, False),
        ("soft", 9, ENDPOINT, True),
        ("hard", 9, MODEL, False),
    ],
)
def test_a_probability_is_asked_of_models_with_scores_of_one_digit(
    monkeypatch, probability, high, judge, expected
):
    assert asked(monkeypatch, probability=probability, high=high, **judge) is expected
