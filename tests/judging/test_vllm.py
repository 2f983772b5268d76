"""vLLM itself as a judge's server, on a CPU, against what transformers says. `make test-vllm` runs it."""

import json
import os
import re
import subprocess
import urllib.request
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import openai
import pytest
import torch

from judges import at_endpoint, in_process
from paths import SUPPORT
from rlcs.config.endpoints import ServingConfig
from rlcs.config.prompts import user
from rlcs.config.untrained_judges import EndpointJudgeConfig
from rlcs.config.world import WorldBaseConfig
from rlcs.evaluation.text_sampler import sample_texts
from rlcs.judging.score_tokens import first_win_probabilities, score_tokens
from rlcs.models.generation import encode
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.models.vllm_server import server_version, start_server
from rlcs.records import STORIES, Judgement
from rlcs.training.watch import INDEPENDENT

PROGRAM = os.environ.get("RLCS_VLLM")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAM, reason="vLLM has an environment of its own: make test-vllm"),
]
ARGUMENTS = {
    "dtype": "float32",
    "max_model_len": 512,
    "kv_cache_memory_bytes": 256 * 2**20,
    "enforce_eager": True,
    "enable_lora": True,
    "trust_remote_code": False,  # a switch that is off is --no-...
    "max_lora_rank": 8,
    # of the tokens that an answer's form allows: random weights find other tokens than scores likely
    "logprobs_mode": "processed_logprobs",
}
OFFLINE = {key: value for key, value in ARGUMENTS.items() if "lora" not in key}
SERVING = ServingConfig(
    command=[PROGRAM or ""],
    environment={"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1"},
    startup_timeout=300,
)


