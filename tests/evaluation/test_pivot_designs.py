import random
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from rlcs.evaluation.pivot_designs import (
    CHOSEN_DESIGNS,
    DESIGNS,
    SCALAR_DESIGN,
    Design,
    designs_of,
    draw_rewards,
    error_rates,
    evaluate_design,
    make_groups,
    noise_table,
    pivot_table,
)
from rlcs.records import Judgement

SIZE, CONTEXTS = 6, 12


def world(error=0.0, first=0.0, silent=0.0, seed=0):
    """Groups with random utilities, judged with a rate of mistakes, of naming the first, and of silence."""
    rng = random.Random(seed)
    utilities, said = {}, []
    for c in range(CONTEXTS):
        worth = [rng.random() for _ in range(SIZE)]
        utilities |= {(f"c/{c}", i): u for i, u in enumerate(worth)}
        for i, j in combinations(range(SIZE), 2):
            for order in ("ab", "ba"):
                verdict = "a" if worth[i] > worth[j] else "b"
                if rng.random() < error:
                    verdict = "b" if verdict == "a" else "a"
                if rng.random() < first:
                    verdict = order[0]
                p_a = 0.8 if verdict == "a" else 0.2
                if rng.random() < silent:
                    verdict, p_a = "none", None
                said.append(Judgement(f"c/{c}/{i}/{j}", order, "j", verdict, p_a=p_a))
    return make_groups(utilities, said, SIZE)


def told(*judges):
    """The groups' stories by judge, a quarter of them truncated."""
    rows = [
        {"context_id": f"c/{c}", "sample": i, "seed": seed, "truncated": (c + i) % 4 == 0}
        for seed in (1, 2, 3)
        for c in range(CONTEXTS)
        for i in range(4)
    ]
    return dict.fromkeys(judges, rows)


def mean(groups, design, name):
    return np.mean([getattr(evaluate_design(group, design), name) for group in groups])


def test_a_perfect_judge_has_no_bias_and_any_other_has_one():
    def bias(groups, designs=DESIGNS):
        return [mean(groups, design, "squared_bias") for design in designs]

    assert bias(world(), [d for d in DESIGNS if d.probability == "hard"]) == [0] * 6
    assert min(bias(world(error=0.3), [Design(1, "both", "hard"), Design(4, "both", "hard")])) > 0.01
    frame = pivot_table({"oracle": world()}, told("oracle"), seed=0)
    assert set(frame.loc[frame["points"] == "hard", "bias"]) == {0.0}


def test_a_perfect_judges_rewards_are_places():
    utilities = [3.0, 1.0, 2.0]
    verdicts = {(0, 1): "a", (0, 2): "a", (1, 2): "b"}
    judgements = [
        Judgement(f"c/{i}/{j}", order, "j", verdict)
        for (i, j), verdict in verdicts.items()
        for order in ("ab", "ba")
    ]
    (group,) = make_groups({("c", i): u for i, u in enumerate(utilities)}, judgements, 3)
    rewards, truth, *_ = draw_rewards(group, Design(2, "both", "hard"), 0)
    assert rewards.tolist() == truth.tolist()
    assert list(np.argsort(-rewards)) == [0, 2, 1]
    equal = replace(group, utilities=[1.0, 1.0, 1.0])
    assert draw_rewards(equal, Design(2, "both", "hard"), 0)[1].tolist() == [0.0, 0.0, 0.0]


def test_seeds_are_units_and_their_groups_are_not_mixed():
    alike = {"j": [replace(group, seed=seed) for seed in (1, 2, 3) for group in world(error=0.2)]}
    apart = {
        "j": [
            replace(group, seed=seed)
            for seed, error in ((1, 0.0), (2, 0.5), (3, 0.0))
            for group in world(error=error, seed=seed)
        ]
    }
    narrow, wide = (pivot_table(groups, told("j"), seed=0)["signal"][0] for groups in (alike, apart))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    noise = noise_table(apart, told("j"), seed=0).iloc[0]
    assert noise["true_positive_rate"] == pytest.approx((1 + 0.5 + 1) / 3, abs=0.05)


