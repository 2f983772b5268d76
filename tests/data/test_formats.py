import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.config.data import DataConfig
from rlcs.config.sources import RatingsConfig
from rlcs.data.formats import assign_sides, fields_of, pair_ratings, parse_chosen, validated_pairs
from rlcs.data.rows import RawRow


def raw(values, line=1):
    return RawRow("file", line, json.dumps(values, default=str), values)


def listed(rows):
    return [raw(values, line) for line, values in enumerate(rows, start=1)]


# ------------------------------------------------------------------------------ chosen and rejected


def test_the_place_of_the_chosen_story_says_nothing():
    rows = [raw({"prompt": "p", "chosen": f"good {n}", "rejected": f"bad {n}"}) for n in range(400)]
    labels = [row.label for _, row in parse_chosen(rows, 0)]
    assert 160 < labels.count("a") < 240
    assert labels == [row.label for _, row in parse_chosen(rows, 0)]
    assert labels != [row.label for _, row in parse_chosen(rows, 1)]


@given(st.text(), st.text(), st.integers())
def test_the_order_does_not_know_which_is_named_first(one, other, seed):
    assert assign_sides(one, other, seed) == assign_sides(other, one, seed)
    assert sorted(assign_sides(one, other, seed)) == sorted((one, other))


def test_a_chosen_pair_keeps_its_stories_and_fields():
    values = {"prompt": "p", "chosen": "good", "rejected": "bad", "cohort": "web", "split": "test"}
    (context,), (pair,), _, _, quarantine, _ = validated_pairs(
        [raw(values)], DataConfig(format="chosen_rejected")
    )
    assert quarantine == []
    assert (context.outline, context.split, pair["cohort"]) == ("p", "test", "web")
    assert pair[f"story_{pair['label']}"] == "good"
    assert {pair["story_a"], pair["story_b"]} == {"good", "bad"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"chosen": None}, "missing chosen"),
        ({"rejected": " "}, "empty story"),
        ({"chosen": "bad "}, "identical stories"),
        ({"prompt": ""}, "no context"),
        ({"chosen": 3}, "wrong type of chosen"),
    ],
)
def test_bad_chosen_rows(change, reason):
    row = {"prompt": "p", "chosen": "good", "rejected": "bad"} | change
    result = validated_pairs([raw(row)], DataConfig(format="chosen_rejected"))
    assert [bad["reason"] for bad in result.quarantine] == [reason]


# -------------------------------------------------------------------------------------- ratings

CRITERIA = ["fun", "sense"]


def rating(story, rater, fun, sense=None, prompt="p", **more):
    sense = fun if sense is None else sense
    return {"prompt": prompt, "story": story, "rater": rater, "fun": fun, "sense": sense} | more


def rated(*rows, margin=1.0, tie_margin=None):
    rule = RatingsConfig(criteria=CRITERIA, margin=margin, tie_margin=tie_margin)
    return pair_ratings(listed(rows), rule, 0)


def preferred(row):
    return getattr(row, f"story_{row.label}") if row.label != "tie" else "tie"


def test_pairs_are_made_by_the_mean_with_a_margin():
    rows = [
        rating("x", "r", 5, 3),
        rating("x", "s", 5),  # 4.5
        rating("y", "r", 3),
        rating("y", "s", 4),  # 3.5
        rating("z", "r", 3),
        rating("z", "s", 3),  # 3.0
    ]
    by_stories = {frozenset((row.story_a, row.story_b)): row for _, row in rated(*rows).pairs}
    assert {stories: preferred(pair) for stories, pair in by_stories.items()} == {
        frozenset("xy"): "x",
        frozenset("xz"): "x",
    }
    tied = rated(*rows, margin=1.0, tie_margin=0.5)
    assert sorted(preferred(row) for _, row in tied.pairs) == ["tie", "x", "x"]
    strict = rated(*rows, margin=1.25)
    assert [preferred(row) for _, row in strict.pairs] == ["x"]
    assert (strict.quarantine, strict.left_out) == ([], 2)  # the ratings of y, which are in no pair


def test_votes_of_raters_are_kept_even_where_they_contradict_the_mean():
    rows = [rating("x", "r", 5), rating("x", "s", 2), rating("x", "t", 5, cohort="web")]
    rows += [rating("y", "r", 1), rating("y", "s", 3), rating("y", "u", 1)]
    result = validated_pairs(listed(rows), DataConfig(format="ratings", ratings={"criteria": CRITERIA}))
    (pair,) = result.pairs
    x, y = ("a", "b") if pair["story_a"] == "x" else ("b", "a")
    assert pair["label"] == x
    assert {vote["annotator"]: vote["label"] for vote in result.annotations} == {"r": x, "s": y}
    assert pair["soft_label"] == 0.5
    assert {vote["pair_id"] for vote in result.annotations} == {pair["pair_id"]}
    assert result.quarantine == []


