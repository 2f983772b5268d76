"""The best of several stories, chance levels, and the overlap of tested pairs with training pairs."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.evaluation.benchmarks import (
    Benchmark,
    benchmark_data_table,
    benchmark_table,
    best_of_credits,
    published_figures,
)
from rlcs.evaluation.overlap import NGRAM, Overlap, PairTexts, count_overlaps
from rlcs.records import Context, Judgement
from rlcs.report.formatting import read_table, write_table
from rlcs.verdict import compare

CONTEXT = Context("c", "story", "", "", "A wolf.", (), "test")


def row_of(chosen, rejected, context="c"):
    """The pairs of a row; the chosen story is a in every other one."""
    pairs = []
    for n, (good, bad) in enumerate(product(chosen, rejected)):
        label = "ab"[n % 2]
        stories = (good, bad) if label == "a" else (bad, good)
        pair = {"pair_id": f"{context}{n}", "context_id": context, "label": label}
        pairs.append(pair | dict(zip(("story_a", "story_b"), stories, strict=True)))
    return pairs


def won(pairs, p_of):
    """p(a wins) of each pair, from p(chosen wins) by chosen and rejected story."""
    found = {}
    for pair in pairs:
        first = pair["label"] == "a"
        stories = (pair["story_a"], pair["story_b"]) if first else (pair["story_b"], pair["story_a"])
        p = p_of(*stories)
        found[pair["pair_id"]] = p if first else 1 - p
    return found


@pytest.mark.parametrize(
    ("p_of", "credit"),
    [
        ({("g", "x"): 1, ("g", "y"): 1, ("g", "z"): 1}, 1),
        ({("g", "x"): 1, ("g", "y"): 0, ("g", "z"): 1}, 0),
        ({("g", "x"): 1, ("g", "y"): 0.75, ("g", "z"): 1}, 1),  # a win and a tie over both orders
        ({("g", "x"): 1, ("g", "y"): 0.5, ("g", "z"): 1}, 1 / 2),
        ({("g", "x"): 0.5, ("g", "y"): 0.5, ("g", "z"): 0.5}, 1 / 4),
        ({("g", "x"): 0.5, ("g", "y"): 0.25, ("g", "z"): 0.5}, 0),
    ],
)
def test_the_chosen_story_must_beat_every_other(p_of, credit):
    pairs = row_of(["g"], ["x", "y", "z"])
    assert best_of_credits(won(pairs, lambda *stories: p_of[stories]), pairs) == {"c": credit}


def test_one_of_several_chosen_stories_is_enough():
    pairs = row_of(["g", "h"], ["x", "y"])
    assert best_of_credits(won(pairs, lambda good, _: float(good == "h")), pairs) == {"c": 1}


def test_a_row_with_a_pair_without_a_verdict_is_left_out():
    pairs = row_of(["g"], ["x", "y"]) + row_of(["g"], ["x", "y"], "d")
    known = won(pairs, lambda *_: 1.0)
    del known["c1"]
    assert best_of_credits(known, pairs) == {"d": 1}


@given(st.integers(1, 4), st.integers(1, 5))
def test_a_judge_that_always_ties_has_the_chance_level(chosen, rejected):
    pairs = row_of([f"g{n}" for n in range(chosen)], [f"x{n}" for n in range(rejected)])
    credit = best_of_credits(dict.fromkeys((pair["pair_id"] for pair in pairs), 0.5), pairs)["c"]
    assert credit == pytest.approx(Benchmark("b", "best_of", pairs, {"c": CONTEXT}).chance)
    assert credit == pytest.approx(chosen / (chosen + rejected))


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=1, max_size=4)
)
def test_scores_of_single_stories_are_right_if_the_highest_is_a_chosen_one(chosen, rejected):
    scores = {f"g{n}": score for n, score in enumerate(chosen)}
    scores |= {f"x{n}": score for n, score in enumerate(rejected)}
    pairs = row_of([s for s in scores if s[0] == "g"], [s for s in scores if s[0] == "x"])
    points = {"a": 1.0, "b": 0.0, "tie": 0.5}
    credit = best_of_credits(won(pairs, lambda g, x: points[compare(scores[g], scores[x])]), pairs)["c"]
    best = max(scores.values())
    top = [story for story, score in scores.items() if score == best]
    chosen_top = [story for story in top if story[0] == "g"]
    assert credit == pytest.approx(1 if len(chosen_top) == len(top) else len(chosen_top) / len(top))


def test_chance_is_the_mean_over_rows():
    pairs = row_of(["g"], ["x", "y", "z"], "c") + row_of(["g", "h"], ["x", "y"], "d")
    assert Benchmark("b", "best_of", pairs, {}).chance == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert Benchmark("b", "pairs", pairs, {}).chance == 0.5


def judgements(pairs, judge, right=True):
    other = {"a": "b", "b": "a"}
    return [
        Judgement(pair["pair_id"], order, judge, pair["label"] if right else other[pair["label"]])
        for pair in pairs
        for order in ("ab", "ba")
    ]


def test_judges_stand_over_length_chance_and_published_figures(tmp_path):
    contexts = {name: Context(name, "story", "", "", f"Prompt {name}.", (), "test") for name in "cde"}
    rows = [pair for name in "cde" for pair in row_of(["one two three"], ["four", "five"], name)]
    several = Benchmark("rmb", "best_of", rows, contexts, preset="story_rmb", licence="none")
    single = Benchmark("mine", "pairs", rows, contexts)
    judged = {
        "rmb": {"good": {1: judgements(rows, "good")}, "bad": {1: judgements(rows, "bad", right=False)}},
        "mine": {"good": {1: judgements(rows, "good")}, "bad": {1: judgements(rows[:2], "bad", right=False)}},
    }
    train = row_of(["long story here"], ["short"], "t")
    table = benchmark_table([several, single], judged, train, column="accuracy on ", seed=0)
    assert list(table["system"]) == ["good", "bad", "length only", "chance", "best reward model"]
    shown = table.set_index("system")
    assert [shown.loc[name, "accuracy on rmb"].value for name in ("good", "bad", "length only")] == [1, 0, 1]
    assert shown.loc["good", "accuracy on rmb"].n == 3
    assert shown.loc["good", "accuracy on mine"].n == 6
    assert shown.loc["bad", "accuracy on mine"].n == 2
    assert shown.loc["chance", "accuracy on rmb"].value == pytest.approx(1 / 3)
    assert shown.loc["best reward model", "accuracy on rmb"].value == pytest.approx(0.663)
    assert shown.loc["best reward model", "source"] == "StoryRMB (2026), https://arxiv.org/abs/2605.04831"
    write_table(table, tmp_path, "benchmarks", "Caption", synthetic=False)
    again = read_table(tmp_path / "benchmarks.csv").set_index("system")
    assert again.loc["chance", "accuracy on rmb"].value == pytest.approx(1 / 3)
    assert "rmb %" in (tmp_path / "benchmarks.md").read_text()


def test_ties_of_people_have_no_right_verdict():
    pairs = row_of(["g"], ["x", "y"])
    one = Benchmark("b", "pairs", pairs[:1], {"c": CONTEXT})  # the second is a tie, and was judged
    assert one.credits(judgements(pairs, "judge")) == {"c0": 1}


def test_published_figures_are_per_cent_and_have_a_source():
    figures = published_figures(["litbench_test", "writing_preference_bench", "reward_bench_2", "story_rmb"])
    assert all(25 < figure["figure"] < 100 and figure["source"] and figure["judge"] for figure in figures)
    assert len({(figure["preset"], figure["judge"]) for figure in figures}) == len(figures) == 12
    assert published_figures([None, "hanna"]) == []
    assert all(figure["url"].startswith("https://") and figure["year"] > 2020 for figure in figures)


# ------------------------------------------------------------------------------------------ overlap

LONG = " ".join(f"word{n}" for n in range(NGRAM))


def texts(prompt="", one="One.", other="Two."):
    return PairTexts(("", "", prompt), (one, other))


def test_overlap_counts_prompts_stories_and_long_ngrams():
    training = [texts("[WP] A wolf.", "It ran.", f"So {LONG}, he said.")]
    tested = {
        "none": [texts("A fox.", "It sat.", LONG.rsplit(" ", 1)[0])],  # twelve words
        "prompt": [texts("a  WOLF.", "x", "y")],
        "story": [texts("A fox.", "it ran.", "y"), texts("A fox.", "y", "IT  RAN.")],
        "ngram": [texts("A fox.", "x", f"Then {LONG.upper()}")],
        "empty": [texts()],
    }
    assert count_overlaps(tested, training) == {
        "none": Overlap(0, 0, 0),
        "prompt": Overlap(1, 0, 0),
        "story": Overlap(0, 2, 0),
        "ngram": Overlap(0, 0, 1),
        "empty": Overlap(0, 0, 0),
    }


def test_training_without_a_prompt_shares_none():
    assert count_overlaps({"b": [texts()]}, [texts(one="x", other="y")])["b"] == Overlap(0, 0, 0)


@given(st.lists(st.integers(0, 3), max_size=60), st.lists(st.integers(0, 3), max_size=60))
def test_long_ngrams_are_found_as_by_looking_for_each(one, other):
    def windows(numbers):
        return {tuple(numbers[i : i + NGRAM]) for i in range(len(numbers) - NGRAM + 1)}

    tested = {"b": [texts(one=" ".join(f"w{n}" for n in one), other="x")]}
    found = count_overlaps(tested, [texts(one=" ".join(f"w{n}" for n in other), other="y")])
    assert found["b"].shared_ngram == bool(windows(one) & windows(other))


def test_the_table_of_the_data_ends_with_the_runs_own_pairs():
    pairs = row_of(["g"], ["x", "y", "z"])
    overlaps = {"b": Overlap(1, 2, 3), "held-out pairs of this run": Overlap(0, 0, 1)}
    one = Benchmark("b", "best_of", pairs, {"c": CONTEXT}, quarantined=4, licence="CC BY 4.0")
    table = benchmark_data_table([one], pairs[:2], overlaps).to_dict("records")
    assert [row["benchmark"] for row in table] == ["b", "held-out pairs of this run"]
    assert (table[0]["measured"], table[0]["pairs"], table[0]["chance"]) == (1, 3, 0.25)
    assert (table[0]["same_prompt"], table[0]["same_story"], table[0]["shared_ngram"]) == (1, 2, 3)
    assert table[1]["pairs"] == 2
