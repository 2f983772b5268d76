"""Policy GRPO: frozen judges compare a group's stories with pivots, or score them; constraints are kept."""

from __future__ import annotations

import json
from pathlib import Path

from datasets import Dataset
from transformers import Trainer

from rlcs.config.endpoints import ServingConfig
from rlcs.config.policies import ConstraintsConfig, GRPOPolicyConfig
from rlcs.constraints.verification import Verifier
from rlcs.judging.judge import Judge
from rlcs.judging.loading import load_judges
from rlcs.judging.verifier import load_verifier
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import SPLITS, read_contexts
from rlcs.rewards.constrained_reward import ConstrainedReward, Writing
from rlcs.rewards.pivot_reward import PivotReward
from rlcs.rewards.scalar_reward import ScalarReward
from rlcs.stages.launch import run_workers
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.constrained_grpo import ConstrainedGRPOTrainer
from rlcs.training.context_window import TRL_ANSWER, Window
from rlcs.training.examples import writing_prompts
from rlcs.training.lora import adapter_config
from rlcs.training.options import grpo_options
from rlcs.training.rollouts import serve_rollouts
from rlcs.training.run import train
from rlcs.training.selection import SelectBest, Validation
from rlcs.training.snapshots import TakeSnapshots
from rlcs.training.watch import INDEPENDENT, TRAINING, Watchdog, flags


def main(stage: Stage) -> None:
    entry = GRPOPolicyConfig.model_validate(stage.config["policy"])
    start = stage.folder("model") / "model"
    template = stage.config["writing"]["template"]
    contexts = read_contexts(stage.folder("preferences") / "contexts.parquet")
    of_split = {
        split: [context for context in contexts.values() if context.split == split] for split in SPLITS
    }
    window = Window.of(start)
    prompts = window.fitting(
        writing_prompts(of_split["train"], template, seed=stage.seed),
        load_tokenizer(start),
        answer=entry.training.get("max_completion_length", TRL_ANSWER) or 0,
    )
    several = len(entry.rewards) > 1
    published: list[SelectBest | TakeSnapshots] = []

    def trainer(scratch: str) -> ConstrainedGRPOTrainer:
        options = grpo_options(stage, entry.training, scratch)
        if several and entry.constraints is None:
            options.reward_weights = [reward.weight for reward in entry.rewards]
        judges = load_judges(
            stage.config["judges"],
            stage.folders("judge"),
            stage.options,
            max_failure_shares={reward.judge: reward.max_failure_share for reward in entry.rewards},
            soft=[reward.judge for reward in entry.rewards if reward.probability == "soft"],
        )
        serve_rollouts(options, start, ServingConfig.model_validate_json(stage.options["serving"]))
        rewards: list[Writing] = [
            ScalarReward(judges[reward.judge], contexts, name=f"scalar-{reward.judge}")
            if reward.kind == "scalar"
            else PivotReward(
                judges[reward.judge],
                contexts,
                reward,
                group_size=options.num_generations,
                seed=stage.seed,
                name=f"pivot-{reward.judge}" if several else "pivot",
                metrics=f"judge/{reward.judge}" if several else "judge",
            )
            for reward in entry.rewards
        ]
        constrained = None
        if entry.constraints is not None:
            constrained = ConstrainedReward(
                list(zip(rewards, (reward.weight for reward in entry.rewards), strict=True)),
                contexts,
                entry.constraints,
                group_size=options.num_generations,
                verifier=reward_verifier(stage, entry.constraints),
            )
        made = ConstrainedGRPOTrainer(
            model=load_causal(start),
            reward_funcs=constrained or rewards,
            args=options,
            train_dataset=Dataset.from_list(prompts),
            processing_class=load_tokenizer(start),
            peft_config=adapter_config(entry.lora, "CAUSAL_LM"),
            shaping=entry,
            max_skew=entry.max_skew if entry.advantage == "reward" else None,
            constrained=constrained,
        )
        if entry.select is not None:
            asked: dict[str, Judge] = {
                INDEPENDENT: judges[entry.select.judge],
                TRAINING: judges[entry.rewards[0].judge],
            }
            chosen = of_split["validation"][: entry.select.contexts]
            validation = Validation(
                chosen, template, asked, load_causal(start), load_tokenizer(start), options
            )
            published.append(SelectBest(validation, entry.select.every, Path(scratch) / "best", made))
        if entry.snapshots is not None:
            held_out = of_split["test"][: entry.snapshots.contexts]
            told = Path(scratch) / "snapshots"
            published.append(
                TakeSnapshots(held_out, template, load_tokenizer(start), options, entry.snapshots.every, told)
            )
        for callback in published:
            made.add_callback(callback)
        made.add_callback(Watchdog(entry.watch))
        return made

    def finish(trained: Trainer, folder: Path) -> None:
        for callback in published:
            callback.publish(folder)
        window.write(folder)
        raised = [vars(flag) for flag in flags(trained.state.log_history, entry.watch)]
        (folder / "flags.json").write_text(json.dumps(raised, indent=2) + "\n", encoding="utf-8")

    train(stage, trainer, finish)


def reward_verifier(stage: Stage, constraints: ConstraintsConfig) -> Verifier | None:
    """The verifier that the config names."""
    if constraints.verifier is None:
        return None
    folders = stage.folders("verifier")
    return load_verifier(
        stage.config["verifier"],
        folders[0] if folders else None,
        endpoint=json.loads(stage.options["endpoint"])[constraints.verifier],
        answers=Path(stage.options["answers"]) / constraints.verifier,
        max_failure_share=constraints.max_failure_share,
    )


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "model": 1, "judge": "*", "verifier": "?"},
        options=["endpoint", "answers", "serving"],
        seed=True,
        launch=run_workers,
    )
