import math
from dataclasses import replace

import pandas as pd
import pytest

from rlcs.evaluation import alignment, label_audit
from rlcs.evaluation.baselines import Baselines
from rlcs.evaluation.statistics import Estimate
from rlcs.evaluation.win_rates import win_rate_matrix, win_rate_table
from rlcs.judging.consistency import drop_table
from rlcs.records import Constraint, Context, Judgement


def pair(number, label, context=None, story_a="a long story", story_b="short", split="test"):
    return {
        "pair_id": f"{split}{number}",
        "context_id": context or f"c{number}",
        "story_a": story_a,
        "story_b": story_b,
        "label": label,
    }


def said(pair_id, ab, ba, judge="genrm"):
    return [Judgement(pair_id, "ab", judge, ab), Judgement(pair_id, "ba", judge, ba)]


PAIRS = [pair(0, "a"), pair(1, "a"), pair(2, "b"), pair(3, "b")]
TRAIN = [
    pair(number, label, split="train") for number, label in enumerate("aab")
]  # longer and a are commoner
FITTED = Baselines.fit(TRAIN)
GENRM = [
    *said("test0", "a", "a"),  # 1
    *said("test1", "a", "b"),  # 1/2, flips, prefers the first twice
    *said("test2", "b", "none"),  # 1 from the order that was had
    *said("test3", "tie", "a"),  # (1/2 + 0) / 2, flips
]
ALL_RIGHT = [one for row in PAIRS for one in said(row["pair_id"], row["label"], row["label"])]
CONTEXTS = {
    f"c{number}": Context(f"c{number}", "poem" if number % 2 else "story", "", "", "", (), "test")
    for number in range(4)
}


def align(judgements, paper=None, pairs=PAIRS):
    return alignment.alignment_table(judgements, pairs, FITTED, paper or {}, seed=0).set_index("system")


def test_alignment_numbers_are_those_counted_by_hand():
    row = align({"genrm": {0: GENRM}}).loc["genrm"]
    assert row["accuracy"].value == pytest.approx((1 + 0.5 + 1 + 0.25) / 4)
    assert row["pairs"] == row["accuracy"].n == 4
    assert (row["flip_rate"].value, row["flip_rate"].n) == (pytest.approx(2 / 3), 3)
    assert row["first_share"].value == pytest.approx(3 / 6)
    assert row["ties"].value == pytest.approx(1 / 7)
    assert row["unparsed"].value == pytest.approx(1 / 8)


def test_all_of_four_matches_are_not_all_matches():
    contexts = list(CONTEXTS)
    matches = [
        {"match_id": name, "context_id": name, "policy_a": "rlcs", "policy_b": "sft", "sample": 0}
        for name in contexts
    ]
    judged = {"genrm": {1: [one for name in contexts for one in said(name, "a", "a")]}}
    stories = [
        {"context_id": name, "policy": policy, "seed": 1, "text": "A tale.", "truncated": False, "sample": 0}
        for name in contexts
        for policy in ("sft", "rlcs")
    ]
    frame = win_rate_table(matches, judged, stories, CONTEXTS, {}, policies=["rlcs"], reference="sft", seed=0)
    bound = 0.025**0.25  # Clopper and Pearson for 4 of 4
    assert frame["win_rate"][0] == Estimate(1, pytest.approx(bound), 1, 4)
    assert frame["truncated"][0] == Estimate(0, 0, pytest.approx(1 - bound), 4)


def test_intervals_contain_their_values():
    frame = align({"genrm": {0: GENRM}, "teacher": {0: ALL_RIGHT}})
    estimates = [value for value in frame.to_numpy().ravel() if isinstance(value, Estimate)]
    assert len(estimates) > 10
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in estimates)


def test_baselines_come_last_and_are_fitted_on_the_training_pairs():
    frame = align({"genrm": {0: GENRM}})
    assert frame.index.tolist() == ["genrm", "length only", "sentence length", "majority"]
    assert frame.loc["length only", "accuracy"].value == 0.5  # a is the longer story of all pairs
    assert frame.loc["majority", "accuracy"].value == 0.5
    assert frame.loc["genrm", "over_length"].value == pytest.approx(2.75 / 4 - 0.5)
    shorter = [pair(number, "b", split="train") for number in range(3)]
    frame = alignment.alignment_table({}, PAIRS[2:], Baselines.fit(shorter), {}, seed=0).set_index("system")
    assert frame["accuracy"].map(lambda accuracy: accuracy.value).tolist() == [1.0, 1.0, 1.0]


