"""An endpoint in the workflow: its entry in the config, kills, forced reruns, and rewards of a training."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import yaml

from endpoint_server import KEY, Server, always, entry, ok, status
from paths import ROOT
from rlcs.config import parsing, policies
from rlcs.errors import InputError
from rlcs.judging.answers import AnswerStore
from rlcs.judging.backends import Access
from rlcs.judging.loading import load_judge
from rlcs.planning import stage_configs
from rlcs.rewards.pivot_reward import PivotReward

pytest_plugins = ["endpoint_fixtures"]
pytestmark = pytest.mark.usefixtures("planted_key")


ASK = """
import json, sys
sys.path.insert(0, {library!r})
from pathlib import Path
from rlcs.config.untrained_judges import EndpointJudgeConfig
from rlcs.config.judging import JudgingConfig
from rlcs.judging.answers import AnswerStore
from rlcs.judging.endpoint import EndpointBackend
from rlcs.judging.generative import GenerativeJudge
from rlcs.records import Comparison, Context
context = Context("c1", "quest", "", "", "", (), "train")
pairs = [Comparison(f"p{{n}}", context, f"Tale {{n}}.", "End.", "ab") for n in range(int(sys.argv[3]))]
judging = JudgingConfig(template="$story_1 $story_2", scores={{"low": 1, "high": 9}})
entry = EndpointJudgeConfig.model_validate_json(sys.argv[1])
judge = GenerativeJudge("far", EndpointBackend("far", entry, AnswerStore(Path(sys.argv[2]))), judging)
print(json.dumps([judgement.verdict for judgement in judge.judge(pairs)]))
"""


def test_killed_in_the_middle_it_goes_on_with_what_is_missing(tmp_path):
    concurrency, count, answers = 3, 60, tmp_path / "answers"
    script = ASK.format(library=str(ROOT / "workflow_scripts"))
    kills = 0
    with Server(always(ok(delay=0.03))) as server:
        setting = entry(server, concurrency=concurrency).model_dump_json()
        command = [sys.executable, "-c", script, str(setting), str(answers), str(count)]
        for wanted in (5, 23, 41):  # answers, by then
            process = subprocess.Popen(command)
            while len(server.asked) < wanted and process.poll() is None:
                time.sleep(0.005)
            process.kill()
            assert process.wait() == -9
            kills += 1
        time.sleep(0.1)
        kept = len(AnswerStore(answers))
        assert kept >= 41 - kills * concurrency
        before = len(server.asked)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == ["a"] * count
        assert len(server.asked) - before == count - kept
    assert len(server.paid) == count
    # what was on its way at a kill cannot be known to the next process; nothing else is paid again
    assert server.paid.total() - count <= kills * concurrency


def test_judges_of_one_process_after_another_share_their_answers(judge_of, questions):
    with Server(always(ok())) as server:
        judge_of(server).judge(questions(5))
        judge_of(server).judge([replace(c, pair_id="q" + c.pair_id) for c in questions(8)])
    assert len(server.asked) == 8


def run_with(**changes):
    """A run on somebody's pairs, whose teacher and only judge is an endpoint."""
    smoke = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
    far = {"kind": "generative", "backend": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"}
    return {
        "run": "far",
        "data": {"preferences": ["pairs.jsonl"]},
        "judging": smoke["judging"],
        "writing": smoke["writing"],
        "bases": {"student": {"kind": "pretrained", "model": "some/model"}},
        "judges": {
            "far": far | changes,
            "genrm": {"kind": "generative", "train": "sft", "base": "student", "teacher": "far"},
        },
        "policies": {
            "sft": {"train": "sft", "base": "student"},
            "rlcs": {"train": "grpo", "from": "sft", "reward": {"judge": "far"}},
        },
        "tables": {
            "alignment": {"rows": ["far", "genrm"]},
            "win_rates": {"rows": ["sft", "rlcs"], "reference": "sft", "judges": ["far"]},
        },
    }


def test_an_endpoint_is_teacher_row_judge_of_matches_and_reward():
    parsing.parse(run_with())


def asked(**changes):
    """The sections that hold the endpoint, but for where and how fast it is asked."""
    parsed = parsing.parse(run_with(**changes))
    return [
        stage_configs.judge(parsed, "far"),
        stage_configs.matches(parsed, "far"),
        stage_configs.train_policy(parsed, "rlcs"),
        stage_configs.train_judge(parsed, "genrm"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "http://other:8000/v1"},
        {"api_key_env": "OTHER_KEY"},
        {"concurrency": 3},
        {"requests_per_minute": 5},
        {"timeout": 3},
        {"attempts": 1},
        {"max_failure_share": 1},
        {"prompt_price": 1},
    ],
    ids=str,
)
def test_where_and_how_fast_an_endpoint_is_asked_makes_nothing_run_again(change):
    assert asked(**change) == asked()
    (name, value), *_ = change.items()
    assert stage_configs.endpoint(parsing.parse(run_with(**change)), "far")[name] == value


