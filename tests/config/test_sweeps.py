"""A sweep is refused before the first job where its figure could not be drawn."""

import copy

import pytest

from rlcs.config import parsing
from rlcs.config.lineage import number_at
from smoke_run import SMOKE

LABELS = {
    "title": "Accuracy over labels",
    "metric": "accuracy_both_orders",
    "x": "human_labels",
    "series": {"Bradley-Terry": ["bt-20", "bt-40"], "GenRM": ["genrm"]},
    "lines": ["teacher", "people"],
}


def run(**changes):
    raw = copy.deepcopy(SMOKE)
    raw["judges"] |= {f"bt-{n}": raw["judges"]["bt"] | {"human_labels": n} for n in (20, 40)}
    raw["judges"]["genrm"]["human_labels"] = 40
    raw["tables"]["alignment"]["rows"] += ["bt-20", "bt-40"]
    return raw | {"sweeps": {"labels": LABELS | changes}}


def problems(**changes):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(run(**changes))
    return [line.strip() for line in str(error.value).splitlines()[1:]]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"metric": "win_rate", "x": "multipliers.confident_wrong", "series": {"p": ["rlcs"]}, "lines": []},
        {"metric": "win_rate", "x": "base.hidden_size", "series": {"p": ["rlcs"]}, "lines": ["rlcs-bt"]},
        {"metric": "flip_rate", "x": "base.layers", "series": {"a": ["bt"], "b": ["genrm-votes"]}},
    ],
)
def test_sweeps_that_can_be_drawn(changes):
    parsing.parse(run(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"series": {"BT": ["bt-20", "bt"]}},
            "sweeps.labels.x: judges.bt states no number at 'human_labels': write it in the entry (a default "
            "of the trainer does not count)",
        ),
        ({"x": "training.beta", "series": {"BT": ["bt"]}}, "sweeps.labels.x: judges.bt states no number at"),
        ({"x": "label_sources", "series": {"BT": ["bt"]}}, "sweeps.labels.x: judges.bt states no number at"),
        (
            {"x": "lora.r", "series": {"BT": ["bt"]}},
            "sweeps.labels.x: judges.bt states no number",
        ),
        ({"x": "kind"}, "sweeps.labels.x: judges.bt-20 states no number at 'kind'"),
        (
            {"series": {"BT": ["bt-21"]}},
            "sweeps.labels.series.BT: 'bt-21' is not among tables.alignment.rows",
        ),
        (
            {"metric": "win_rate"},
            "sweeps.labels.lines: 'teacher' is not among tables.win_rates.rows",
        ),
        (
            {"series": {"all": ["genrm", "bt-40"]}},
            "sweeps.labels.series.all: 'genrm' and 'bt-40' have the same human_labels, 40",
        ),
        ({"lines": ["oracle"]}, "sweeps.labels.lines: 'oracle' is not among tables.alignment.rows"),
        (
            {"x": "resample", "series": {"GenRM": ["genrm"]}, "log_x": True},
            "sweeps.labels.log_x: 'genrm' has 0, which a logarithmic axis cannot show",
        ),
        ({"series": {}}, "sweeps.labels.series: Dictionary should have at least 1 item"),
        ({"series": {"BT": []}}, "sweeps.labels.series.BT: Value should have at least 1 item"),
        ({"metric": "taste"}, "sweeps.labels.metric: Input should be 'accuracy'"),
        ({"y": 1}, "sweeps.labels.y: unknown key"),
    ],
)
def test_sweeps_that_are_refused(changes, message):
    assert any(problem.startswith(message) for problem in problems(**changes)), problems(**changes)


def test_a_number_is_that_of_the_entry_or_of_the_base_that_it_comes_from():
    parsed = parsing.parse(run())
    assert number_at(parsed, "judges", "genrm", "training.num_generations") == 4
    assert number_at(parsed, "judges", "genrm-votes", "base.hidden_size") == 32
    assert number_at(parsed, "judges", "genrm-votes", "human_labels") is None
    assert number_at(parsed, "policies", "rlcs-bt", "reward.pivots") == 2
    assert number_at(parsed, "judges", "oracle", "base.hidden_size") is None
    assert number_at(parsed, "judges", "bt", "base.model.x") is None
