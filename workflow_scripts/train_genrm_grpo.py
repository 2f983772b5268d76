"""GenRM GRPO: rewards for verdicts that are the label; the better of parent and child is published."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import Trainer

from rlcs.config.endpoints import ServingConfig
from rlcs.config.judging import JudgingConfig
from rlcs.config.trained_judges import GenrmGRPOConfig
from rlcs.data.artifacts import CHAINS_FILE
from rlcs.data.preferences import Preferences, decided
from rlcs.errors import InputError
from rlcs.models.generation import stop_tokens
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import Row
from rlcs.rewards.evidence_reward import Chains, EvidenceReward, analyses_of
from rlcs.rewards.label_likelihood import LabelLikelihood
from rlcs.rewards.score_reward import ScoreReward
from rlcs.rewards.thoughtless import without_reasoning
from rlcs.rewards.verdict_reward import LIKELY, RIGHT, VerdictReward
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, log, run_stage
from rlcs.training.context_window import TRL_ANSWER, Window
from rlcs.training.examples import verdict_examples
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.headroom import HEADROOM_NAME, record_headroom
from rlcs.training.keep_better import JudgeAccuracy, keep_better
from rlcs.training.lora import adapter_config
from rlcs.training.options import grpo_options
from rlcs.training.precision import loaded_dtype
from rlcs.training.rollouts import serve_rollouts
from rlcs.training.run import train


def main(stage: Stage) -> None:
    entry = GenrmGRPOConfig.model_validate(stage.config["judge"])
    judging = JudgingConfig.model_validate(stage.config["judging"])
    preferences, parent = Preferences(stage.folder("preferences")), stage.folder("model")
    training = decided(preferences.training_pairs(entry, stage.folders("consensus"), seed=stage.seed))
    validation = decided(preferences.pairs("validation"))
    chains = evidence_chains(stage, entry, training)

    start, scratch = parent / "model", stage.checkpoints()
    window, tokenizer = Window.of(start), load_tokenizer(start)
    options = grpo_options(stage, entry.training, str(scratch))

    def prompts(pairs: Sequence[Row], name: str) -> Dataset:
        comparisons, labels = preferences.questions(pairs)
        examples = verdict_examples(comparisons, labels, judging, seed=stage.seed, reads=entry.reads)
        answer = options.max_completion_length or 0
        return Dataset.from_list(window.fitting(examples, tokenizer, answer=answer, name=name))

    learned = prompts(training, "training prompt")
    watched = prompts(validation, "validation prompt") if validation else None

    def trainer(_: str) -> ShapedGRPOTrainer:
        serve_rollouts(options, start, ServingConfig.model_validate_json(stage.options["serving"]))
        model = load_causal(start, dtype=loaded_dtype(options, entry.lora))
        batch_size = options.per_device_train_batch_size
        if entry.headroom is not None:
            pairs = preferences.questions(validation, entry.headroom.pairs, stage.seed)
            record_headroom(scratch / HEADROOM_NAME, model, tokenizer, *pairs, judging, options)
        is_likelihood = entry.reward == "likelihood"
        reward_class = ScoreReward if entry.reads == "story" else VerdictReward
        stops = stop_tokens(model, tokenizer)
        verdicts = reward_class(
            judging.scores,
            limit=options.max_completion_length,
            stop_tokens=stops,
            consistent=entry.reward == "consistent",
            likelihood=LabelLikelihood(judging.scores, tokenizer, lambda: made.model, batch_size)
            if is_likelihood
            else None,
        )
        rewards: list[Any] = [verdicts]
        if entry.evidence is not None:
            rewards.append(EvidenceReward(verdicts, chains))
            options.reward_weights = [1.0, entry.evidence.weight]
        made = ShapedGRPOTrainer(
            model=model,
            reward_funcs=without_reasoning(rewards, tokenizer, options.max_completion_length, stops),
            args=options,
            train_dataset=learned,
            eval_dataset=watched,
            processing_class=load_tokenizer(start),
            peft_config=adapter_config(entry.lora, "CAUSAL_LM"),
            shaping=entry,
            correct_reward=LIKELY if is_likelihood else RIGHT,
            groups_per_unit=entry.groups_per_unit,
            baseline_groups=entry.baseline_groups,
            resample=entry.resample,
        )
        return made

    def finish(_: Trainer, folder: Path) -> None:
        window.write(folder)
        if (scratch / HEADROOM_NAME).exists():
            shutil.copy(scratch / HEADROOM_NAME, folder)

    def choose(folder: Path) -> None:
        if entry.keep_better is not None:
            accuracy = JudgeAccuracy(
                *preferences.questions(validation, entry.keep_better.pairs, stage.seed),
                judging,
                tokenizer,
                max_new_tokens=options.max_completion_length or TRL_ANSWER,
                batch_size=options.per_device_train_batch_size,
                reads=entry.reads,
            )
            keep_better(parent, folder, accuracy)

    train(stage, trainer, finish, choose, entry.dtype)


def evidence_chains(stage: Stage, entry: GenrmGRPOConfig, pairs: Sequence[Row]) -> Chains:
    """The analyses that check the evidence; none if the entry asks for none.

    Raises:
        InputError: no pair has a chain.
    """
    if entry.evidence is None:
        return {}
    teacher, ids = entry.evidence.teacher, [pair["pair_id"] for pair in pairs]
    chains = analyses_of(
        teacher, CHAINS_FILE.read(*stage.folders("chains"), *stage.folders("consensus")), ids
    )
    with_chain = {pair for pair, _ in chains}
    if not with_chain:
        raise InputError(
            f"none of {len(ids)} training pairs has a chain of {teacher!r} to check the evidence against: "
            "leave evidence out, or take another teacher"
        )
    log.info("evidence: %d of %d training pairs have a chain of %s", len(with_chain), len(ids), teacher)
    return chains


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": 1, "chains": "?", "consensus": "*"},
        options=["serving"],
        seed=True,
        launch=run_workers,
    )