def test_what_an_endpoint_is_asked_makes_its_stages_run_again():
    for change in ({"model": "n"}, {"sampling": {"temperature": 1}}):
        assert [before == after for before, after in zip(asked(), asked(**change), strict=True)] == [
            False,
            False,
            False,
            True,
        ]
    assert stage_configs.endpoint(parsing.parse(run_with()), "genrm") == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"api_key_env": KEY}, "judges.far.api_key_env: String should match pattern"),
        ({"base_url": f"https://me:{KEY}@host/v1"}, "judges.far.base_url: must hold neither user, password"),
        ({"base_url": f"https://host/v1?key={KEY}"}, "judges.far.base_url: must hold neither user, password"),
        ({"base_url": f"{KEY}"}, "judges.far.base_url: must be an http or https address"),
        ({"base_url": f"ftp://host/{KEY}"}, "judges.far.base_url: must be an http or https address"),
        ({"base_url": f"http://[{KEY}/v1"}, "judges.far.base_url: cannot be read as an address"),
        ({"base_url": None}, "judges.far: needs base_url, or api_key_env"),
        ({"sampling": {"n": 2}}, "judges.far.sampling: ['n'] are set by the workflow"),
        ({"sampling": {"messages": []}}, "judges.far.sampling: ['messages'] are set by the workflow"),
        ({"sampling": {"extra_headers": {"A": KEY}}}, "judges.far.sampling: ['extra_headers'] belong to"),
        ({"concurrency": 0}, "judges.far.concurrency: Input should be greater than or equal to 1"),
        ({"timeout": "soon"}, "judges.far.timeout: Input should be a valid number"),
        ({"api_key": KEY}, "judges.far.api_key: unknown key"),
    ],
    ids=lambda value: str(value)[:40].replace(KEY, "KEY"),
)
def test_what_is_refused_is_named_by_its_key_and_tells_no_secret(change, message):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(run_with(**change))
    assert any(line.startswith(f"  {message}") for line in str(error.value).splitlines()), str(error.value)
    assert KEY not in str(error.value)


def loaded(server, answers, **more):
    """The judge as a stage loads it."""
    parsed = parsing.parse(run_with(**json.loads(entry(server).model_dump_json())))
    access = Access(answers, stage_configs.endpoint(parsed, "far"))
    return load_judge(stage_configs.judge(parsed, "far"), None, access, **more)


def rewarded(judge, stories, context, max_failure_share):
    logged = {}
    reward = policies.StoryRewardConfig(judge="far", max_failure_share=max_failure_share)
    rewards = PivotReward(judge, {"c1": context}, reward, group_size=len(stories), seed=0)(
        completions=[[{"role": "assistant", "content": story}] for story in stories],
        context_id=["c1"] * len(stories),
        trainer_state=SimpleNamespace(global_step=0),
        log_metric=logged.__setitem__,
    )
    return rewards, logged


def first_is_better(prompt):
    """Prefers the longer of the stories shown."""
    one, two = prompt.split("1: ")[1].split("\n2: ")
    return ok("Scores: 8 2" if len(one) > len(two) else "Scores: 2 8")


STORIES = ["a" * length for length in (1, 2, 3, 4)]


def test_rewards_of_a_training_survive_faults_at_the_judge(context, tmp_path):
    def behave(prompt, attempt):
        return first_is_better(prompt) if attempt else status(500 if len(prompt) % 2 else 429)

    with Server(behave) as server:
        faulty, logged = rewarded(loaded(server, tmp_path / "one"), STORIES, context, 0)
        assert logged["judge/failed"] == 0
        server.behave = lambda prompt, attempt: first_is_better(prompt)
        assert rewarded(loaded(server, tmp_path / "two"), STORIES, context, 0)[0] == faulty
        before = len(server.asked)
        assert rewarded(loaded(server, tmp_path / "one"), STORIES, context, 0)[0] == faulty
        assert len(server.asked) == before  # a training that is resumed pays for no step again


@pytest.mark.parametrize(
    ("fault", "metric"),
    [(status(500), "judge/failed"), (ok("I like both."), "judge/unparsed")],
    ids=["no answer", "unparsed"],
)
def test_a_failed_comparison_is_left_out_and_counted(context, tmp_path, fault, metric):
    def behave(prompt, attempt):
        return fault if "1: aaaa\n" in prompt else first_is_better(prompt)

    with Server(behave) as server:
        whole, _ = rewarded(loaded(server, tmp_path), STORIES[:3], context, 0)
        rewards, logged = rewarded(loaded(server, tmp_path), STORIES, context, 0.5)
        assert 0 < logged[metric] <= 0.5
        assert logged[metric] * logged["judge/calls"] in (1, 3)  # one story of four, in one order
        assert logged["judge/failed"] + logged["judge/unparsed"] == logged[metric]
        assert None not in rewards  # the other order speaks for it
        assert sorted(rewards) == rewards
        assert len(set(whole)) > 1
        with pytest.raises(InputError, match=r"judge(ments of)? 'far' (failed|got no answer).*more than"):
            rewarded(loaded(server, tmp_path, max_failure_share=0), STORIES, context, 0)


def test_a_training_stops_at_its_own_share_of_failures(context, tmp_path):
    with Server(always(status(500))) as server:
        with pytest.raises(InputError, match=r"more than reward.max_failure_share = 1% of 100"):
            rewarded(loaded(server, tmp_path), STORIES, context, 0.01)
        expected = r"2 of the last 6 questions to judge 'far' got no answer, .* = 1% of 100"
        with pytest.raises(InputError, match=expected):
            rewarded(loaded(server, tmp_path, max_failure_share=0.01), STORIES, context, 0.01)
