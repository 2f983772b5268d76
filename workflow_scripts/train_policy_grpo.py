"""Policy GRPO: frozen judges compare a group's stories with pivots, or score them; constraints are kept."""

import json
from collections.abc import Mapping
from pathlib import Path

from datasets import Dataset
from transformers import Trainer

from rlcs.config.policies import GRPOPolicyConfig
from rlcs.data.preferences import Preferences
from rlcs.judging.backends import Access
from rlcs.judging.judge import Judge
from rlcs.models.generation import stop_tokens
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.rewards.loading import constrained_reward, load_policy_judges, load_policy_verifier, writing_rewards
from rlcs.rewards.thoughtless import without_reasoning
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import ACCESS, Stage, run_stage
from rlcs.training.constrained_grpo import ConstrainedGRPOTrainer
from rlcs.training.context_window import TRL_ANSWER, Window
from rlcs.training.examples import writing_prompts
from rlcs.training.lora import adapter_config
from rlcs.training.options import grpo_options
from rlcs.training.precision import loaded_dtype
from rlcs.training.rollouts import serve_rollouts
from rlcs.training.run import train
from rlcs.training.selection import SelectBest, Validation
from rlcs.training.snapshots import TakeSnapshots
from rlcs.training.watch import INDEPENDENT, TRAINING, Watchdog, flags


def main(stage: Stage) -> None:
    entry = GRPOPolicyConfig.model_validate(stage.config["policy"])
    start = stage.folder("model") / "model"
    preferences = Preferences(stage.folder("preferences"))
    contexts = preferences.contexts
    window = Window.of(start)
    prompts = window.fitting(
        writing_prompts(
            preferences.contexts_of("train"), stage.config["writing"]["template"], seed=stage.seed
        ),
        load_tokenizer(start),
        answer=entry.training.get("max_completion_length", TRL_ANSWER) or 0,
    )
    publishers: list[SelectBest | TakeSnapshots] = []

    def make_trainer(scratch: str) -> ConstrainedGRPOTrainer:
        options, access = grpo_options(stage, entry.training, scratch), Access.of(stage.options)
        options.mask_truncated_completions = entry.truncated == "masked"
        size = options.num_generations
        judges = load_policy_judges(entry, stage.config["judges"], stage.folders("judge"), access)
        serve_rollouts(options, start, access.serving)
        chosen = preferences.chosen_stories("train")
        writing = writing_rewards(entry, judges, contexts, group_size=size, seed=stage.seed, chosen=chosen)
        verifier = load_policy_verifier(
            entry, stage.config.get("verifier"), stage.optional_folder("verifier"), access
        )
        model, tokenizer = load_causal(start, dtype=loaded_dtype(options, entry.lora)), load_tokenizer(start)
        stops = stop_tokens(model, tokenizer)
        constrained = constrained_reward(
            entry,
            writing,
            contexts,
            verifier,
            group_size=size,
            limit=options.max_completion_length,
            stop_tokens=stops,
        )
        if constrained is None and len(writing) > 1:
            options.reward_weights = [weight for _, weight in writing]
        trainer = ConstrainedGRPOTrainer(
            model=model,
            reward_funcs=without_reasoning(
                [constrained] if constrained else [reward for reward, _ in writing],
                tokenizer,
                options.max_completion_length,
                stops,
            ),
            args=options,
            train_dataset=Dataset.from_list(prompts),
            processing_class=tokenizer,
            peft_config=adapter_config(entry.lora, "CAUSAL_LM"),
            shaping=entry,
            max_skew=entry.max_skew if entry.advantage == "reward" else None,
            constrained=constrained,
        )
        publishers.extend(_publishers(stage, entry, trainer, judges, preferences))
        for callback in (*publishers, Watchdog(entry.watch)):
            trainer.add_callback(callback)
        return trainer

    def finish(trained: Trainer, folder: Path) -> None:
        for publisher in publishers:
            publisher.publish(folder)
        window.write(folder)
        raised = [vars(flag) for flag in flags(trained.state.log_history, entry.watch)]
        (folder / "flags.json").write_text(json.dumps(raised, indent=2) + "\n", encoding="utf-8")

    train(stage, make_trainer, finish, dtype=entry.dtype)


def _publishers(
    stage: Stage,
    entry: GRPOPolicyConfig,
    trainer: ConstrainedGRPOTrainer,
    judges: Mapping[str, Judge],
    preferences: Preferences,
) -> list[SelectBest | TakeSnapshots]:
    """Callbacks that add files to the artifact; they keep them beside the checkpoints until then."""
    start, template = stage.folder("model") / "model", stage.config["writing"]["template"]
    options, scratch = trainer.args, Path(trainer.args.output_dir)
    engine = trainer.vllm_generation if options.use_vllm else None
    publishers: list[SelectBest | TakeSnapshots] = []
    if (select := entry.select) is not None:
        asked = {INDEPENDENT: judges[select.judge]}
        if entry.judge_rewards:
            asked[TRAINING] = judges[entry.judge_rewards[0].judge]
        validation = Validation(
            preferences.contexts_of("validation")[: select.contexts],
            template,
            asked,
            load_causal(start),
            load_tokenizer(start),
            options,
            engine,
        )
        keeps_best = select.publish == "best"
        publishers.append(
            SelectBest(
                validation, select.every, scratch / "best", trainer, entry.dtype, keeps_best=keeps_best
            )
        )
    if (snapshots := entry.snapshots) is not None:
        held_out = preferences.contexts_of("test")[: snapshots.contexts]
        tokenizer, folder = load_tokenizer(start), scratch / "snapshots"
        publishers.append(
            TakeSnapshots(held_out, template, tokenizer, options, snapshots.every, folder, engine)
        )
    return publishers


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": 1, "judge": "*", "verifier": "?"},
        options=ACCESS,
        seed=True,
        launch=run_workers,
    )