@pytest.fixture(scope="module")
def folder(tokenizer, tmp_path_factory):
    """Random weights of a shape that vLLM has kernels for, with settings that no backend may obey."""
    from rlcs.training.pretraining import new_model

    folder = tmp_path_factory.mktemp("served") / "model"
    shape = {"hidden_size": 64, "layers": 2, "heads": 2, "intermediate_size": 64, "initializer_range": 0.3}
    torch.manual_seed(0)
    new_model(WorldBaseConfig(kind="world", **shape), tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    path = folder / "generation_config.json"
    shipped = {"repetition_penalty": 5.0, "min_p": 0.9, "top_k": 2}
    path.write_text(json.dumps({**json.loads(path.read_text()), **shipped}))
    return folder


@pytest.fixture(scope="module")
def adapter(folder, tmp_path_factory):
    """A LoRA adapter of that model, with weights that change what it says."""
    from peft import LoraConfig, get_peft_model

    place = tmp_path_factory.mktemp("adapter")
    model = get_peft_model(load_causal(folder), LoraConfig(r=8, target_modules=["q_proj", "v_proj"]))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_" in name:
                weights.normal_(std=0.5)
    model.save_pretrained(place)
    model.merge_and_unload().save_pretrained(merged := place / "merged")
    load_tokenizer(folder).save_pretrained(merged)
    return place


@pytest.fixture(scope="module")
def url(folder, adapter):
    server = start_server(folder, "base", {**ARGUMENTS, "lora_modules": f"tuned={adapter}"}, SERVING)
    return f"{server}/v1"


@pytest.fixture
def served(url, judging, tmp_path):
    def judge(model, soft=False, max_failure_share=0.0, **sampling):
        entry = EndpointJudgeConfig(
            kind="generative",
            backend="openai",
            model=model,
            base_url=url,
            sampling={"temperature": 0, "max_tokens": judging.max_new_tokens, **sampling},
            max_failure_share=max_failure_share,
            timeout=120,
        )
        return at_endpoint("judge", entry, judging, tmp_path / "answers", soft=soft)

    return judge


def texts(judgements):
    """Without what the decoders make differently of random bytes: blanks at the start, half a character."""
    return [judgement.raw.strip().rstrip("\ufffd") for judgement in judgements]


@pytest.mark.parametrize("model", ["base", "tuned"])
def test_what_is_served_says_what_transformers_says(served, model, folder, adapter, judging, comparisons):
    local = in_process("judge", folder if model == "base" else adapter / "merged", judging)
    said = served(model).judge(comparisons)
    assert texts(said) == texts(local.judge(comparisons))
    assert len(set(texts(said))) > len(said) / 2


def test_the_adapter_says_something_else(served, comparisons):
    assert texts(served("base").judge(comparisons)) != texts(served("tuned").judge(comparisons))


@pytest.mark.parametrize("soft", [False, True])
def test_the_offline_engine_says_what_transformers_says(folder, judging, comparisons, tmp_path, soft):
    request = {
        "folder": str(folder),
        "judging": {**judging.model_dump(mode="json"), "vllm": OFFLINE},
        "soft": soft,
        "comparisons": [asdict(c) for c in comparisons],
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    python = Path(PROGRAM).parent / "python"
    script = SUPPORT / "offline_judge.py"
    subprocess.run(
        [python, script, tmp_path / "request.json", tmp_path / "said.json", Path(pytest.__file__).parents[1]],
        env={**os.environ, **SERVING.environment, "VLLM_ENABLE_V1_MULTIPROCESSING": "0"},
        check=True,
    )
    said = [Judgement(**told) for told in json.loads((tmp_path / "said.json").read_text())]
    assert texts(said) == texts(in_process("judge", folder, judging).judge(comparisons))
    assert len(set(texts(said))) > len(said) / 2


def written(url, prompt, sampling):
    """The tokens of an answer: its text, which was forced, can be written by others as well."""
    client = openai.OpenAI(api_key="EMPTY", base_url=url)
    body = {**sampling, "return_token_ids": True}
    answer = client.chat.completions.create(model="base", messages=prompt, extra_body=body)
    ids = answer.choices[0].model_extra["token_ids"]
    return ids[:-1] if answer.choices[0].finish_reason == "stop" else ids


def test_p_of_the_score_tokens_is_that_of_transformers(served, url, folder, judging, comparisons):
    line = {"structured_outputs": {"regex": "Scores: [1-9] [1-9]"}, "max_tokens": 32}
    said = served("base", soft=True, **line).judge(comparisons)
    model, tokenizer = load_causal(folder), load_tokenizer(folder)
    prompts = [judging.prompt(c) for c in comparisons]
    answers = [written(url, prompt, {"temperature": 0, **line}) for prompt in prompts]
    # a score can be written with its blank or after one; the form allows either, but not both in one place
    forms = score_tokens(tokenizer, judging.scores.low, judging.scores.high)
    tokens = {score: [t for t in ids if tokenizer.decode([t])[0] == " "] for score, ids in forms.items()}
    with_blank = {token for ids in tokens.values() for token in ids}
    alike = [i for i, ids in enumerate(answers) if with_blank.issuperset(ids[-2:])]
    assert len(alike) > len(answers) / 2
    expected = first_win_probabilities(
        model,
        tokenizer,
        encode(tokenizer, [prompts[i] for i in alike]),
        [answers[i] for i in alike],
        tokens,
        batch_size=8,
    )
    shown = [said[i].p_a if said[i].order == "ab" else 1 - said[i].p_a for i in alike]
    assert shown == pytest.approx(expected, abs=1e-3)
    assert max(shown) - min(shown) > 0.05


def test_prompts_that_begin_alike_share_their_prefix(served, url, comparisons):
    long = [replace(c, story_a="Mara used the rope. " * 20) for c in comparisons]
    served("base", seed=1).judge([c for c in long if c.order == "ab"])
    with urllib.request.urlopen(url.removesuffix("/v1") + "/metrics") as response:
        metrics = response.read().decode()
    (hits,) = re.findall(r"^vllm:prefix_cache_hits_total{.*} (\S+)$", metrics, re.M)
    assert float(hits) > 0


def test_a_prompt_that_does_not_fit_is_no_verdict(served, comparisons):
    (said,) = served("base", max_failure_share=1.0).judge(
        [replace(comparisons[0], story_a="Mara used the rope. " * 400)]
    )
    assert said.verdict == "none"


def test_the_server_tells_its_version(url):
    assert re.match(r"\d+\.\d+", server_version(url.removesuffix("/v1")))


def test_the_model_is_known_by_its_name(url):
    with urllib.request.urlopen(url + "/models") as response:
        assert {model["id"] for model in json.load(response)["data"]} == {"base", "tuned"}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_stories_are_those_of_transformers_if_they_are_greedy(folder, tmp_path, temperature):
    """Through the stage's own sampler, whose engine is the served vLLM."""
    artifact = tmp_path / "policy"
    artifact.mkdir()
    (artifact / "model").symlink_to(folder)
    (artifact / "manifest.json").write_text("{}")
    prompts = [({"context_id": f"c{n}", "policy": "p"}, user(f"Write of {n} wolves.")) for n in range(6)]

    def told(engine, seed=1):
        shards = tmp_path / f"{engine}-{seed}"
        shards.mkdir()
        sampling = {"temperature": temperature, "max_new_tokens": 12, "engine": engine, "vllm": OFFLINE}
        stage = SimpleNamespace(
            config={"policy": "p", "sampling": sampling},
            options={
                "answers": str(tmp_path / "answers"),
                "endpoint": "{}",
                "serving": SERVING.model_dump_json(),
            },
            seed=seed,
            folder=lambda _: artifact,
            checkpoints=lambda: shards,
        )
        rows = sample_texts(stage, prompts, STORIES, purpose="stories", title="t")
        return [(row["context_id"], row["text"].rstrip("\ufffd"), row["truncated"]) for row in rows]

    served = told("vllm")
    if temperature:
        assert len({text for _, text, _ in served}) > 1
        assert served != told("vllm", seed=2)
    else:
        assert served == told("transformers")


@pytest.mark.parametrize("lora", [None, {"r": 4, "alpha": 8}])
def test_a_trainings_own_vllm_writes_its_rollouts_and_stories(folder, context, tmp_path, lora):
    """TRL's vLLM in the process, with the weights of each step; the real one, on a CPU."""
    training = {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_max_model_length": 256,
        "vllm_enable_sleep_mode": False,
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_completion_length": 12,
        "max_steps": 4,
        "learning_rate": 0.02,
        "logging_steps": 1,
    }
    contexts = [{**asdict(context), "context_id": f"c{n}", "outline": f"{n} wolves"} for n in range(8)]
    request = {"model": str(folder), "training": training, "lora": lora, "contexts": contexts}
    (tmp_path / "request.json").write_text(json.dumps(request))
    in_the_process = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    subprocess.run(
        [
            Path(PROGRAM).parent / "python",
            SUPPORT / "colocated_grpo.py",
            *(tmp_path / "request.json", tmp_path / "said.json", Path(pytest.__file__).parents[1]),
        ],
        env={**os.environ, **SERVING.environment, **in_the_process},
        check=True,
    )
    said = json.loads((tmp_path / "said.json").read_text())
    for by_vllm, by_transformers in (said["before"], said["after"]):
        assert by_vllm == by_transformers
    assert said["before"] != said["after"]
    assert [row["step"] for row in said["snapshots"]] == [0] * 8 + [2] * 8 + [4] * 8
    assert [row[f"{INDEPENDENT}_n"] for row in said["log"] if INDEPENDENT in row] == [8, 8]
    ratios = [row["sampling/importance_sampling_ratio/mean"] for row in said["log"] if "loss" in row]
    assert ratios == pytest.approx([1.0] * 4, abs=0.05)
