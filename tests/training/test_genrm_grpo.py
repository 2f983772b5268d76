"""A GenRM's GRPO on rollouts that are given: its rewards, and its stage in one process and in two."""

import json
import subprocess
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from trl import GRPOConfig

import forked
import launched_genrm
import train_genrm_grpo
from paths import ROOT
from rlcs.config import parsing
from rlcs.config.judging import ScoresConfig
from rlcs.config.prompts import user
from rlcs.config.training import AdapterConfig, ShapingConfig
from rlcs.data.artifacts import CHAINS_FILE
from rlcs.data.parent_and_child import PARENT_AND_CHILD
from rlcs.errors import InputError
from rlcs.judging.score_tokens import score_positions, score_tokens
from rlcs.judging.soft_verdict import first_wins
from rlcs.models.generation import encode
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.planning import stage_configs
from rlcs.records import HISTORY, PAIRS, Context, Judgement, read_rows, write_contexts, write_rows
from rlcs.rewards.label_likelihood import LabelLikelihood
from rlcs.rewards.verdict_reward import LIKELY, VerdictReward
from rlcs.stages.stage import Stage
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.headroom import HEADROOM_NAME
from rlcs.training.keep_better import JudgeAccuracy
from rlcs.training.lora import adapter_config
from rlcs.training.options import build_options
from smoke_run import SMOKE

GROUP, BATCH, LIMIT = 4, 8, 40
SCORES = ScoresConfig(low=1, high=9)
ROWS = [
    {
        "prompt": user(f"Story {n // 2}"),
        "pair_id": f"p{n // 2}",
        "order": ("ab", "ba")[n % 2],
        "label": "aabb"[n % 4],
    }
    for n in range(16)
]


