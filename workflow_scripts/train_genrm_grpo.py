"""GenRM GRPO: reward 1 where the verdict is the label, 0 where it is not, -1 where it cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset

from rlcs import stage
from rlcs.examples import verdict_examples
from rlcs.grpo import ShapedGRPOTrainer, grpo_options
from rlcs.judge_entries import GenrmGRPOJudge, Judging
from rlcs.launch import run_workers
from rlcs.lora import adapter_config
from rlcs.models import load_causal, load_tokenizer
from rlcs.records import (
    PAIRS,
    comparisons_of,
    pairs_of_split,
    read_contexts,
    read_rows,
    read_training_pairs,
)
from rlcs.rollout_server import serve_rollouts
from rlcs.serving_entries import Serving
from rlcs.training import train
from rlcs.verdict_reward import RIGHT, VerdictReward
from rlcs.windows import TRL_ANSWER, Window


def main(this: stage.Stage) -> None:
    entry = GenrmGRPOJudge.model_validate(this.config["judge"])
    judging = Judging.model_validate(this.config["judging"])
    preferences, start = this.folder("preferences"), this.folder("model") / "model"
    contexts = read_contexts(preferences / "contexts.parquet")
    training = read_training_pairs(preferences, this.folders("consensus"), contexts, entry.pairs)
    validation = pairs_of_split(read_rows(preferences / "pairs.parquet", PAIRS), contexts, "validation")

    window, tokenizer = Window.of(start), load_tokenizer(start)
    answer = entry.training.get("max_completion_length", TRL_ANSWER) or 0

    def prompts(pairs: Sequence[Mapping[str, Any]], name: str) -> Dataset | None:
        chosen = [pair for pair in pairs if pair["label"] != "tie"]
        if not chosen:
            return None
        labels = {p["pair_id"]: p["label"] for p in chosen}
        comparisons = comparisons_of(chosen, contexts)
        examples = verdict_examples(comparisons, labels, judging, seed=this.seed)
        return Dataset.from_list(window.fitting(examples, tokenizer, answer=answer, name=name))

    def trainer(scratch: str) -> ShapedGRPOTrainer:
        options = grpo_options(this, entry.training, scratch)
        serve_rollouts(options, start, Serving.model_validate_json(this.options["serving"]))
        return ShapedGRPOTrainer(
            model=load_causal(start),
            reward_funcs=VerdictReward(judging.scores, consistent=entry.reward == "consistent"),
            args=options,
            train_dataset=prompts(training, "training prompt"),
            eval_dataset=prompts(validation, "validation prompt"),
            processing_class=load_tokenizer(start),
            peft_config=adapter_config(entry.lora, "CAUSAL_LM"),
            shaping=entry,
            correct_reward=RIGHT,
            groups_per_unit=entry.groups_per_unit,
            resample=entry.resample,
        )

    train(this, trainer, lambda _, folder: window.write(folder))


if __name__ == "__main__":
    stage.run(
        main,
        __file__,
        inputs=["preferences", "model"],
        optional=["consensus"],
        options=["serving"],
        seed=True,
        launch=run_workers,
    )
