"""Which models a run trains, by what its tables compare."""

import copy

import pytest

from rlcs.config import parsing
from rlcs.config.lineage import trained_models, training_seeds
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


def test_a_judge_that_chooses_stories_is_trained_and_the_choice_is_not():
    raw = copy.deepcopy(SMOKE)
    raw["policies"]["best"] = {"train": "none", "from": "sft", "best_of": {"judge": "genrm"}}
    raw["tables"] = {
        "alignment": {"rows": ["teacher"]},
        "win_rates": {"rows": ["sft", "best"], "reference": "sft", "judges": ["oracle"]},
    }
    parsed = parsing.parse(raw | {"effects": []})
    assert trained_models(parsed, "policies") == ["sft"]
    assert trained_models(parsed, "judges") == ["genrm-sft", "genrm"]


def test_a_model_that_no_table_names_is_not_trained():
    parsed = smoke(constraints=None, gains=None)
    assert trained_models(parsed, "policies") == ["sft", "rlcs", "rlcs-bt"]


@pytest.mark.parametrize(
    ("metric", "systems"), [("rewarded_violators", ["rlmr"]), ("win_rate", ["rlmr", "sft"])]
)
def test_systems_of_effects_and_judges_of_rewards_count(metric, systems):
    raw = copy.deepcopy(SMOKE)
    raw["tables"] |= {"constraints": None, "gains": None, "injections": None}
    raw["tables"]["alignment"] = {"rows": ["teacher"]}
    raw["tables"]["win_rates"] |= {"rows": ["sft", "rlcs"], "judges": ["oracle"]}
    raw["effects"] = [{"claim": "c", "metric": metric, "systems": systems, "above": 0}]
    parsed = parsing.parse(raw)
    assert "rlmr" in trained_models(parsed, "policies")
    assert trained_models(parsed, "judges") == ["genrm-sft", "genrm", "bt"]  # the rewards of rlcs and rlmr


LEARNER = {"kind": "generative", "train": "sft", "base": "small"}
MENTOR = LEARNER | {"base": "other", "analysis": False}  # learns scores from labels, and then teaches


def taught(**changes):
    """A run whose only compared judge learns from others."""
    raw = copy.deepcopy(SMOKE)
    raw["seeds"] = [3, 4]
    raw["bases"]["other"] = raw["bases"]["small"]
    raw["judges"] |= {"mentor": MENTOR, "refined": {"kind": "generative", "train": "grpo", "from": "mentor"}}
    raw["judges"]["learner"] = LEARNER
    raw["consensus"] = {}
    raw["judges"]["genrm-sft"]["label_sources"] = ["human"]
    raw["tables"] = {"alignment": {"rows": ["learner"]}, "win_rates": raw["tables"]["win_rates"]}
    raw["tables"]["win_rates"] |= {"rows": ["sft", "rlcs-bt"], "judges": ["oracle"]}
    raw["effects"] = []
    for registry, entries in changes.items():
        raw[registry] |= entries
    return parsing.parse(raw)


PANEL = {"panel": {"teachers": ["teacher", "refined"]}}
IN_PANEL = {"label_sources": ["panel"], "analysis": False}


@pytest.mark.parametrize(
    "changes",
    [
        {"judges": {"learner": LEARNER | {"teacher": "refined"}}},
        {"judges": {"learner": LEARNER | IN_PANEL}, "consensus": PANEL},
        {
            "judges": {"learner": LEARNER | {"teacher": "teacher"}},
            "consensus": PANEL,
        },  # has a table of its own
    ],
    ids=["by its chains", "by its labels", "in the table of consensus"],
)
def test_a_judge_that_only_teaches_is_trained_with_the_first_seed(changes):
    parsed = taught(**changes)
    judges = trained_models(parsed, "judges")
    assert sorted(judges) == ["bt", "learner", "mentor", "refined"]
    assert judges.index("mentor") < judges.index("refined")
    if parsed.consensus == {}:
        assert judges.index("refined") < judges.index("learner")
    seeds = {judge: training_seeds(parsed, "judges", judge) for judge in judges}
    assert seeds == {"bt": [3, 4], "learner": [3, 4], "mentor": [3], "refined": [3]}
    assert set(trained_models(parsed, "bases")) == {"small", "other"}


def test_a_teacher_that_a_table_compares_is_trained_with_every_seed():
    parsed = taught(
        judges={"learner": LEARNER | {"teacher": "mentor"}},
        tables={"alignment": {"rows": ["learner", "mentor"]}},
    )
    assert training_seeds(parsed, "judges", "mentor") == [3, 4]


@pytest.mark.parametrize(
    ("tables", "listed"),
    [
        ({"injections": {"judges": ["refined"]}}, {"judges": ["refined"]}),
        (
            {"pivots": {"judges": ["refined"], "policy": "rlmr"}},
            {"judges": ["refined"], "policies": ["rlmr"]},
        ),
    ],
    ids=["injections", "pivots"],
)
def test_every_table_counts(tables, listed):
    parsed = taught(judges={"learner": LEARNER | {"teacher": "teacher"}}, tables=tables)
    for registry, names in listed.items():
        assert set(names) <= set(trained_models(parsed, registry))
        assert all(training_seeds(parsed, registry, name) == [3, 4] for name in names)


def test_a_teacher_in_the_effects_alone_answers_once():
    effect = {"claim": "c", "metric": "chain_correctness", "systems": ["mentor", "oracle"], "above": 0}
    raw = taught(judges={"learner": LEARNER | {"teacher": "teacher"}}).model_dump(by_alias=True)
    parsed = parsing.parse(raw | {"effects": [effect]})
    assert training_seeds(parsed, "judges", "mentor") == [3]
    assert "mentor" in trained_models(parsed, "judges")
