"""Training examples in TRL's formats."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlcs.config.judging import JudgingConfig
from rlcs.data.preferences import comparisons_of
from rlcs.records import Context, Judgement
from rlcs.training.examples import (
    chain_examples,
    demonstration_examples,
    drawn_labels,
    label_examples,
    preference_examples,
    relabelled_examples,
    verdict_examples,
    writing_prompts,
)

TEMPLATE = "Write: $outline"
JUDGING = JudgingConfig(
    template="$rubric $outline / $story_1 / $story_2", rubrics={"poem": "rhyme", "default": "plot"}
)
CONTEXTS = {
    name: Context(name, domain, "", "", f"outline of {name}", (), "train")
    for name, domain in (("c1", "poem"), ("c2", "story"))
}
PAIRS = [
    {"pair_id": "p1", "context_id": "c1", "story_a": "one", "story_b": "two", "label": "a"},
    {"pair_id": "p2", "context_id": "c2", "story_a": "three", "story_b": "four", "label": "b"},
    {"pair_id": "p3", "context_id": "c1", "story_a": "five", "story_b": "six", "label": "tie"},
]
COMPARISONS = comparisons_of(PAIRS, CONTEXTS)


def said(role, content):
    return [{"role": role, "content": content}]


def test_a_chain_is_the_completion_of_the_order_it_was_written_for():
    chains = [Judgement("p2", "ba", "t", "b", raw="because\nScores: 4 2"), Judgement("p1", "ab", "t", "a")]
    assert chain_examples(COMPARISONS, chains, JUDGING) == [
        {
            "prompt": said("user", "plot outline of c2 / four / three"),
            "completion": said("assistant", "because\nScores: 4 2"),
            "context_id": "c2",
        },
        {
            "prompt": said("user", "rhyme outline of c1 / one / two"),
            "completion": said("assistant", ""),
            "context_id": "c1",
        },
    ]


def test_a_chain_of_an_unknown_comparison_is_an_error():
    with pytest.raises(KeyError):
        chain_examples(COMPARISONS, [Judgement("p9", "ab", "t", "a")], JUDGING)


def verdicts(pairs, seed):
    labels = {pair["pair_id"]: pair["label"] for pair in pairs}
    return verdict_examples(comparisons_of(pairs, CONTEXTS), labels, JUDGING, seed=seed)


def test_a_verdict_example_shows_the_stories_in_its_order():
    shown = {example["order"]: example for example in verdicts(PAIRS[:1], seed=0)}
    assert shown["ab"]["prompt"] == said("user", "rhyme outline of c1 / one / two")
    assert shown["ba"]["prompt"] == said("user", "rhyme outline of c1 / two / one")
    assert [example["label"] for example in shown.values()] == ["a", "a"]


def test_chains_without_their_analysis_and_without_what_cannot_be_read():
    chains = [
        Judgement("p1", "ba", "teacher", "a", raw="two is dull\nScores: 2 7\n"),
        Judgement("p1", "ab", "teacher", "none", raw="so so"),
    ]
    (example,) = chain_examples(COMPARISONS, chains, JUDGING, analysis=False)
    assert example["prompt"] == said("user", "rhyme outline of c1 / two / one")
    assert example["completion"] == said("assistant", "Scores: 2 7")


def test_scores_from_labels():
    labels = {"p1": "a", "p2": "b", "p3": "tie"}
    examples = label_examples(COMPARISONS, labels, JUDGING, seed=0)
    found = {e["prompt"][0]["content"].partition(" / ")[2]: e["completion"][0]["content"] for e in examples}
    stories = ["one / two", "two / one", "three / four", "four / three", "five / six", "six / five"]
    scores = [f"Scores: {s}" for s in ("9 1", "1 9", "1 9", "9 1", "5 5", "5 5")]
    assert found == dict(zip(stories, scores, strict=True))
    shown = [stories.index(place) for place in found]
    assert shown[1::2] == [place + 1 for place in shown[::2]]  # both orders of a pair, one after the other


@given(st.integers(1, 20), st.integers(0, 100))
def test_the_two_orders_of_a_pair_are_adjacent(n, seed):
    pairs = [{**PAIRS[0], "pair_id": f"{i}", "story_a": f"a{i}", "story_b": f"b{i}"} for i in range(n)]
    examples = verdicts(pairs, seed)
    assert [example["order"] for example in examples] == ["ab", "ba"] * n
    for first, second in zip(examples[::2], examples[1::2], strict=True):
        _, a, b = first["prompt"][0]["content"].split(" / ")
        assert second["prompt"][0]["content"].endswith(f" / {b} / {a}")


def test_the_seed_alone_orders_the_pairs():
    pairs = [{**PAIRS[0], "pair_id": f"{i}", "story_a": f"a{i}"} for i in range(20)]
    assert verdicts(pairs, 1) == verdicts(pairs[::-1], 1)
    assert verdicts(pairs, 1) != verdicts(pairs, 2)


def test_the_preferred_story_is_chosen_and_a_tie_says_nothing():
    assert preference_examples(PAIRS, CONTEXTS, TEMPLATE) == [
        {
            "prompt": said("user", f"Write: outline of {context}"),
            "chosen": said("assistant", chosen),
            "rejected": said("assistant", rejected),
        }
        for context, chosen, rejected in (("c1", "one", "two"), ("c2", "four", "three"))
    ]


def test_policies_imitate_the_preferred_story_and_both_of_a_tie():
    examples = demonstration_examples(PAIRS, CONTEXTS, TEMPLATE)
    told = [example["completion"][0]["content"] for example in examples]
    assert told == ["one", "four", "five", "six"]
    assert [e["prompt"][0]["content"][-2:] for e in examples] == ["c1", "c2", "c1", "c1"]


def test_writing_prompts_know_their_contexts_and_stand_in_a_seeded_order():
    contexts = [replace(CONTEXTS["c1"], context_id=str(i), outline=f"outline of {i}") for i in range(20)]
    prompts = writing_prompts(contexts, TEMPLATE, seed=1)
    assert prompts == writing_prompts(contexts, TEMPLATE, seed=1)
    assert prompts != writing_prompts(contexts, TEMPLATE, seed=2)
    by_id = {prompt["context_id"]: prompt["prompt"] for prompt in prompts}
    assert by_id == {str(i): said("user", f"Write: outline of {i}") for i in range(20)}


def analysed(pair_id, order, text, verdict="a"):
    return Judgement(pair_id, order, "genrm", verdict, raw=text)


ANALYSES = [
    analysed("p1", "ab", "one is dull\nScores: 2 8", "b"),
    analysed("p1", "ba", "two is dull\nScores: 3 7"),
    analysed("p2", "ab", "rambling", "none"),
    analysed("p2", "ba", "four\nScores: 8 2"),
    analysed("p3", "ab", "Scores: 9 1"),
    analysed("p3", "ba", "so\nScores: 9 1", "b"),
]


def test_an_analysis_stays_and_its_scores_become_the_labels_in_both_orders():
    labels = {"p1": ["a"], "p2": ["b"], "p3": ["tie"]}
    examples = relabelled_examples(COMPARISONS, ANALYSES, labels, JUDGING, seed=0)
    by_pair = {}
    for example in examples:
        by_pair.setdefault(example["pair_id"], []).append(example["completion"][0]["content"])
    assert by_pair == {
        "p1": ["one is dull\nScores: 6 4", "two is dull\nScores: 4 6"],
        "p3": ["Scores: 5 5", "so\nScores: 5 5"],
    }
    # the two orders of a pair are neighbours
    assert [e["pair_id"] for e in examples[::2]] == [e["pair_id"] for e in examples[1::2]]
    assert examples[0]["prompt"] != examples[1]["prompt"]


def test_several_analyses_of_a_pair_are_matched_in_their_order():
    twice = [replace(a, raw=f"{n}\nScores: 7 7") for a in ANALYSES if a.pair_id == "p1" for n in (1, 2)]
    examples = relabelled_examples(COMPARISONS[:2], twice, {"p1": ["a", "b"]}, JUDGING, seed=0)
    assert [e["completion"][0]["content"] for e in examples] == [
        "1\nScores: 6 4",
        "1\nScores: 4 6",
        "2\nScores: 4 6",
        "2\nScores: 6 4",
    ]


def test_a_pair_without_as_many_analyses_as_labels_is_an_error():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        relabelled_examples(COMPARISONS[:2], ANALYSES[:2], {"p1": ["a", "a"]}, JUDGING, seed=0)


@given(st.floats(0, 1), st.integers(1, 20), st.integers(0, 5))
def test_soft_labels_are_drawn_in_their_proportion(p, samples, seed):
    pair = {"pair_id": "p1", "label": "a", "soft_label": p}
    drawn = drawn_labels(pair, samples, soft=True, seed=seed)
    assert len(drawn) == samples
    assert abs(drawn.count("a") - p * samples) < 1
    assert drawn == drawn_labels(pair, samples, soft=True, seed=seed)
    assert drawn_labels(pair, samples, seed=seed) == ["a"] * samples


def test_soft_labels_are_right_on_average_with_one_analysis():
    pairs = [{"pair_id": f"p{i}", "label": "a", "soft_label": 0.75} for i in range(2000)]
    share = sum(drawn_labels(pair, 1, soft=True) == ["a"] for pair in pairs) / len(pairs)
    assert share == pytest.approx(0.75, abs=0.03)


def test_a_tie_and_a_pair_without_a_soft_label_keep_their_label():
    assert drawn_labels({"pair_id": "p", "label": "tie", "soft_label": 0.5}, 3, soft=True) == ["tie"] * 3
    assert drawn_labels({"pair_id": "p", "label": "b", "soft_label": None}, 2, soft=True) == ["b"] * 2


POINTWISE = JUDGING.model_copy(update={"story_template": "$rubric $outline / $story"})


def shown(examples):
    """Story and completion of each example."""
    return [(e["prompt"][0]["content"].rpartition(" / ")[2], e["completion"][0]["content"]) for e in examples]


def test_a_chain_about_one_story_is_learned_once():
    chains = [
        Judgement("p1", "ab", "t", "a", raw="good\nScore: 7"),
        Judgement("p1", "ba", "t", "a", raw="bad\nScore: 3"),
        Judgement("p1", "ab", "t", "a", raw="good\nScore: 7"),
        Judgement("p2", "ba", "t", "none", raw="well"),
    ]
    examples = chain_examples(COMPARISONS, chains, POINTWISE, reads="story")
    assert shown(examples) == [("one", "good\nScore: 7"), ("two", "bad\nScore: 3")]
    alone = chain_examples(COMPARISONS, chains, POINTWISE, analysis=False, reads="story")
    assert [text for _, text in shown(alone)] == ["Score: 7", "Score: 3"]


def test_labels_of_single_stories_are_the_highest_and_the_lowest_score():
    labels = {pair["pair_id"]: pair["label"] for pair in PAIRS}
    examples = label_examples(COMPARISONS, labels, POINTWISE, seed=0, reads="story")
    assert dict(shown(examples)) == {
        "one": "Score: 9",
        "two": "Score: 1",
        "three": "Score: 1",
        "four": "Score: 9",
        "five": "Score: 5",
        "six": "Score: 5",
    }


def test_the_preferred_storys_score_is_raised_above_the_others():
    analyses = [
        Judgement(c.pair_id, c.order, "j", "tie", raw=f"about {c.first}\nScore: 2") for c in COMPARISONS
    ]
    labels = {pair["pair_id"]: [pair["label"]] for pair in PAIRS}
    examples = relabelled_examples(COMPARISONS, analyses, labels, POINTWISE, seed=0, reads="story")
    expected = {"one": 6, "two": 4, "three": 4, "four": 6, "five": 5, "six": 5}
    assert dict(shown(examples)) == {
        story: f"about {story}\nScore: {score}" for story, score in expected.items()
    }
    assert [e["pair_id"] for e in examples[::2]] == [e["pair_id"] for e in examples[1::2]]


def test_prompts_of_a_pairs_two_stories_stay_together():
    labels = {pair["pair_id"]: pair["label"] for pair in PAIRS}
    examples = verdict_examples(COMPARISONS, labels, POINTWISE, seed=0, reads="story")
    stories = {(e["pair_id"], e["order"]): e["prompt"][0]["content"] for e in examples}
    assert stories["p2", "ab"].endswith("/ three")
    assert stories["p2", "ba"].endswith("/ four")
    assert [e["order"] for e in examples] == ["ab", "ba"] * 3
