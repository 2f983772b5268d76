"""A GenRM's GRPO on rollouts that are given: rewards by the likelihood of the label."""

import pytest
import torch
from datasets import Dataset
from trl import GRPOConfig

from rlcs.config.judging import ScoresConfig
from rlcs.config.prompts import user
from rlcs.config.training import AdapterConfig, ShapingConfig
from rlcs.judging.score_tokens import score_positions, score_tokens
from rlcs.judging.soft_verdict import first_wins
from rlcs.models.generation import encode
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.rewards.label_likelihood import LabelLikelihood
from rlcs.rewards.verdict_reward import LIKELY, VerdictReward
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.lora import adapter_config
from rlcs.training.options import build_options

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
