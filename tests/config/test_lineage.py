"""Which models a run trains, by what its tables compare."""

import copy

import pytest

from rlcs.config import parsing
from rlcs.config.lineage import trained_models
from smoke_run import SMOKE


def smoke(**tables):
    raw = copy.deepcopy(SMOKE)
    raw["tables"] |= tables
    return parsing.parse(raw)


def test_the_smoke_run_trains_all_that_its_tables_name_parents_first():
    parsed = smoke()
    assert trained_models(parsed, "policies") == ["sft", "rlcs", "rlcs-bt", "rlmr"]
    assert trained_models(parsed, "judges") == ["bt", "genrm-sft", "genrm"]
    assert trained_models(parsed, "bases") == ["small"]


def test_a_model_that_no_table_names_is_not_trained():
    parsed = smoke(constraints=None, gains=None)
    assert trained_models(parsed, "policies") == ["sft", "rlcs", "rlcs-bt"]


@pytest.mark.parametrize(
    ("metric", "systems"), [("rewarded_violators", ["rlmr"]), ("win_rate", ["rlmr", "sft"])]
)
def test_systems_of_effects_and_judges_of_rewards_count(metric, systems):
    raw = copy.deepcopy(SMOKE)
    raw["tables"] |= {"constraints": None, "gains": None}
    raw["tables"]["alignment"] = {"rows": ["teacher"]}
    raw["tables"]["win_rates"] |= {"rows": ["sft", "rlcs"], "judges": ["oracle"]}
    raw["effects"] = [{"claim": "c", "metric": metric, "systems": systems, "above": 0}]
    parsed = parsing.parse(raw)
    assert "rlmr" in trained_models(parsed, "policies")
    assert trained_models(parsed, "judges") == ["genrm-sft", "genrm", "bt"]  # the rewards of rlcs and rlmr
