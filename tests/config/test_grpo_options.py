"""Options that TRL takes, and with which a GRPO training would not be what it seems."""

import copy

import pytest

from rlcs.config import parsing
from smoke_run import SMOKE

VLLM = {"use_vllm": True, "vllm_mode": "colocate"}


def problems(registry, name, options, **keys):
    """The lines of the config error of a run whose entry has further keys and options; none if accepted."""
    raw = copy.deepcopy(SMOKE)
    raw[registry][name] |= keys
    raw[registry][name]["training"] |= options
    try:
        parsing.parse(raw)
    except parsing.ConfigError as error:
        return [line.strip() for line in str(error).splitlines()[1:]]
    return []


TRAININGS = [("judges", "genrm"), ("policies", "rlcs")]


@pytest.mark.parametrize(("registry", "name"), TRAININGS)
def test_a_reference_model_that_moves_is_refused(registry, name):
    assert problems(registry, name, {"sync_ref_model": True}) == [
        f"{registry}.{name}.training: 'sync_ref_model' moves the reference model during training, and no "
        "checkpoint holds it: a resumed training would end with other weights; leave it out"
    ]
    assert problems(registry, name, {"sync_ref_model": False}) == []


@pytest.mark.parametrize(("registry", "name"), TRAININGS)
@pytest.mark.parametrize(
    ("sampling", "names"),
    [
        ({"min_p": 0.1}, "min_p"),
        ({"top_p": 0.95}, "top_p"),
        ({"top_k": 50}, "top_k"),
        ({"top_k": 50, "top_p": 0.9}, "top_p and top_k"),
        ({"generation_kwargs": {"min_p": 0.1}}, "min_p"),
    ],
)
def test_truncated_sampling_by_vllm_is_refused(registry, name, sampling, names):
    assert problems(registry, name, VLLM | sampling) == [
        f"{registry}.{name}.training: {names} with use_vllm: vLLM's log probabilities are those among the "
        f"tokens that {names} keeps, TRL's are those among all tokens, so the importance ratio is too small "
        f"by the kept probability mass (huggingface/trl#6789); leave {names} out, or set use_vllm to false, "
        "or vllm_importance_sampling_correction to false"
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"min_p": 0.1, "top_p": 0.9, "top_k": 50},
        VLLM,
        VLLM | {"min_p": 0.0, "top_p": 1.0, "top_k": 0},
        VLLM | {"min_p": None, "top_k": -1},
        VLLM | {"min_p": 0.1, "vllm_importance_sampling_correction": False},
    ],
)
def test_other_sampling_is_accepted(options):
    assert problems("policies", "rlcs", options) == []


def test_options_that_all_trainings_share_do_not_sample():
    with pytest.raises(parsing.ConfigError, match="'min_p' is not an option of TRL's TrainingArguments"):
        parsing.parse({**SMOKE, "training": {"min_p": 0.1}})


PENALTY = {"mode": "penalty"}


@pytest.mark.parametrize(
    ("truncated", "masks"), [("kept", True), ("violation", True), ("masked", False), (None, True)]
)
def test_two_words_on_truncated_stories_are_refused(truncated, masks):
    keys = {"constraints": PENALTY} | ({"truncated": truncated} if truncated else {})
    assert problems("policies", "rlcs", {"mask_truncated_completions": masks}, **keys) == [
        f"policies.rlcs: training.mask_truncated_completions {masks} contradicts truncated: "
        f"{truncated or 'kept'}; leave it out, truncated: masked sets it"
    ]


def test_a_violation_needs_constraints_that_say_what_it_costs():
    assert problems("policies", "rlcs", {}, truncated="violation") == [
        "policies.rlcs: truncated: violation needs constraints, whose mode says what a violation costs; set "
        "constraints: {mode: penalty}, which contexts without constraints allow, or truncated: masked"
    ]


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ({"truncated": "kept"}, {"mask_truncated_completions": False}),
        ({"truncated": "masked"}, {"mask_truncated_completions": True}),
        ({"truncated": "masked", "constraints": PENALTY}, {}),
        ({"truncated": "violation", "constraints": PENALTY}, {}),
        ({"truncated": "violation", "constraints": {"mode": "none"}}, {}),
    ],
)
def test_other_choices_for_truncated_stories_are_accepted(keys, options):
    assert problems("policies", "rlcs", options, **keys) == []


def test_truncated_stories_are_kept_by_default():
    assert parsing.parse(SMOKE).policies["rlcs"].truncated == "kept"


def evidence(**changes):
    """The lines of the error of a run whose GenRM is rewarded for evidence."""
    raw = copy.deepcopy(SMOKE)
    raw["judges"]["genrm"] |= {"evidence": {"teacher": "teacher"}, "baseline": "group"} | changes
    try:
        parsing.parse(raw)
    except parsing.ConfigError as error:
        return [line.strip() for line in str(error).splitlines()[1:]]
    return []


def test_evidence_needs_chains_of_its_teacher():
    assert evidence(label_sources=["human"]) == evidence(label_sources=["panel"]) == []
    found = evidence(evidence={"teacher": "genrm-votes"}, label_sources=["panel"])
    assert "judges.genrm.evidence.teacher: 'genrm-votes' has no chains of label_sources (panel)" in found
    assert any("cycle of teachers" in line for line in found)  # genrm-votes answers with genrm's weights


def test_evidence_weighs_its_reward_itself():
    training = SMOKE["judges"]["genrm"]["training"]
    (weights,) = evidence(training=training | {"reward_weights": [1.0, 2.0]})
    assert weights.startswith("judges.genrm: evidence.weight is 0.2, and training.reward_weights is [1.0, 2.")
    (several,) = evidence(training=training | {"multi_objective_aggregation": "normalize_then_sum"})
    assert several.startswith("judges.genrm: evidence takes the mean of summed rewards, but training.multi")


def test_a_baseline_over_both_orders_takes_the_mean_of_summed_rewards():
    raw = copy.deepcopy(SMOKE)
    raw["judges"]["genrm"]["baseline"] = "pair"
    genrm = parsing.parse(raw).judges["genrm"]
    assert (genrm.groups_per_unit, genrm.baseline_groups) == (2, 2)
    raw["judges"]["genrm"]["training"]["multi_objective_aggregation"] = "normalize_then_sum"
    with pytest.raises(parsing.ConfigError, match="baseline: pair takes the mean of summed rewards, but"):
        parsing.parse(raw)