def test_groups_are_read_from_names():
    groups = world()
    assert [group.context_id for group in groups] == [f"c/{c}" for c in range(CONTEXTS)]
    assert all(len(group.utilities) == SIZE for group in groups)
    assert all(len(group.judgements) == SIZE * (SIZE - 1) for group in groups)


def test_a_perfect_judge_is_right_on_average_and_better_with_more_pivots():
    groups = world()
    signals = [mean(groups, Design(pivots, "both", "hard"), "signal") for pivots in (1, 2, 4)]
    assert signals == sorted(signals)
    assert signals[-1] > 0.9
    variances = [mean(groups, Design(pivots, "both", "hard"), "variance") for pivots in (1, 2, 4)]
    assert variances == sorted(variances, reverse=True)
    one, other = (draw_rewards(groups[0], Design(2, orders, "hard"), 0) for orders in ("both", "random"))
    assert np.allclose(one[0], other[0])  # the order says nothing about a judge who is always right
    assert one[2] == 2 * other[2]


def test_mistakes_cost_signal_and_both_orders_mend_a_preferred_place():
    biased = world(first=0.6)
    assert mean(biased, Design(1, "both", "hard"), "signal") > mean(
        biased, Design(1, "random", "hard"), "signal"
    )
    worse, better = world(error=0.4), world(error=0.1)
    for design in DESIGNS:
        assert mean(worse, design, "signal") < mean(better, design, "signal")


def test_what_was_not_judged_is_left_out():
    groups = world(silent=0.7)
    for design in DESIGNS:
        assert np.isfinite(mean(groups, design, "signal"))
        assert np.isfinite(mean(groups, design, "variance"))


def test_the_table_has_a_row_for_every_design_and_judge():
    judged = {"one": world(error=0.2), "two": world(error=0.1, first=0.3)}
    frame = pivot_table(judged, told("one", "two"), seed=0)
    assert len(frame) == 2 * len(DESIGNS)
    first = frame[frame["judge"] == "one"].iloc[0]
    assert first["per_call"] == 1.0
    assert first["calls_per_group"] == SIZE - 1
    assert (frame["noise"].astype(float) > 0).all()
    assert {share.value for share in frame["truncated"]} == {0.25}
    noise = noise_table({"two": world(error=0.1, first=0.3)}, told("two"), seed=0).iloc[0]
    assert (noise["truncated"].value, noise["truncated"].n) == (0.25, 3 * CONTEXTS * 4)
    assert noise["true_positive_rate"] == pytest.approx(0.9 * 0.7 + 0.3, abs=0.08)
    assert noise["false_positive_rate"] == pytest.approx(0.1 * 0.7 + 0.3, abs=0.08)


def test_error_rates_of_nothing_are_none_and_ties_count_half():
    ties = [
        replace(group, judgements={key: replace(j, verdict="tie") for key, j in group.judgements.items()})
        for group in world()
    ]
    assert error_rates(ties) == {"true_positive_rate": 0.5, "false_positive_rate": 0.5}
    silent = [
        replace(group, judgements={key: replace(j, verdict="none") for key, j in group.judgements.items()})
        for group in world()
    ]
    assert error_rates(silent) == {"true_positive_rate": None, "false_positive_rate": None}


def scored(chosen=None, scores=None):
    """One group of a judge that scores stories by themselves, 10 tokens a story; its scores are utilities."""
    worth = [3.0, 1.0, 4.0, 2.0, 5.0] + ([] if chosen is None else [chosen])
    scores = scores or worth
    said = [
        Judgement(f"c/{i}/{i}", "ab", "j", "tie", 10, score_a=score, score_b=score)
        for i, score in enumerate(scores)
    ]
    for (i, a), (j, b) in combinations(enumerate(scores), 2):
        verdict = "a" if a > b else "b"
        said += [
            Judgement(f"c/{i}/{j}", order, "j", verdict, 10, p_a=0.9 if a > b else 0.1)
            for order in ("ab", "ba")
        ]
    return make_groups({("c", i): u for i, u in enumerate(worth)}, said, 5)