def test_difference_to_the_row_above_is_paired():
    frame = align({"genrm": {0: GENRM}, "teacher": {0: ALL_RIGHT}})
    assert frame.loc["genrm", "difference"] is None
    assert frame.loc["teacher", "difference"].value == pytest.approx(1 - 2.75 / 4)
    assert 0 < frame.loc["teacher", "p_value"] <= 1
    unjudged = [one for one in GENRM if one.pair_id == "test0"]
    frame = align({"genrm": {0: unjudged}, "teacher": {0: ALL_RIGHT}})
    assert frame.loc["teacher", "difference"].n == 1  # only the pair that both have


def test_seeds_are_averaged_by_pair():
    none_right = [
        one for row in PAIRS for one in said(row["pair_id"], *("ab" if row["label"] == "b" else "ba"))
    ]
    flipped = [
        Judgement(one.pair_id, one.order, one.judge, "b" if one.order == "ab" else "a") for one in none_right
    ]
    row = align({"genrm": {0: ALL_RIGHT, 1: flipped}}).loc["genrm"]
    assert row["accuracy"].value == pytest.approx((1 + 0.5) / 2)
    assert row["accuracy"].n == 4
    assert row["flip_rate"].value == pytest.approx(0.5)


@pytest.mark.parametrize("figure", [68.0, 1.0])
def test_the_papers_figures_stand_beside_ours_and_change_nothing(figure):
    judgements = {"genrm": {0: GENRM}}
    without, beside = align(judgements), align(judgements, {"genrm": figure, "length only": 3.0})
    assert beside["paper"].tolist() == [figure, 3.0, None, None]
    pd.testing.assert_frame_equal(without.drop(columns="paper"), beside.drop(columns="paper"))


def test_a_judge_that_never_answers_is_a_row_without_numbers():
    silent = [Judgement(row["pair_id"], order, "x", "none") for row in PAIRS for order in ("ab", "ba")]
    row = align({"x": {0: silent}}).loc["x"]
    assert (row["accuracy"].n, row["unparsed"].value) == (0, 1.0)
    assert math.isnan(row["accuracy"].value)


def test_an_unread_verdict_counts_one_half_beside_the_accuracy_without_it():
    unread = [
        replace(one, verdict="none") if one.pair_id == "test0" or one.order == "ba" else one
        for one in ALL_RIGHT
    ]
    row = align({"genrm": {0: unread}}).loc["genrm"]
    assert (row["accuracy"].value, row["accuracy"].n) == (1.0, 3)
    assert row["accuracy_unread"].value == pytest.approx((0.5 + 3 * 0.75) / 4)
    assert row["accuracy_unread"].n == 4
    whole = align({"genrm": {0: GENRM}}).loc["genrm"]
    assert whole["unparsed"].value == 0 or whole["accuracy"] != whole["accuracy_unread"]


def test_rates_of_nothing_and_of_all_have_an_exact_interval():
    row = align({"teacher": {0: ALL_RIGHT}}).loc["teacher"]
    contexts = len({one["context_id"] for one in PAIRS})
    bound = 0.025 ** (1 / contexts)
    for column in ("accuracy", "accuracy_unread"):
        assert (row[column].low, row[column].high) == pytest.approx((bound, 1))
    for column in ("flip_rate", "ties", "unparsed"):
        assert (row[column].value, row[column].low, row[column].high) == pytest.approx((0, 0, 1 - bound))


def test_judgements_that_the_limit_cut_are_counted_apart_from_the_other_unread_ones():
    none = Judgement("test0", "ab", "genrm", "none", raw="so so")
    judged = [none, replace(none, order="ba", truncated=True), *said("test1", "a", "a"), *GENRM[4:]]
    row = align({"genrm": {0: judged}}).loc["genrm"]
    assert row["unparsed"].value == pytest.approx(3 / 8)
    assert (row["truncated_answers"].value, row["truncated_answers"].n) == (1 / 8, 8)
    assert align({"genrm": {0: GENRM}}).loc["genrm", "truncated_answers"].value == 0


