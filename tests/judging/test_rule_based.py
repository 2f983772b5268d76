"""Judges by their entry in the config."""

import json
from pathlib import Path

import pytest

from rlcs.config.endpoints import ServingConfig
from rlcs.config.untrained_judges import LengthJudgeConfig
from rlcs.judging import loading, rule_based
from rlcs.judging.backends import Access
from rlcs.judging.loading import has_weights, load_judges

LENGTH = {"name": "length", "judge": {"kind": "length"}}
ACCESS = Access(Path("answers"))


@pytest.mark.parametrize("prefer", ["longer", "shorter"])
def test_length_counts_words_in_either_order(comparisons, prefer):
    judge = rule_based.LengthJudge("length", LengthJudgeConfig(kind="length", prefer=prefer))
    for c, judgement in zip(comparisons, judge.judge(comparisons), strict=True):
        a, b = len(c.story_a.split()), len(c.story_b.split())
        if prefer == "shorter":
            a, b = b, a
        assert judgement.verdict == ("tie" if a == b else "a" if a > b else "b")
        assert (judgement.pair_id, judgement.order) == (c.pair_id, c.order)


def test_each_judge_gets_its_own_folder_and_answers(monkeypatch):
    loaded = {}
    monkeypatch.setattr(
        loading, "load_judge", lambda section, *more, **soft: loaded.update({section["name"]: (more, soft)})
    )
    sections = [
        LENGTH,
        {"name": "genrm", "judge": {"kind": "generative"}},
        {"name": "far", "judge": {"kind": "generative", "backend": "openai"}},
        {"name": "bt", "judge": {"kind": "scalar"}},
    ]
    sections = json.loads(json.dumps(sections, sort_keys=True))  # as the rules hand them over
    access = Access.of(
        {"endpoint": '{"far": {"attempts": 2}}', "answers": "answers", "serving": '{"gpus": 1}'}
    )
    load_judges(sections, [Path("one"), Path("two")], access, {"far": 0.3}, soft=["genrm"])
    assert {name: more[0] for name, (more, _) in loaded.items()} == {
        "length": None,
        "genrm": Path("one"),
        "far": None,
        "bt": Path("two"),
    }
    (_, asking, share), soft = loaded["far"]
    assert asking == Access(Path("answers") / "far", {"attempts": 2}, ServingConfig(gpus=1))
    assert loaded["bt"][0][1] == Access(Path("answers") / "bt", {}, ServingConfig(gpus=1))
    assert (share, soft) == (0.3, {"soft": False})
    assert loaded["genrm"][1] == {"soft": True}


def test_folders_must_be_those_of_the_judges_with_weights():
    assert not has_weights(LENGTH)
    with pytest.raises(ValueError, match="zip"):
        load_judges([LENGTH], [Path("one")], ACCESS, {})


@pytest.mark.parametrize(("difference", "verdict"), [(1e-12, "tie"), (0.1, "a"), (-0.1, "b")])
def test_the_oracle_calls_a_tie_what_differs_by_rounding(comparisons, monkeypatch, difference, verdict):
    monkeypatch.setattr(rule_based, "read_story", lambda context, story: story)
    monkeypatch.setattr(
        rule_based, "utility", lambda story: 7.7 + difference * (story == comparisons[0].story_a)
    )
    assert rule_based.OracleJudge("oracle").judge(comparisons[:1])[0].verdict == verdict