class Judging(ShapedGRPOTrainer):
    """Writes analyses of several lengths, each with a score line, but one of eight; keeps what it made."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def _generate_single_turn(self, prompt_ids, *_, **__):
        texts = [f"{'wolf ' * (n % 3)}{'rope ' * (n % 2)}\nScores: {n % 9 + 1} {n % 4 + 2}" for n in range(8)]
        texts[4] = "Scores: so so"
        end = [self._tokenizer.eos_token_id]
        return [self._tokenizer.encode(texts[n % 8]) + end for n in range(len(prompt_ids))], None

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        training = self.model.training
        self.model.eval()
        anew = [self._likelihood(row, ids) for row, ids in zip(inputs, completion_ids_list, strict=True)]
        self.model.train(training)
        self.seen.append((rewards[:, 0], torch.tensor(anew), training))
        return rewards

    @torch.no_grad()
    def _likelihood(self, row, ids):
        """p(label) by hand, from plain logits, one completion after the other."""
        tokens = score_tokens(self._tokenizer, SCORES.low, SCORES.high)
        if (positions := score_positions(ids, tokens)) is None:
            return -1.0
        prompt = encode(self._tokenizer, [row["prompt"]])[0]
        logits = self.model(input_ids=torch.tensor([[*prompt, *ids]])).logits[0].double()
        of_scores = [
            torch.stack([logits[len(prompt) + position - 1][of].logsumexp(0) for of in tokens.values()])
            for position in positions
        ]
        p = first_wins(*(of_score.softmax(0).tolist() for of_score in of_scores))
        return p if (row["label"] == "a") == (row["order"] == "ab") else 1 - p


@pytest.fixture
def make(model_folder, tmp_path):
    def trainer(*, lora=None, options=None, **more):
        options = {
            "per_device_train_batch_size": BATCH,
            "gradient_accumulation_steps": 2,
            "num_generations": GROUP,
            "max_completion_length": LIMIT,
            "max_steps": 2,
            "learning_rate": 0.05,
        } | (options or {})
        shared = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
        tokenizer = load_tokenizer(model_folder)
        likelihood = LabelLikelihood(SCORES, tokenizer, lambda: made.model, 3)
        made = Judging(
            model=load_causal(model_folder),
            reward_funcs=VerdictReward(SCORES, limit=LIMIT, stop_tokens=[], likelihood=likelihood),
            args=build_options(
                GRPOConfig, {**shared, "shuffle_dataset": False}, options, seed=3, output_dir=str(tmp_path)
            ),
            train_dataset=Dataset.from_list(ROWS),
            processing_class=tokenizer,
            peft_config=adapter_config(lora, "CAUSAL_LM"),
            correct_reward=LIKELY,
            **more,
        )
        return made

    return trainer


def trainable(trainer):
    return {
        name: value.detach().clone()
        for name, value in trainer.model.named_parameters()
        if value.requires_grad
    }


@pytest.mark.slow
@pytest.mark.parametrize("lora", [None, AdapterConfig(r=2, dropout=0.5)])
def test_the_likelihood_is_that_of_the_model_in_training_at_temperature_one(make, lora):
    """At every step, whatever samples; with adapters, without their dropout; gradients are accumulated."""
    trainer = make(lora=lora, options={"temperature": 3.0})
    before = trainable(trainer)
    trainer.train()
    assert len(trainer.seen) == 2
    for rewards, anew, training in trainer.seen:
        torch.testing.assert_close(rewards, anew, atol=1e-4, rtol=1e-4)
        assert training
        assert (rewards.view(-1, 8)[:, 4] == -1).all()
        others = rewards[rewards != -1]
        assert len(others) == 7 / 8 * len(rewards)
        assert others.min() > 0
        assert others.max() < 1
    assert not torch.equal(trainer.seen[0][0], trainer.seen[1][0])
    after = trainable(trainer)
    assert any((before[name] != after[name]).any() for name in before)
    logged = trainer.state.log_history[0]
    read = trainer.seen[0][0][trainer.seen[0][0] != -1]
    assert logged["label_probability"] == pytest.approx(read.mean().item(), abs=1e-4)
    assert logged["unparsed"] == 1 / 8


@pytest.mark.slow
def test_a_likely_label_makes_a_completion_correct(make):
    trainer = make(options={"max_steps": 1}, shaping=ShapingConfig(shaping="entropy"))
    trainer.train()
    logged = trainer.state.log_history[0]
    correct = logged["shaping/confident_correct"] + logged["shaping/uncertain_correct"]
    assert correct == pytest.approx((trainer.seen[0][0] >= LIKELY).float().mean().item())


CONTEXTS = [
    Context(f"c{n}", "quest", f"Mara {n}", "the ring is lost", f"mill {n}", (), split)
    for n, split in enumerate(["train"] * 16 + ["validation"] * 4)
]
PAIRS_ROWS = [
    {
        "pair_id": f"p{n}",
        "context_id": context.context_id,
        "story_a": f"Mara went to the mill. She met the wolf {n} times.",
        "story_b": "So Mara won.",
        "label": "tie" if n == 3 else "ab"[n % 2],
        "source": "human",
    }
    for n, context in enumerate(CONTEXTS)
]
CHAINS = [
    Judgement(f"p{n}", order, "teacher", "a", 3, "wolf not\nScores: 2 1", "wolf not rope yes")
    for n in range(0, 16, 2)
    for order in ("ab", "ba")
]
SERVING = {"serving": "{}"}
TWO = ROOT / "config" / "accelerate" / "cpu-2.yaml"
STEPS, WHOLE = 3, 16


@pytest.fixture(scope="module")
def inputs(model_folder, tmp_path_factory):
    """Artifacts as far as the stage looks at them."""
    folder, chains = tmp_path_factory.mktemp("preferences"), tmp_path_factory.mktemp("chains")
    write_contexts(folder / "contexts.parquet", CONTEXTS)
    write_rows(folder / "pairs.parquet", PAIRS_ROWS, PAIRS)
    CHAINS_FILE.write(chains, CHAINS)
    manifests = {
        "preferences": folder / "manifest.json",
        "model": model_folder.parent / "manifest.json",
        "chains": chains / "manifest.json",
    }
    for manifest in manifests.values():
        manifest.write_text("{}")
    return manifests


def section(batch, **more):
    """The stage's section; ``batch``: of one process."""
    raw = json.loads(json.dumps(SMOKE))
    raw["training"] |= {"max_steps": STEPS, "save_steps": 1}
    raw["judges"]["genrm"] = {
        "kind": "generative",
        "train": "grpo",
        "from": "genrm-sft",
        "training": {
            "per_device_train_batch_size": batch,
            "num_generations": 4,
            "max_completion_length": launched_genrm.LENGTH,
            "learning_rate": 1e-2,
            "beta": 0.1,
        },
    } | more
    return stage_configs.train_judge(parsing.parse(raw), "genrm")