def test_a_judgement_of_another_pair_is_an_error():
    with pytest.raises(ValueError, match="elsewhere"):
        align({"genrm": {0: said("elsewhere", "a", "a")}})


def test_domains_are_the_same_table_on_their_own_pairs():
    judgements = {"genrm": {0: GENRM}}
    frame = alignment.alignment_by_domain_table(judgements, PAIRS, CONTEXTS, FITTED, seed=0)
    genrm = frame[frame["system"] == "genrm"]
    assert genrm["domain"].tolist() == ["poem", "story"]
    assert [accuracy.value for accuracy in genrm["accuracy"]] == pytest.approx([(0.5 + 0.25) / 2, 1.0])
    assert genrm["pairs"].tolist() == [2, 2]


# ----------------------------------------------------------------------------------------- policies

ROPE = Constraint("required_word", {"word": "rope"})


def story(context, policy, text, seed=0, truncated=False):
    return {
        "context_id": context,
        "policy": policy,
        "sample": 0,
        "seed": seed,
        "text": text,
        "tokens": 9,
        "truncated": truncated,
    }


def match(context, policy_a, policy_b):
    name = f"{policy_a}/{policy_b}/{context}"
    return {"match_id": name, "context_id": context, "policy_a": policy_a, "policy_b": policy_b, "sample": 0}


MATCHES = [match(context, *sides) for context in ("c0", "c1") for sides in (("sft", "rlcs"), ("rlcs", "x"))]
MATCHES += [match(context, "sft", "x") for context in ("c0", "c1")]
STORIES = [
    story("c0", "sft", "a map a map a map"),
    story("c1", "sft", "no word", truncated=True),
    story("c0", "rlcs", "the rope"),
    story("c1", "rlcs", "a rope is here"),
    story("c0", "x", "rope"),
    story("c1", "x", ""),
]


def win_rates(judgements=None, stories=STORIES, paper=None, matches=MATCHES):
    oracle = [
        *said("sft/rlcs/c0", "b", "b"),
        *said("sft/rlcs/c1", "tie", "b"),
        *said("rlcs/x/c0", "a", "a"),
        *said("sft/x/c0", "a", "none"),
        *said("sft/x/c1", "none", "none"),
    ]
    contexts = {name: Context(name, "story", "", "", "", (ROPE,), "test") for name in ("c0", "c1")}
    frame = win_rate_table(
        matches,
        judgements or {"oracle": {0: oracle}},
        stories,
        contexts,
        paper or {},
        policies=["sft", "rlcs", "x"],
        reference="sft",
        seed=0,
    )
    return frame.set_index("policy")


def test_win_rates_are_those_counted_by_hand_from_either_side():
    frame = win_rates()
    assert frame.loc["sft", "win_rate"] is None
    assert frame.loc["rlcs", "win_rate"].value == pytest.approx((1 + 0.75) / 2)
    assert (frame.loc["x", "win_rate"].value, frame.loc["x", "win_rate"].n) == (0.0, 1)
    mirrored = win_rates(
        {"oracle": {0: said("rlcs/sft/c0", "a", "a")}}, matches=[*MATCHES, match("c0", "rlcs", "sft")]
    )
    assert mirrored.loc["rlcs", "win_rate"].value == 1.0


def test_length_controlled_rates_use_each_seeds_own_lengths():
    frame = win_rates()
    assert frame.loc["sft", "length_controlled"] is None
    assert frame.loc["rlcs", "length_controlled"].n == 2
    longer = [
        story(row["context_id"], row["policy"], row["text"] + " so" * 9 * (row["policy"] == "rlcs"), seed=1)
        for row in STORIES
    ]  # in seed 0 the stories of sft are the longer ones, in seed 1 those of rlcs
    won = said("sft/rlcs/c0", "b", "b")
    both = win_rates({"oracle": {0: won, 1: won}}, stories=[*STORIES, *longer])
    assert both.loc["rlcs", "length_controlled"].n == 2
    assert both.loc["rlcs", "win_rate"].n == 1  # a match counts once, whatever the number of seeds
    unknown = win_rates({"oracle": {5: won}})
    assert unknown.loc["rlcs", "length_controlled"].n == 0