def test_without_raters_in_common_there_are_no_votes():
    rows = [rating("x", "r", 5), rating("y", "s", 1)]
    result = validated_pairs(listed(rows), DataConfig(format="ratings", ratings={"criteria": CRITERIA}))
    assert result.annotations == []
    assert result.pairs[0]["soft_label"] == (1.0 if result.pairs[0]["story_a"] == "x" else 0.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fun": None}, "missing scores"),
        ({"fun": ""}, "missing scores"),
        ({"fun": float("nan")}, "missing scores"),
        ({"fun": "good"}, "wrong type of scores"),
        ({"fun": "inf"}, "wrong type of scores"),
        ({"fun": True}, "wrong type of scores"),
        ({"story": " "}, "empty story"),
        ({"story": None}, "missing story"),
        ({"prompt": None}, "no context"),
        ({"outline": "o"}, "both outline and prompt"),
        ({"story": "x"}, "duplicate"),
        ({"domain": "poem"}, "domain or split differs from an earlier row of the same context"),
        ({"split": "test"}, "domain or split differs from an earlier row of the same context"),
        ({"prompt": "q"}, "no story of the same context to pair with"),
    ],
)
def test_bad_ratings(change, reason):
    rows = [rating("x", "r", "5"), rating("y", "r", 1), rating("z", "r", 3) | change]
    result = validated_pairs(listed(rows), DataConfig(format="ratings", ratings={"criteria": CRITERIA}))
    assert [(bad["line"], bad["reason"]) for bad in result.quarantine] == [(3, reason)]
    assert len(result.pairs) == 1


ratings = st.builds(
    rating,
    st.sampled_from(["x", "x ", "y", "z", ""]),
    st.sampled_from(["r", "s", ""]),
    st.sampled_from([1, 2.5, "3", 4, 5, None, "bad"]),
    st.sampled_from([1, 2, 3]),
    st.sampled_from(["p", "q", ""]),
    domain=st.sampled_from(["", "", "", "poem"]),
)


@given(st.lists(ratings, max_size=12), st.sampled_from([None, 0.0, 0.4]))
def test_every_rating_is_in_a_pair_or_in_quarantine_once(rows, tie_margin):
    data = DataConfig(
        format="ratings", ratings={"criteria": CRITERIA, "margin": 0.5, "tie_margin": tie_margin}
    )
    result = validated_pairs(listed(rows), data)
    lines = [bad["line"] for bad in result.quarantine]
    assert len(lines) == len(set(lines))
    used = {rows[n]["story"].strip() for n in range(len(rows)) if n + 1 not in lines}
    paired = {pair[side].strip() for pair in result.pairs for side in ("story_a", "story_b")}
    assert paired <= used
    assert paired == used or result.left_out
    assert {vote["pair_id"] for vote in result.annotations} <= {pair["pair_id"] for pair in result.pairs}
    assert all((pair["label"] == "tie") <= (tie_margin is not None) for pair in result.pairs)


# --------------------------------------------------------------------------------------- config


def test_presets_are_defaults_of_known_data_sets():
    litbench = DataConfig(preset="litbench", hub={"name": "SAA-Lab/LitBench-Train", "revision": "0" * 40})
    assert litbench.format == "chosen_rejected"
    assert litbench.columns == {"chosen": "chosen_story", "rejected": "rejected_story"}
    hanna = DataConfig(preset="hanna", columns={"cohort": "Group"}, ratings={"margin": 0.5})
    assert hanna.columns["story"] == "Story"
    assert hanna.columns["cohort"] == "Group"
    assert (hanna.ratings.margin, len(hanna.ratings.criteria)) == (0.5, 6)
    assert DataConfig.model_validate(json.loads(hanna.model_dump_json())) == hanna
    assert {"prompt", "story", "rater", "Coherence"} <= set(fields_of(hanna))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"format": "ratings"}, "format ratings needs ratings.criteria"),
        ({"preset": "moon"}, "litbench"),
        (
            {"preferences": ["a.csv"], "hub": {"name": "x/y", "revision": "0" * 40}},
            "names both preferences and hub",
        ),
        ({"hub": {"name": "x/y", "revision": "main"}}, "revision"),
        ({"ratings": {"margin": 1, "tie_margin": 1}}, "tie_margin 1.0 must be less than margin 1.0"),
    ],
)
def test_data_that_cannot_be_meant(data, message):
    with pytest.raises(ValueError, match=message):
        DataConfig.model_validate(data)


def test_only_fields_of_the_format_can_be_renamed():
    with pytest.raises(ValueError, match=r"unknown fields \['story_a'\]; known: .*chosen, rejected"):
        fields_of(DataConfig(format="chosen_rejected", columns={"story_a": "x"}))
