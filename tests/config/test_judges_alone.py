"""A run of judges alone: no policies, and no table that compares them."""

import copy

import pytest

from rlcs.config import parsing
from rlcs.config.lineage import trained_models
from rlcs.planning.answer_plan import planned_answers
from rlcs.planning.rehearsal import derive
from smoke_run import SMOKE, judges_alone

WINS = {"metric": "win_rate", "systems": ["sft", "rlcs"], "above": 50}


def alone(**changes):
    raw = copy.deepcopy(SMOKE)
    judges_alone(raw)
    return raw | changes


def test_it_trains_its_judges_and_asks_nothing_about_stories():
    config = parsing.parse(alone())
    assert trained_models(config, "judges") == trained_models(parsing.parse(SMOKE), "judges")
    assert trained_models(config, "policies") == []
    rules = {answers.rule for answers in planned_answers(config)}
    assert "judge_test_pairs" in rules
    assert not rules & {"judge_matches", "sample_stories"}


@pytest.mark.parametrize("each", [0, 1])
def test_it_can_be_rehearsed(tmp_path, each):
    small = parsing.parse(
        derive(parsing.parse(alone()), folder=tmp_path, server="http://127.0.0.1:1", each=each)
    )
    assert small.policies == {}
    assert small.tables.win_rates.rows == []


def test_judges_that_nobody_trains_need_no_base():
    raw = alone(bases={}, judges={"length": {"kind": "length"}}, consensus={}, effects=[])
    raw["tables"] = {"alignment": {"rows": ["length"]}}
    assert trained_models(parsing.parse(raw), "bases") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"human": {"pairs": 4}}, "human: needs tables.win_rates, which compares policies"),
        ({"effects": [{"claim": "c", **WINS}]}, "effects.0: needs tables.win_rates, which compares policies"),
        ({"policies": SMOKE["policies"]}, "policies: no table names one: name them in tables.win_rates, or"),
    ],
)
def test_what_needs_the_table_of_win_rates_says_so(changes, said):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(alone(**changes))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            {"rows": ["sft"], "reference": "sft", "judges": ["bt"]},
            "rows are two policies or more, not ['sft']",
        ),
        ({"rows": ["sft", "rlcs"], "judges": ["bt"]}, "reference: name the policy that the others are"),
        ({"rows": ["sft", "rlcs"], "reference": "sft"}, "judges: name the judges that decide"),
        ({"judges": ["bt"]}, "rows are two policies or more, not []"),
    ],
)
def test_half_a_table_of_win_rates_is_refused(table, said):
    raw = copy.deepcopy(SMOKE)
    raw["tables"]["win_rates"] = table
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    assert f"tables.win_rates: {said}" in str(error.value)


def test_constraints_of_policies_are_compared_with_the_reference():
    raw = copy.deepcopy(SMOKE)
    for name in ("win_rates", "gains"):
        del raw["tables"][name]
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    assert "tables.constraints: needs tables.win_rates" in str(error.value)