def test_ratings_order_the_policies():
    ratings = win_rates()["rating"].map(lambda rating: rating.value)
    assert ratings["rlcs"] > ratings["sft"] > ratings["x"]
    assert ratings.sum() == pytest.approx(0, abs=1e-6)


def test_story_columns_are_those_counted_by_hand():
    frame = win_rates()
    sft, rlcs = frame.loc["sft"], frame.loc["rlcs"]
    assert (sft["constraints"].value, rlcs["constraints"].value) == (0.0, 1.0)
    assert (sft["words"].value, rlcs["words"].value) == (4.0, 3.0)
    assert sft["truncated"].value == 0.5
    assert sft["distinct_2"] == pytest.approx(3 / 6)  # a map, map a, no word
    assert (sft["repeated"].value, sft["repeated"].n) == (pytest.approx(1 / 3), 1)
    assert rlcs["distinct_2"] == 1.0


def test_the_matrix_counts_the_truncated_stories_of_its_rows():
    won = {"oracle": {0: said("sft/rlcs/c0", "b", "b")}}
    frame = win_rate_matrix(MATCHES, won, STORIES, policies=["sft", "rlcs"], seed=0).set_index("policy")
    assert (frame.loc["sft", "truncated"].value, frame.loc["rlcs", "truncated"].value) == (0.5, 0)


def test_distinct_2_is_taken_within_a_seed():
    again = [story(row["context_id"], row["policy"], row["text"], seed=1) for row in STORIES]
    assert win_rates(stories=[*STORIES, *again]).loc["rlcs", "distinct_2"] == 1.0


def test_every_policy_has_a_row_per_judge_and_seeds_are_averaged():
    won, lost = said("sft/rlcs/c0", "b", "b"), said("sft/rlcs/c0", "a", "a")
    frame = win_rates({"oracle": {0: won, 1: lost}, "genrm": {0: won}}, paper={"rlcs": 72.4})
    assert frame["judge"].tolist() == ["oracle", "genrm"] * 3
    assert [rate.value for rate in frame.loc["rlcs", "win_rate"]] == [0.5, 1.0]
    assert frame.loc["rlcs", "paper"].tolist() == [72.4, None]  # one figure, beside the first judge
    assert frame.loc["x", "win_rate"].iloc[0].n == 0


def test_a_judgement_of_an_unknown_match_is_an_error():
    with pytest.raises(ValueError, match=r"oracle.*elsewhere"):
        win_rates({"oracle": {0: said("elsewhere", "a", "a")}})


# ------------------------------------------------------------------------------------------- filter


def test_filter_table_counts_and_sums():
    outcomes = ["kept", "kept", "unparsed", "inconsistent", "against_label", "kept"]
    drops = drop_table(outcomes, {"teacher": ["t"] * 6, "domain": ["poem"] * 2 + ["story"] * 4})
    frame = label_audit.filter_table(drops)
    assert frame["domain"].tolist() == ["poem", "story", "all"]
    assert frame["pairs"].tolist() == [2, 4, 6]
    assert frame["kept_pairs"].tolist() == [2, 1, 3]
    assert frame["kept_share"].tolist() == [1.0, 0.25, 0.5]
    assert frame.loc[2, ["unparsed_pairs", "inconsistent_pairs", "against_label_pairs"]].tolist() == [1, 1, 1]


def test_filter_table_of_one_row_has_no_sum():
    assert len(label_audit.filter_table(drop_table(["kept"], {"teacher": ["t"]}))) == 1


def test_the_reward_model_is_compared_with_every_judge_but_itself():
    frame = alignment.alignment_table(
        {"bt": {0: ALL_RIGHT}, "genrm": {0: GENRM}}, PAIRS, FITTED, {}, seed=0, reward_model="bt"
    ).set_index("system")
    assert frame.loc["bt", "over_bt"] is frame.loc["length only", "over_bt"] is None
    assert frame.loc["genrm", "over_bt"].value == pytest.approx(2.75 / 4 - 1)
    assert 0 < frame.loc["genrm", "p_over_bt"] <= 1
    assert all(value is None for value in align({"genrm": {0: GENRM}})["over_bt"])


