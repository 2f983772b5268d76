"""Judges that read one story at a time: what must go together is refused before the first job."""

import copy

import pytest

from rlcs.config import parsing
from rlcs.planning import stage_configs, table_configs
from smoke_run import SMOKE

STORY = "$outline\n1: $story"
TEACHER = {"kind": "generative", "backend": "world", "reads": "story"}
SFT = SMOKE["judges"]["genrm-sft"] | {
    "teacher": "teacher-story",
    "reads": "story",
    "label_sources": ["human"],
}
PAIRWISE = {"evidence": None, "headroom": None}  # of the smoke run's GRPO
GRPO = SMOKE["judges"]["genrm"] | PAIRWISE | {"baseline": "group", "from": "story", "reads": "story"}
VERDICTS = {
    "kind": "generative",
    "train": "verdicts",
    "from": "story",
    "reads": "story",
    "training": {"per_device_train_batch_size": 8},
}


def run(judges=None, reward=None, template=STORY):
    raw = copy.deepcopy(SMOKE)
    raw["judging"]["story_template"] = template
    raw["judges"] |= {"teacher-story": TEACHER, "story": SFT} | (judges or {})
    if reward is not None:
        raw["policies"]["rlmr"]["reward"] = reward
    return raw


def problems(raw):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def test_a_whole_line_of_pointwise_judges_is_accepted():
    parsed = parsing.parse(
        run({"verdicts": VERDICTS, "grpo": GRPO}, reward={"judge": "verdicts", "kind": "scalar"})
    )
    assert parsed.judges["grpo"].groups_per_unit == 2
    assert table_configs.card(parsed, "judges", "story")["prompt"] == STORY


def test_without_a_template_of_one_story_each_such_judge_is_named():
    assert problems(run(template=None)) == [
        f"judges.{name}.reads: story needs judging.story_template, the prompt with one story, and it is empty"
        for name in ("teacher-story", "story")
    ]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("$outline", "judging: missing fields ['story']"),
        ("$story $story_1", "judging: unknown fields ['story_1']"),
    ],
)
def test_the_template_has_one_story(template, message):
    (problem,) = problems(run(template=template))
    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("judges", "message"),
    [
        (
            {"story": SFT | {"teacher": "teacher"}},
            "judges.story.reads: 'story' must be that of 'teacher', which is 'pair'",
        ),
        (
            {"story": SFT | {"reads": "pair"}},
            "judges.story.reads: 'pair' must be that of 'teacher-story', which is 'story'",
        ),
        (
            {"x": VERDICTS | {"from": "genrm-sft"}},
            "judges.x.reads: 'story' must be that of 'genrm-sft', which is 'pair'",
        ),
        ({"x": GRPO | {"reads": "pair"}}, "judges.x.reads: 'pair' must be that of 'story', which is 'story'"),
    ],
)
def test_a_judge_reads_what_its_parent_and_its_teacher_read(judges, message):
    assert problems(run(judges)) == [message]


@pytest.mark.parametrize("reward", ["consistent", "likelihood"])
def test_rewards_of_two_stories_at_once_are_refused(reward):
    assert (
        "judges.x: reads: story needs reward: verdict, which compares the scores of a pair's two stories, "
        f"not {reward}"
    ) in problems(run({"x": GRPO | {"reward": reward}}))


@pytest.mark.parametrize("option", [{"evidence": {"teacher": "teacher-story"}}, {"headroom": {"pairs": 2}}])
def test_what_reads_answers_about_two_stories_is_refused(option):
    (problem,) = problems(run({"x": GRPO | option}))
    assert (
        problem
        == f"judges.x: {next(iter(option))} needs reads: pair, since it reads answers about two stories"
    )


def test_a_scalar_reward_needs_a_judge_of_single_stories():
    assert problems(run(reward={"judge": "genrm", "kind": "scalar"})) == [
        "policies.rlmr.reward.kind: 'genrm' does not score a story by itself"
    ]
    parsing.parse(run(reward={"judge": "story", "kind": "scalar"}))


def test_the_template_of_one_story_is_no_key_of_other_judges():
    before, after = (parsing.parse(run(template=template)) for template in (STORY, f"{STORY}!"))
    for section in (stage_configs.judge, stage_configs.train_judge):
        assert section(before, "genrm-sft") == section(after, "genrm-sft")
        assert section(before, "story") != section(after, "story")
