"""GRPO of a GenRM that reads one story, on rollouts that are given: a pair's two stories share a batch."""

import pytest
import torch
from datasets import Dataset
from trl import GRPOConfig

from rlcs.config.judging import ScoresConfig
from rlcs.config.prompts import user
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.rewards.score_reward import ScoreReward
from rlcs.rewards.verdict_reward import RIGHT
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.options import build_options

GROUP, LIMIT = 4, 40
ROWS = [
    {
        "prompt": user(f"Story {n}"),
        "pair_id": f"p{n // 2}",
        "order": ("ab", "ba")[n % 2],
        "label": "aabb"[n % 4],
    }
    for n in range(16)
]


class Scoring(ShapedGRPOTrainer):
    """Writes scores from 1 to 8 in turn, and for every eighth prompt none; keeps rows and rewards."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def _generate_single_turn(self, prompt_ids, *_, **__):
        texts = [f"wolf\nScore: {n % 8 + 1}" if n % 8 != 3 else "wolf" for n in range(len(prompt_ids))]
        end = [self._tokenizer.eos_token_id]
        return [self._tokenizer.encode(text) + end for text in texts], None

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list):
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self.seen.append(([(row["pair_id"], row["order"]) for row in inputs], rewards[:, 0]))
        return rewards


@pytest.mark.slow
def test_a_pairs_stories_are_compared_in_their_batch_and_the_model_learns(model_folder, tmp_path):
    options = {
        "per_device_train_batch_size": 2 * GROUP,
        "num_generations": GROUP,
        "max_completion_length": LIMIT,
        "max_steps": 2,
        "learning_rate": 0.05,
    }
    shared = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
    trainer = Scoring(
        model=load_causal(model_folder),
        reward_funcs=ScoreReward(ScoresConfig(), limit=LIMIT, stop_tokens=[]),
        args=build_options(
            GRPOConfig, {**shared, "shuffle_dataset": False}, options, seed=3, output_dir=str(tmp_path)
        ),
        train_dataset=Dataset.from_list(ROWS),
        processing_class=load_tokenizer(model_folder),
        correct_reward=RIGHT,
        groups_per_unit=2,
    )
    before = {name: value.detach().clone() for name, value in trainer.model.named_parameters()}
    trainer.train()
    for asked, rewards in trainer.seen:
        assert [order for _, order in asked] == ["ab"] * GROUP + ["ba"] * GROUP
        assert len({pair for pair, _ in asked}) == 1
        # story a has the scores 1, 2, 3, none, and story b 5 to 8
        right = float(asked[0][0] in ("p1", "p3", "p5", "p7"))  # their label is b
        assert rewards.tolist() == [right, right, right, -1, right, right, right, 0]
    assert any(not torch.equal(before[name], value) for name, value in trainer.model.named_parameters())
    logged = trainer.state.log_history[0]
    assert logged["unparsed"] == pytest.approx(1 / 8)
