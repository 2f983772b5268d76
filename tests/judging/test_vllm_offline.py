"""Judges in vLLM's offline engine, with a stand-in for vLLM; test_vllm.py has the real one."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from judges import decoding
from rlcs.config.judging import ScoresConfig
from rlcs.errors import InputError
from rlcs.judging.generative import GenerativeJudge
from rlcs.judging.loading import load_judge
from rlcs.judging.vllm_offline import OfflineBackend


class Engine:
    """Says that the first story is better, with 7 and 3, and how sure it is of the 7."""

    def __init__(self, model, max_model_len=512, dtype="auto"):
        assert dtype == "float32"  # that of the files, which vLLM by itself would round
        self.llm_engine = SimpleNamespace(model_config=SimpleNamespace(max_model_len=max_model_len))

    def generate(self, prompts, sampling, use_tqdm):
        said = {1: "Scores:", 7: " 7", 3: " 3"}
        places = [{token: SimpleNamespace(decoded_token=text, logprob=-0.1)} for token, text in said.items()]
        places[1] |= {2: SimpleNamespace(decoded_token=" 2", logprob=-2.5)}
        answer = SimpleNamespace(
            text=" Scores: 7 3", token_ids=list(said), finish_reason="stop", logprobs=places
        )
        assert all(len(prompt["prompt_token_ids"]) <= 504 for prompt in prompts)
        return [SimpleNamespace(outputs=[answer] * sampling.n) for _ in prompts]


@pytest.fixture
def engine(monkeypatch):
    module = ModuleType("vllm")
    module.LLM, module.SamplingParams = Engine, SimpleNamespace
    monkeypatch.setitem(sys.modules, "vllm", module)


def offline(model_folder, judging, *, soft=False, votes=1, temperature=0.0):
    judging = judging.model_copy(update={"engine": "vllm_offline", "vllm": {"max_model_len": 512}})
    scores = judging.scores if soft and votes == 1 else None
    backend = OfflineBackend(model_folder, decoding(judging, temperature), scores=scores)
    return GenerativeJudge("judge", backend, judging, votes)


def test_verdicts_in_both_orders(engine, model_folder, judging, comparisons):
    said = offline(model_folder, judging).judge(comparisons)
    assert [j.verdict for j in said] == ["a" if c.order == "ab" else "b" for c in comparisons]
    assert {(j.p_a, j.tokens, j.raw) for j in said} == {(None, 3, "Scores: 7 3")}


def test_p_is_read_from_the_score_tokens(engine, model_folder, judging, comparisons):
    said = offline(model_folder, judging, soft=True).judge(comparisons[:2])
    p = 1 / (1 + 2.718281828**-2.4)  # 7 or 2 against 3
    assert [j.p_a for j in said] == pytest.approx([p, 1 - p])


def test_p_of_scores_that_are_several_tokens_is_refused(engine, model_folder, judging):
    to_ten = judging.model_copy(update={"scores": ScoresConfig(low=1, high=10)})
    with pytest.raises(ValueError, match=r"scores \[10\] are no single tokens"):
        offline(model_folder, to_ten, soft=True)
    offline(model_folder, to_ten)


def test_votes_are_one_judgement(engine, model_folder, judging, comparisons):
    said = offline(model_folder, judging, votes=3, temperature=1.0, soft=True).judge(comparisons[:2])
    assert [(j.verdict, j.p_a, j.tokens) for j in said] == [("a", 1.0, 9), ("b", 0.0, 9)]


def test_a_prompt_that_does_not_fit_is_no_verdict(engine, model_folder, judging, comparisons):
    long = type(comparisons[0])(**{**vars(comparisons[0]), "story_a": "Mara used the rope. " * 400})
    said = offline(model_folder, judging).judge([long, comparisons[0]])
    assert [j.verdict for j in said] == ["none", "a"]


def test_an_environment_without_vllm_is_named(monkeypatch, model_folder, judging):
    monkeypatch.setitem(sys.modules, "vllm", None)
    section = {
        "name": "genrm",
        "judge": {"kind": "generative", "train": "none", "base": "world"},
        "judging": {**judging.model_dump(mode="json"), "engine": "vllm_offline"},
    }
    with pytest.raises(InputError, match=r"vllm_offline needs vLLM .*make gpu"):
        load_judge(section, model_folder.parent)