def test_what_a_judgement_costs():
    written = [Judgement(one.pair_id, one.order, "x", one.verdict, tokens=n) for n, one in enumerate(GENRM)]
    frame = alignment.alignment_table(
        {"x": {0: written}, "bt": {0: GENRM}}, PAIRS, FITTED, {}, seed=0, calls={"x": 8}
    ).set_index("system")
    assert (frame.loc["x", "calls"], frame.loc["x", "tokens"]) == (8, sum(range(8)) / 8)
    assert frame.loc["bt", "calls"] is frame.loc["bt", "tokens"] is None


def test_by_group_leaves_out_pairs_of_no_group():
    cohorts = {"test0": "old", "test1": None, "test2": "old", "test3": "young"}
    frame = alignment.alignment_by_group_table(
        {"genrm": {0: GENRM}}, PAIRS, "cohort", cohorts, FITTED, seed=0
    )
    rows = frame[frame["system"] == "genrm"].set_index("cohort")
    assert rows["pairs"].to_dict() == {"old": 2, "young": 1}
    assert rows.loc["old", "accuracy"].value == 1


def test_p_over_both_orders_is_measured_beside_single_verdicts():
    def always_first(p_first_of_better):  # all verdicts for the first story, surer if it is the better one
        return [
            Judgement(
                row["pair_id"], order, "x", "a" if order == "ab" else "b", p_a=p if order == "ab" else 1 - p
            )
            for row in PAIRS
            for order in ("ab", "ba")
            for p in [p_first_of_better if (order == "ab") == (row["label"] == "a") else 0.6]
        ]

    judged = {"x": {1: always_first(0.9), 2: always_first(0.9)}, "one": {1: always_first(0.55)}}
    frame = align({**judged, "plain": {1: GENRM}})
    x = frame.loc["x"]
    assert (x["accuracy"].value, x["accuracy_both_orders"].value, x["accuracy_both_orders"].n) == (0.5, 1, 4)
    assert x["accuracy_both_orders"].low < 1  # exact, since all of a few pairs are right
    assert frame.loc["one", "accuracy_both_orders"].value == 0
    assert frame.loc["plain", "accuracy_both_orders"] is None  # it has no p
    assert frame.loc["length only", "accuracy_both_orders"] is None


def test_people_are_the_last_row_where_their_agreement_is_known():
    judged = {"genrm": {0: GENRM}}
    agreement = {"test0": 1.0, "test1": 0.5, "train0": 0.0}  # the last is not held out
    frame = alignment.alignment_table(judged, PAIRS, FITTED, {}, seed=0, people=agreement).set_index("system")
    assert frame.index[-1] == "people"
    assert (frame.loc["people", "accuracy"].value, frame.loc["people", "pairs"]) == (0.75, 2)
    assert frame.loc["people", "flip_rate"] is frame.loc["people", "difference"] is None
    assert "people" not in align(judged).index


def test_what_a_judge_was_trained_on_by_what_it_is_tested_on():
    cohorts = {pair["pair_id"]: ["editors", "readers"][n % 2] for n, pair in enumerate(PAIRS)}
    people = {"editors": {pair["pair_id"]: 0.75 for pair in PAIRS[::2]}}
    by_group = alignment.alignment_by_group_table(
        {"genrm": {0: GENRM}, "untrained": {0: GENRM}},
        PAIRS,
        "cohort",
        cohorts,
        FITTED,
        seed=0,
        people=people,
    )
    frame = alignment.transfer_table(by_group, {"genrm": "editors"}, "accuracy on ").set_index("system")
    assert list(frame.columns) == ["trained_on", "accuracy on editors", "accuracy on readers"]
    assert list(frame.index) == ["genrm", "people"]
    cells = by_group.set_index(["system", "cohort"])["accuracy"]
    for cohort in ("editors", "readers"):
        assert frame.loc["genrm", f"accuracy on {cohort}"] == cells["genrm", cohort]
    assert frame.loc["people", "accuracy on editors"].value == 0.75
    assert frame.loc["people", "accuracy on readers"] is None
