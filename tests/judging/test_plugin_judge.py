"""A judge of the user's own: what its file returns is a judgement, whatever the order."""

import pytest

from plugin_files import plugin
from rlcs.config.plugins import PluginJudgeConfig
from rlcs.errors import InputError
from rlcs.judging.loading import load_judge
from rlcs.judging.plugin_judge import PluginJudge


def judge(folder, body, **entry):
    name = "score(stories, contexts)" if entry.get("reads") == "story" else "judge(comparisons)"
    file = plugin(folder, f"def {name}:\n    return {body}\n")
    return load_judge({"name": "mine", "judge": {"kind": "plugin", "file": str(file), **entry}}, None)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("'a'", "a"), ("'tie'", "tie"), ("(1, 2.5)", "b"), ("[3, 3]", "tie"), ("None", "none")],
)
def test_an_answer_is_a_verdict_of_the_pairs_own_order(tmp_path, comparisons, answer, verdict):
    judgements = judge(tmp_path, f"[{answer} for _ in comparisons]").judge(comparisons)
    assert [(j.pair_id, j.order) for j in judgements] == [(c.pair_id, c.order) for c in comparisons]
    assert {(j.judge, j.verdict) for j in judgements} == {("mine", verdict)}


def test_scores_are_those_of_the_stories_and_each_is_asked_for_once(tmp_path, comparisons):
    one = judge(tmp_path, "[float(len(s)) if s != 'A wolf.' else None for s in stories]", reads="story")
    asked = []
    one.function = type(one.function)(
        one.function.file,
        one.function.role,
        lambda stories, contexts: asked.extend(stories) or one_scores(stories),
        {},
    )

    def one_scores(stories):
        return [float(len(story)) if story != "A wolf." else None for story in stories]

    judgements = one.judge(comparisons)
    assert len(asked) == len(set(asked)) == 4
    for c, judgement in zip(comparisons, judgements, strict=True):
        if "A wolf." in (c.story_a, c.story_b):
            assert (judgement.verdict, judgement.score_a) == ("none", None)
        else:
            assert judgement.score_a == len(c.story_a)
            assert judgement.verdict == ("a" if len(c.story_a) > len(c.story_b) else "b")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("['c' for _ in comparisons]", "judge returned 'c' at 0; write def judge"),
        ("[(1, float('nan')) for _ in comparisons]", "returned nan at 0"),
        ("[(1, 2, 3) for _ in comparisons]", r"returned \(1, 2, 3\) at 0"),
        ("comparisons[1:]", "values for 12 comparisons"),
    ],
)
def test_what_is_no_answer_names_the_file(tmp_path, comparisons, body, message):
    with pytest.raises(InputError, match=message):
        judge(tmp_path, body).judge(comparisons)


def test_a_judge_of_stories_needs_the_function_score(tmp_path):
    file = plugin(tmp_path, "def judge(comparisons): ...\n")
    with pytest.raises(InputError, match="no function 'score'"):
        PluginJudge("mine", PluginJudgeConfig(kind="plugin", file=file, reads="story"))