EVERYTHING = {
    "reward": "likelihood",
    "evidence": {"teacher": "teacher", "weight": 0.5},
    "baseline": "pair",
    "headroom": {"pairs": 3},
    "keep_better": {"pairs": 3},
    "shaping": "entropy",
}


def in_this_process(inputs, folder, main=launched_genrm.main, **more):
    output = folder / "one" / "manifest.json"
    given = {name: (path,) for name, path in inputs.items()} | {"consensus": ()}
    main(Stage("one", Path(launched_genrm.__file__), section(WHOLE, **more), given, output, 1, SERVING))
    return output.parent


def logged(folder):
    return {
        (row["step"], row["metric"]): row["value"] for row in read_rows(folder / "history.parquet", HISTORY)
    }


def written(folder, name):
    return json.loads((folder / name).read_text())


@pytest.mark.slow
def test_two_processes_reward_measure_and_choose_as_one_does(inputs, tmp_path):
    one = in_this_process(inputs, tmp_path, **EVERYTHING)
    line = [forked.python(), launched_genrm.__file__, "--seed", "1", "--serving", "{}", "--launch", str(TWO)]
    line += ["--config", json.dumps(section(WHOLE // 2, **EVERYTHING)), "--consensus"]
    for name, path in inputs.items():
        line += [f"--{name}", str(path)]
    with (tmp_path / "two.log").open("w") as log:
        done = subprocess.run(
            [*line, "--output", str(tmp_path / "two" / "manifest.json")], stdout=log, stderr=log, check=False
        )
    said = (tmp_path / "two.log").read_text()
    assert done.returncode == 0, said[-3000:]
    two = tmp_path / "two"
    here, there = logged(one), logged(two)
    assert here.keys() == there.keys()
    assert here == {key: pytest.approx(value, abs=1e-3, rel=1e-3) for key, value in there.items()}
    assert 0 < here[1, "label_probability"] < 1
    evidence = [value for (_, metric), value in here.items() if metric == "rewards/evidence/mean"]
    assert evidence
    assert min(evidence) > 0
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    assert written(one, PARENT_AND_CHILD) == written(two, PARENT_AND_CHILD)
    assert written(one, PARENT_AND_CHILD)["n"] == 3
    assert written(one, HEADROOM_NAME) == written(two, HEADROOM_NAME)
    assert said.count("headroom on 3 validation pairs") == 1
    assert said.count("evidence: 8 of 15 training pairs have a chain of teacher") == 1
    assert said.count("is published") == 1


@pytest.mark.slow
@pytest.mark.parametrize("better", ["parent", "child"])
def test_the_stage_publishes_the_better_with_the_trainers_memory_free(
    better, inputs, tmp_path, monkeypatch, model_folder
):
    """With adapters: the parent had none, so none is published with it."""
    trainers = []

    class Watched(launched_genrm.GivenAnswers):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            trainers.append(weakref.ref(self))

    class Known(JudgeAccuracy):
        def __call__(self, model):
            assert [trainer() for trainer in trainers] == [None]
            assert len(self.comparisons) == 8
            return {"credit": {"p": float((model.parent == model_folder.parent) == (better == "parent"))}}

    monkeypatch.setattr(train_genrm_grpo, "ShapedGRPOTrainer", Watched)
    monkeypatch.setattr(train_genrm_grpo, "JudgeAccuracy", Known)
    one = in_this_process(inputs, tmp_path, train_genrm_grpo.main, lora={"r": 2})
    assert written(one, PARENT_AND_CHILD)["published"] == better
    published = load_file(one / "model" / "model.safetensors")
    start = load_file(model_folder / "model.safetensors")
    moved = any((published[name] != start[name]).any() for name in start)
    assert moved == (better == "child")
    assert (one / "adapter").exists() == (better == "child")
    assert not (one / HEADROOM_NAME).exists()


@pytest.mark.slow
def test_without_the_choice_the_child_is_published(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(train_genrm_grpo, "JudgeAccuracy", None)
    one = in_this_process(inputs, tmp_path, keep_better=None)
    assert not (one / PARENT_AND_CHILD).exists()


def test_evidence_without_a_single_chain_is_refused(inputs, tmp_path):
    CHAINS_FILE.write(tmp_path, [replace(chain, judge="another") for chain in CHAINS])
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="none of 15 training pairs has a chain of 'teacher' to check"):
        in_this_process(inputs | {"chains": tmp_path / "manifest.json"}, tmp_path, **EVERYTHING)