def test_plain_scores_cost_an_answer_for_each_story_and_have_no_bias():
    (group,) = scored()
    quality = evaluate_design(group, SCALAR_DESIGN)
    assert (quality.signal, quality.calls, quality.tokens) == (pytest.approx(1), 5, 50)
    assert np.isnan(quality.squared_bias)
    assert draw_rewards(group, SCALAR_DESIGN, 0).points.tolist() == [0, -2, 1, -1, 2]
    frame = pivot_table({"j": [group]}, told("j"), seed=0)
    assert frame["pivot"].tolist() == ["none"] + ["drawn"] * 6
    assert set(frame["calls_per_group"]) == {5.0}
    assert frame["bias"][0] is None
    assert frame["per_token"][0] == pytest.approx(1000 / 50)


def test_a_story_without_a_score_is_left_out():
    (group,) = scored()
    unread = replace(group.alone[4], verdict="none", score_a=None)
    quality = evaluate_design(replace(group, alone={**group.alone, 4: unread}), SCALAR_DESIGN)
    assert quality.signal == pytest.approx(1)
    assert draw_rewards(replace(group, alone={i: unread for i in range(5)}), SCALAR_DESIGN, 0).calls == 5


def test_a_chosen_pivot_is_compared_with_every_story_of_the_group():
    (group,) = scored(chosen=2.5)
    design = Design(1, "both", "hard", "chosen")
    pairwise = replace(group, alone={})
    for draw in range(3):
        points, truth, calls, tokens = draw_rewards(pairwise, design, draw)
        assert (calls, tokens) == (2 * 5, 100)
        assert points.tolist() == truth.tolist() == pytest.approx([0.8, -1.2, 0.8, -1.2, 0.8])
    assert draw_rewards(group, design, 0).calls == 5 + 1
    assert len(group.own_judgements) == 5 * 4
    assert evaluate_design(group, design).variance == 0


def test_designs_of_chosen_pivots_are_those_of_groups_that_have_one():
    with_one, without = scored(chosen=2.5)[0], scored()[0]
    pairwise = [replace(group, alone={}) for group in (with_one, without)]
    assert designs_of(pairwise[1:]) == list(DESIGNS)
    assert designs_of(pairwise) == [*DESIGNS, *CHOSEN_DESIGNS]
    frame = pivot_table({"j": pairwise}, told("j"), seed=0)
    assert frame[frame["pivot"] == "chosen"]["signal"].iloc[0].n == 1
    assert len(frame) == len(DESIGNS) + len(CHOSEN_DESIGNS)


def test_tokens_of_a_pairwise_judge_are_those_of_its_comparisons():
    (group,) = scored()
    pairwise = replace(group, alone={})
    assert draw_rewards(pairwise, Design(1, "random", "soft"), 0)[2:] == (4, 40)
    assert draw_rewards(pairwise, Design(1, "both", "soft"), 0)[2:] == (8, 80)
    silent = {key: replace(said, tokens=0) for key, said in group.judgements.items()}
    assert (
        pivot_table({"j": [replace(pairwise, judgements=silent)]}, told("j"), seed=0)["per_token"][0] is None
    )


def test_a_judge_that_writes_both_orders_costs_both_in_every_design():
    utilities = {("c", i): float(i) for i in range(3)}
    judgements = [
        Judgement(f"c/{i}/{j}", order, "j", "b", tokens=tokens)
        for i, j in combinations(range(3), 2)
        for order, tokens in (("ab", 10), ("ba", 20))
    ]
    for orders in ("random", "both"):
        (group,) = make_groups(utilities, judgements, 3, writes_both=True)
        drawn = draw_rewards(group, Design(1, orders, "hard"), 0)
        assert (drawn.calls, drawn.tokens) == (4, 60)
