"""Policy GRPO: stories of a group are compared with pivots by a frozen judge."""

from __future__ import annotations

from datasets import Dataset
from trl import GRPOConfig

from rlcs import stage
from rlcs.entries import GRPOPolicy
from rlcs.examples import writing_prompts
from rlcs.grpo import ShapedGRPOTrainer
from rlcs.judges import load_judge
from rlcs.lora import adapter_config
from rlcs.models import load_causal, load_tokenizer
from rlcs.pivot_reward import PivotReward
from rlcs.records import read_contexts
from rlcs.training import build_options, train


def main(this: stage.Stage) -> None:
    entry = GRPOPolicy.model_validate(this.config["policy"])
    start, judge_folders = this.folder("model") / "model", this.folders("judge")
    contexts = read_contexts(this.folder("preferences") / "contexts.parquet")
    training = [context for context in contexts.values() if context.split == "train"]
    prompts = writing_prompts(training, this.config["writing"]["template"], seed=this.seed)

    def trainer(scratch: str) -> ShapedGRPOTrainer:
        options = build_options(
            GRPOConfig,
            {**this.config["training"], "shuffle_dataset": False},
            entry.training,
            seed=this.seed,
            output_dir=scratch,
        )
        judge = load_judge(
            this.config["reward_judge"],
            judge_folders[0] if judge_folders else None,
            this.options,
            entry.reward.max_failure_share,
        )
        return ShapedGRPOTrainer(
            model=load_causal(start),
            reward_funcs=PivotReward(
                judge, contexts, entry.reward, group_size=options.num_generations, seed=this.seed
            ),
            args=options,
            train_dataset=Dataset.from_list(prompts),
            processing_class=load_tokenizer(start),
            peft_config=adapter_config(entry.lora, "CAUSAL_LM"),
            multipliers=entry.multipliers if entry.shaping == "entropy" else None,
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
