"""A linear probe on a GenRM's analyses: its features, and one verdict for both orders of a pair."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from judges import in_process
from rlcs.config.prompts import assistant, user
from rlcs.config.story_rewards import StoryRewardConfig
from rlcs.judging import analysis_features
from rlcs.judging.analysis_features import (
    LARGEST_NUMBER,
    NUMBERS,
    number_features,
    state_features,
    stated_numbers,
)
from rlcs.judging.analysis_probe import AnalysisProbeJudge
from rlcs.judging.backends import Reply
from rlcs.judging.in_process import TransformersBackend
from rlcs.judging.loading import load_judge
from rlcs.judging.probe import Probe
from rlcs.judging.story_features import state_places
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import Comparison
from rlcs.rewards.pivot_reward import PivotReward, judge_metrics
from rlcs.verdict import swapped, with_scores
from rlcs.world.tokenizer import END

ANALYSES = ["1 outline map yes 2", "2 wolf rope " * 5, "character"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", []),
        ("no number", []),
        ("1 outline mill not 0\n2 outline yes 12", [1, 0, 2, 12]),
        ("7/10, 3.5 and -4", [7, 10, 3, 5, 4]),
        ("a10b007", [10, 7]),
        ("1999", [LARGEST_NUMBER]),
        ("9" * 5000, [LARGEST_NUMBER]),
        ("٣ ²", []),
    ],
)
def test_the_integers_that_a_text_states(text, numbers):
    assert stated_numbers(text) == numbers


@given(st.lists(st.lists(st.integers(0, 2000), max_size=6), min_size=1, max_size=4), st.integers(0, 6))
def test_missing_numbers_are_0_and_further_ones_are_left_out(rows, width):
    features = number_features([" ".join(map(str, row)) for row in rows], width)
    assert features.shape == (len(rows), width)
    for row, found in zip(rows, features, strict=True):
        capped = [min(number, LARGEST_NUMBER) for number in row[:width]]
        assert found.tolist() == capped + [0] * (width - len(capped))


@pytest.fixture(scope="module")
def loaded(model_folder):
    return load_causal(model_folder), load_tokenizer(model_folder)


def test_states_are_those_of_the_analysis_and_its_lines_end(loaded):
    model, tokenizer = loaded
    prompts = [user(f"At the mill {'the wolf ' * n}") for n in range(3)]
    found = state_features(model, tokenizer, prompts, ANALYSES, state_places(model))
    for number, (prompt, analysis) in enumerate(zip(prompts, ANALYSES, strict=True)):
        asked = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)
        told = tokenizer(f"{analysis}\n", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            output = model(torch.tensor([asked + told]), output_hidden_states=True)
        states = output.hidden_states[1][0]
        assert found["last of layer 1"][number] == pytest.approx(states[-1].numpy(), abs=1e-4)
        assert found["mean of layer 1"][number] == pytest.approx(
            states[len(asked) :].mean(0).numpy(), abs=1e-4
        )


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_neither_padding_nor_batches_change_a_state(loaded, monkeypatch, side, batch_size):
    model, tokenizer = loaded
    prompts = [user("mill " * (1 + 4 * n)) for n in range(3)]
    places = state_places(model)
    together = state_features(model, tokenizer, prompts, ANALYSES, places)
    monkeypatch.setattr(analysis_features, "STATES_BATCH", batch_size)
    monkeypatch.setattr(tokenizer, "padding_side", side)
    again = state_features(model, tokenizer, prompts, ANALYSES, places)
    for place in places:
        assert again[place] == pytest.approx(together[place], abs=1e-4)


def test_a_special_token_that_an_analysis_quotes_is_text(loaded, monkeypatch):
    model, tokenizer = loaded
    read = []
    monkeypatch.setattr(
        analysis_features, "story_features", lambda model, tokenizer, encoded, *_, **__: read.extend(encoded)
    )
    state_features(model, tokenizer, [user("mill")], [f"wolf {END} wolf"], [])
    analysis = read[0].ids[read[0].start :]
    assert tokenizer.eos_token_id not in analysis
    assert tokenizer.decode(analysis) == f"wolf {END} wolf\n"


class Counter:
    """A backend that states how often each story has "good", and nothing about stories with "silent".

    Its score line says the contrary. Four tokens an answer.
    """

    shard_size = None

    def __init__(self):
        self.asked = []

    def answer(self, conversations, samples=1, seed=0):
        texts = [conversation[-1]["content"] for conversation in conversations]
        self.asked += texts
        return [self.reply(*re.search(r"1: (.*)\n2: (.*)", text).groups()) for text in texts]

    def reply(self, first, second):
        if "cut" in first:
            return Reply("1 good 1", 4, truncated=True)
        if "missing" in first:
            return None
        counts = [story.count("good") for story in (first, second)]
        said = "" if "silent" in first else f"1 good {counts[0]}\n2 good {counts[1]}"
        return Reply(with_scores(f"{said}\n?", *sorted((counts[0] % 9 + 1, 5))), 4, truncated=False)


WEIGHTS = np.array([0.0, 1.0, 0.0, -1.0])  # on 1, the first story's count, 2, the second's


@pytest.fixture
def counting(judging):
    return AnalysisProbeJudge("probe", Counter(), judging, Probe(NUMBERS, WEIGHTS))


def pair(context, a, b, orders=("ab", "ba"), name="p"):
    return [Comparison(name, context, a, b, order) for order in orders]


GOOD, BEST, BAD = "good", "good good", "wolf"


@pytest.mark.parametrize(
    ("a", "b", "verdict", "p"),
    [(GOOD, BAD, "a", 0.880797), (BAD, BEST, "b", 0.017986), (GOOD, "a good wolf", "tie", 0.5)],
)
def test_the_numbers_decide_whatever_the_score_line_says(counting, context, a, b, verdict, p):
    ab, ba = counting.judge(pair(context, a, b))
    assert (ab.verdict, ba.verdict) == (verdict, verdict)
    assert ab.p_a == ba.p_a == pytest.approx(p, abs=1e-6)
    assert ab.score_a is ab.score_b is None
    assert ab.analysis == f"1 good {a.count('good')}\n2 good {b.count('good')}"
    assert [judgement.tokens for judgement in (ab, ba)] == [4, 4]
    assert ba.raw.startswith(ba.analysis)


STORIES = st.lists(st.sampled_from(["good", "wolf", "mill"]), min_size=1, max_size=5).map(" ".join)


@given(
    st.lists(st.tuples(STORIES, STORIES, st.sampled_from(["ab", "ba"])), max_size=6),
    st.lists(st.floats(-3, 3), min_size=4, max_size=4),
)
def test_swapped_stories_swap_the_verdict_and_order_changes_nothing(judging, context, asked, weights):
    judge = AnalysisProbeJudge("probe", Counter(), judging, Probe(NUMBERS, np.array(weights)))
    told = [Comparison(str(n), context, a, b, order) for n, (a, b, order) in enumerate(asked)]
    turned = [replace(c, story_a=c.story_b, story_b=c.story_a) for c in told]
    other = [replace(c, order="ba" if c.order == "ab" else "ab") for c in told]
    for plain, swap, flip in zip(*map(judge.judge, (told, turned, other)), strict=True):
        assert plain.p_a == pytest.approx(1 - swap.p_a)
        assert plain.verdict == swapped(swap.verdict) == flip.verdict
        assert plain.p_a == pytest.approx(flip.p_a)


def test_an_order_that_is_not_asked_is_written_and_its_tokens_count(counting, context):
    (alone,) = counting.judge(pair(context, GOOD, BAD, ["ba"]))
    assert len(counting.backend.asked) == 2
    assert (alone.verdict, alone.tokens) == ("a", 8)
    assert alone.order == "ba"
    batch = [*pair(context, GOOD, BAD), *pair(context, BEST, BAD, ["ab"], "q")]
    counting.backend.asked.clear()
    judged = counting.judge(batch)
    assert len(counting.backend.asked) == 4
    assert [judgement.tokens for judgement in judged] == [4, 4, 8]
    assert [(j.pair_id, j.order) for j in judged] == [(c.pair_id, c.order) for c in batch]


def test_pairs_of_one_name_and_other_stories_are_other_pairs(counting, context):
    judged = counting.judge([*pair(context, GOOD, BAD), *pair(context, BAD, BEST)])
    assert [judgement.verdict for judgement in judged] == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("story", "counted"), [("cut", "unparsed"), ("silent", "unparsed"), ("missing", "failed")]
)
def test_without_an_analysis_of_both_orders_there_is_no_verdict(counting, context, story, counted):
    judged = counting.judge([*pair(context, story, GOOD), *pair(context, GOOD, BAD, name="q")])
    assert [judgement.verdict for judgement in judged] == ["none", "none", "a", "a"]
    assert judged[0].p_a is judged[1].p_a is None
    assert [judgement.truncated for judgement in judged] == [story == "cut"] * 2 + [False] * 2
    assert judge_metrics(judged[:1])[counted] == 1.0
    assert [judgement.tokens for judgement in judged[1:]] == [4, 4, 4]


@pytest.mark.parametrize("orders", ["random", "both"])
def test_a_rewards_points_are_the_same_in_one_order_and_in_both(counting, context, orders):
    entry = StoryRewardConfig(judge="probe", orders=orders, probability="soft")
    reward = PivotReward(counting, {context.context_id: context}, entry, group_size=3, seed=0)
    stories, logged = [BAD, GOOD, BEST], {}
    points = reward(
        completions=[assistant(story) for story in stories],
        context_id=[context.context_id] * 3,
        trainer_state=SimpleNamespace(global_step=0),
        log_metric=logged.__setitem__,
    )
    pivot = points.index(0)
    p = [1 / (1 + np.exp(-2 * (number - pivot))) for number in range(3)]
    assert points == pytest.approx([2 * x - 1 for x in p])
    assert logged.get("judge/inconsistent", 0) == 0


def test_no_comparison_is_no_judgement(counting):
    assert counting.judge([]) == []


SECTION = {"kind": "generative", "train": "probe", "from": "genrm-sft", "backend": "transformers"}


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("position", [NUMBERS, "mean of layer 1"])
def test_a_probe_beside_a_model_judges_what_that_model_writes(
    model_folder, judging, comparisons, tmp_path, monkeypatch, position, soft
):
    """The model is as it was; what it says is put into the form that can be read."""
    answer = TransformersBackend.answer

    def readable(self, conversations, samples=1, seed=0):
        return [
            replace(reply, text=f"{reply.text} {len(reply.text)}\nScores: 5 5", truncated=False)
            for reply in answer(self, conversations, samples, seed)
        ]

    monkeypatch.setattr(TransformersBackend, "answer", readable)
    artifact = tmp_path / "probe"
    load_causal(model_folder).save_pretrained(artifact / "model")
    load_tokenizer(model_folder).save_pretrained(artifact / "model")
    width = 16 if position != NUMBERS else 3
    Probe(position, np.linspace(-1, 1, width)).save(artifact / "model")
    section = {"name": "probe", "judge": SECTION, "judging": judging.model_dump(mode="json")}
    judge = load_judge(section, artifact, soft=soft)
    judged = judge.judge(comparisons)
    written = in_process("genrm", model_folder, judging).judge(comparisons)
    assert [judgement.analysis for judgement in judged] == [judgement.analysis for judgement in written]
    assert {judgement.judge for judgement in judged} == {"probe"}
    by_pair = dict.fromkeys(judgement.pair_id for judgement in judged)
    for name in by_pair:
        ab, ba = (judgement for judgement in judged if judgement.pair_id == name)
        assert (ab.p_a, ab.verdict) == (ba.p_a, ba.verdict)
    assert len({judgement.p_a for judgement in judged}) > 1
    alone = [judge.judge([comparison])[0] for comparison in comparisons[:2]]
    assert [j.p_a for j in alone] == pytest.approx([j.p_a for j in judged[:2]], abs=1e-4)
