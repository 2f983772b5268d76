"""A judge's own format, prompt and range of scores: who may have them, and what refuses them."""

import copy

import pytest

from rlcs.config import parsing
from rlcs.planning import stage_configs
from smoke_run import SMOKE

GUEST = {"kind": "generative", "train": "none", "base": "small"}
ENDPOINT = {"kind": "generative", "backend": "openai", "model": "m", "base_url": "http://localhost:8000/v1"}
PROMPT = "$outline: $story_1 or $story_2? [[A]] or [[B]]"


def run(**guest):
    raw = copy.deepcopy(SMOKE)
    raw["judges"]["guest"] = {**GUEST, **guest}
    raw["tables"]["alignment"]["rows"].append("guest")
    return raw


def problems(raw):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    return "\n".join(str(error.value).splitlines()[1:])


@pytest.mark.parametrize("kind", [GUEST, ENDPOINT])
def test_what_is_a_judges_own_is_in_its_section_and_the_limit_is_not(kind):
    raw = run(answer="letter", template=PROMPT, scores={"low": 0, "high": 100}, max_unread_share=0.2)
    raw["judges"]["guest"] |= kind
    if kind is ENDPOINT:
        del raw["judges"]["guest"]["base"]
    config = parsing.parse(raw)
    section = stage_configs.judge(config, "guest")
    assert section["judge"]["answer"] == "letter"
    assert {"template", "scores", "max_unread_share"}.isdisjoint(section["judge"])
    assert section["judging"]["template"] == PROMPT
    assert section["judging"]["scores"] == {"low": 0, "high": 100}
    limits = stage_configs.endpoint(config, "guest")
    assert limits["max_unread_share"] == 0.2
    assert {"template", "scores", "answer"}.isdisjoint(limits)


def test_a_judge_that_reads_a_story_has_a_prompt_of_a_story():
    own = "$outline: $story?"
    section = stage_configs.judge(parsing.parse(run(reads="story", template=own, answer="json")), "guest")
    assert section["judging"]["story_template"] == own
    assert "judges.guest: unknown fields ['story']" in problems(run(template=own))
    assert "unknown fields ['story_1', 'story_2']" in problems(run(reads="story", template=PROMPT))


@pytest.mark.parametrize("judge", ["oracle", "genrm", "bt"])
def test_only_judges_that_nothing_trains_have_a_format(judge):
    raw = run()
    raw["judges"][judge]["answer"] = "letter"
    assert f"judges.{judge}.answer" in problems(raw)


def test_a_judge_from_a_trained_one_keeps_what_it_has_learned():
    raw = run()
    raw["judges"]["genrm-votes"] |= {"answer": "json", "template": PROMPT}
    assert "template, answer: the judge 'genrm' has learned judging.template" in problems(raw)
    assert stage_configs.endpoint(parsing.parse(run()), "genrm-votes") == {}


@pytest.mark.parametrize("own", [{"answer": "loose_scores"}, {"scores": {"low": 0, "high": 5}}])
def test_chains_that_are_learned_end_in_the_runs_own_line(own):
    raw = run(**own)
    raw["judges"]["genrm-sft"]["teacher"] = "guest"
    (key,) = own
    assert f"judges.genrm-sft.teacher: 'guest' has {key}: " in problems(raw)


def test_a_consensus_needs_verdicts_alone():
    raw = run(answer="letter")
    raw["consensus"]["panel"]["teachers"].append("guest")
    parsing.parse(raw)


def test_a_probability_from_score_tokens_needs_scores():
    raw = run(answer="letter")
    raw["policies"]["rlcs"]["reward"] = {"judge": "guest", "probability": "soft"}
    assert "is read from its score tokens, but its answer is 'letter'" in problems(raw)
    raw["policies"]["rlcs"]["reward"]["probability"] = "auto"
    parsing.parse(raw)


def test_the_range_of_a_judge_counts_for_its_score_tokens():
    raw = run(scores={"low": 1, "high": 10})
    raw["policies"]["rlcs"]["reward"] = {"judge": "guest", "probability": "soft"}
    assert "1 to 10" in problems(raw)


def test_injections_ask_for_scores():
    raw = run(answer="json")
    raw["tables"]["injections"] = {"judges": ["guest"], "pairs": 2}
    assert "tables.injections.judges: 'guest' has answer: json" in problems(raw)
