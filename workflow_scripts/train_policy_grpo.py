"""Policy GRPO: stories of a group are compared with pivots by frozen judges."""

from __future__ import annotations

from datasets import Dataset
from trl import GRPOConfig

from rlcs import stage
from rlcs.entries import GRPOPolicy
from rlcs.examples import writing_prompts
from rlcs.grpo import ShapedGRPOTrainer
from rlcs.judges import load_judges
from rlcs.lora import adapter_config
from rlcs.models import load_causal, load_tokenizer
from rlcs.pivot_reward import PivotReward
from rlcs.records import read_contexts
from rlcs.training import build_options, train


def main(this: stage.Stage) -> None:
    entry = GRPOPolicy.model_validate(this.config["policy"])
    start = this.folder("model") / "model"
    contexts = read_contexts(this.folder("preferences") / "contexts.parquet")
    training = [context for context in contexts.values() if context.split == "train"]
    prompts = writing_prompts(training, this.config["writing"]["template"], seed=this.seed)
    several = len(entry.rewards) > 1

    def trainer(scratch: str) -> ShapedGRPOTrainer:
        options = build_options(
            GRPOConfig,
            {**this.config["training"], "shuffle_dataset": False},
            entry.training,
            seed=this.seed,
            output_dir=scratch,
        )
        if several:
            options.reward_weights = [reward.weight for reward in entry.rewards]
        judges = load_judges(
            this.config["judges"],
            this.folders("judge"),
            this.options,
            max_failure_shares={reward.judge: reward.max_failure_share for reward in entry.rewards},
            soft=[reward.judge for reward in entry.rewards if reward.probability == "soft"],
        )
        return ShapedGRPOTrainer(
            model=load_causal(start),
            reward_funcs=[
                PivotReward(
                    judges[reward.judge],
                    contexts,
                    reward,
                    group_size=options.num_generations,
                    seed=this.seed,
                    name=f"pivot-{reward.judge}" if several else "pivot",
                    metrics=f"judge/{reward.judge}" if several else "judge",
                )
                for reward in entry.rewards
            ],
            args=options,
            train_dataset=Dataset.from_list(prompts),
            processing_class=load_tokenizer(start),
            peft_config=adapter_config(entry.lora, "CAUSAL_LM"),
            shaping=entry,
            max_skew=entry.max_skew if entry.advantage == "reward" else None,
        )

    train(this, trainer)


if __name__ == "__main__":
    stage.run(
        main,
        __file__,
        inputs=["preferences", "model"],
        optional=["judge"],
        options=["endpoint", "answers"],
        seed=True,
    )
