"""GenRM GRPO: rewards for verdicts that are the label, or for how likely the label is."""

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset

from rlcs.config.endpoints import ServingConfig
from rlcs.config.judges import GenrmGRPOConfig
from rlcs.config.judging import JudgingConfig
from rlcs.data.preferences import Preferences
from rlcs.models.generation import stop_tokens
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.rewards.label_likelihood import LabelLikelihood
from rlcs.rewards.verdict_reward import LIKELY, RIGHT, VerdictReward
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.context_window import TRL_ANSWER, Window
from rlcs.training.examples import verdict_examples
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.lora import adapter_config
from rlcs.training.options import grpo_options
from rlcs.training.rollouts import serve_rollouts
from rlcs.training.run import train


def main(stage: Stage) -> None:
    entry = GenrmGRPOConfig.model_validate(stage.config["judge"])
    judging = JudgingConfig.model_validate(stage.config["judging"])
    preferences, start = Preferences(stage.folder("preferences")), stage.folder("model") / "model"
    training = preferences.training_pairs(entry.label_sources, stage.folders("consensus"))

    window, tokenizer = Window.of(start), load_tokenizer(start)
    answer = entry.training.get("max_completion_length", TRL_ANSWER) or 0

    def prompts(pairs: Sequence[Mapping[str, Any]], name: str) -> Dataset | None:
        chosen = [pair for pair in pairs if pair["label"] != "tie"]
        if not chosen:
            return None
        labels = {p["pair_id"]: p["label"] for p in chosen}
        examples = verdict_examples(preferences.comparisons(chosen), labels, judging, seed=stage.seed)
        return Dataset.from_list(window.fitting(examples, tokenizer, answer=answer, name=name))

    def trainer(scratch: str) -> ShapedGRPOTrainer:
        options = grpo_options(stage, entry.training, scratch)
        serve_rollouts(options, start, ServingConfig.model_validate_json(stage.options["serving"]))
        model = load_causal(start)
        likelihood = None
        if entry.reward == "likelihood":
            batch_size = options.per_device_train_batch_size
            likelihood = LabelLikelihood(judging.scores, tokenizer, lambda: made.model, batch_size)
        reward = VerdictReward(
            judging.scores,
            limit=options.max_completion_length,
            stop_tokens=stop_tokens(model, tokenizer),
            consistent=entry.reward == "consistent",
            likelihood=likelihood,
        )
        made = ShapedGRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=options,
            train_dataset=prompts(training, "training prompt"),
            eval_dataset=prompts(preferences.pairs("validation"), "validation prompt"),
            processing_class=load_tokenizer(start),
            peft_config=adapter_config(entry.lora, "CAUSAL_LM"),
            shaping=entry,
            correct_reward=LIKELY if likelihood else RIGHT,
            groups_per_unit=entry.groups_per_unit,
            baseline_groups=entry.baseline_groups,
            resample=entry.resample,
        )
        return made

    train(stage, trainer, lambda _, folder: window.write(folder))


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": 1, "consensus": "*"},
        options=["serving"],
        seed=True,
        launch=run_workers,
    )
