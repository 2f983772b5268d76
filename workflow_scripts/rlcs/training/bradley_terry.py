"""Training of a Bradley-Terry reward model: a linear probe, adapters, all weights, or the best of these."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import Trainer, set_seed
from trl import RewardConfig, RewardTrainer

from rlcs.config.trained_judges import ScalarJudgeConfig, Way
from rlcs.config.training import AdapterConfig
from rlcs.judging.probe import Probe
from rlcs.judging.story_features import PERPLEXITY, STATES_BATCH, encode_story, state_places, story_features
from rlcs.models.loading import device, load_causal, load_scalar, load_tokenizer
from rlcs.stages.stage import Stage, log
from rlcs.training.checkpointing import last_checkpoint, saves_on_sigterm
from rlcs.training.context_window import Window
from rlcs.training.examples import TrainingExample
from rlcs.training.linear_probe import CROSS_VALIDATION, nested_accuracy, select_probe, split_folds
from rlcs.training.lora import adapter_config
from rlcs.training.options import build_options
from rlcs.training.precision import hold_in_float32, loaded_dtype
from rlcs.training.run import train


class RewardTraining:
    """One judge's training; if the config allows several ways, cross-validation selects one.

    Args:
        examples: {prompt, chosen, rejected}.
        groups: the context of each example; no fold splits a context.
        validation: {prompt, chosen, rejected} of validation pairs, for TRL's ``eval_strategy``.
    """

    def __init__(
        self,
        stage: Stage,
        entry: ScalarJudgeConfig,
        base: Path,
        examples: Sequence[TrainingExample],
        groups: Sequence[str],
        validation: Sequence[TrainingExample] = (),
    ) -> None:
        self.stage, self.entry, self.base = stage, entry, base
        self.window = Window.of(base, entry.training.get("max_length"))
        grouped = [{**example, "group": group} for example, group in zip(examples, groups, strict=True)]
        tokenizer = load_tokenizer(base)
        fitting = self.window.fitting(grouped, tokenizer)
        self.validation: list[TrainingExample] = []
        if validation:
            self.validation = self.window.fitting(validation, tokenizer, name="validation pair")
        self.groups = [example.pop("group") for example in fitting]
        self.examples = fitting

    def publish(self) -> None:
        """Select the way, train the model and publish it.

        Raises:
            InputError: no example fits the context window, or there are too few contexts to cross-validate.
        """
        ways = self.entry.ways
        results: dict[str, dict[str, Any]] = {}
        probe = None
        if "probe" in ways:
            probe, results["probe"] = self.probe()
        for way in ways:
            if len(ways) > 1 and way != "probe":
                results[way] = {"accuracy": self.cross_validated(way)}
        chosen = max(ways, key=lambda way: results[way]["accuracy"]) if results else ways[0]
        for name, result in results.items():
            log.info("cross-validation: %s", f"{name} {json.dumps(result, sort_keys=True)}")
        if results:
            log.info("cross-validation: chosen is %s, of %d pairs", chosen, len(self.examples))

        def finish(_: Trainer | None, folder: Path) -> None:
            self.window.write(folder)
            if results:
                text = json.dumps({"chosen": chosen, "pairs": len(self.examples), **results}, indent=2)
                (folder / CROSS_VALIDATION).write_text(text + "\n", encoding="utf-8")

        if chosen == "probe" and probe is not None:
            with self.stage.artifact() as folder:
                shutil.copytree(self.base, folder / "model")
                probe.save(folder / "model")
                finish(None, folder)
        else:
            make_trainer = partial(self.trainer, chosen, self.examples)
            train(self.stage, make_trainer, finish, dtype=self.entry.dtype)

    def probe(self) -> tuple[Probe, dict[str, Any]]:
        """Fit the probe at the best position and strength; also its result in cross-validation.

        ``accuracy`` is that of the selection (``nested_accuracy``); ``select_probe`` has the rest.
        """
        model, tokenizer = load_causal(self.base).to(device()), load_tokenizer(self.base)
        positions = [PERPLEXITY] if self.entry.features == "perplexity" else state_places(model)
        stories = [
            encode_story(tokenizer, example["prompt"], example[name][-1]["content"])
            for name in ("chosen", "rejected")
            for example in self.examples
        ]
        features = story_features(model, tokenizer, stories, positions, batch_size=STATES_BATCH)
        half = len(self.examples)
        differences = {name: values[:half] - values[half:] for name, values in features.items()}
        accuracy = nested_accuracy(differences, self.groups, self.entry.folds, self.stage.seed)
        probe, result = select_probe(differences, self.folds())
        return probe, {"accuracy": round(accuracy, 4), **result}

    def cross_validated(self, way: Way) -> float:
        """Accuracy on the pairs of each fold, by a model that was trained on the other folds."""
        right = 0.0
        for number, (rest, fold) in enumerate(self.folds()):
            scratch = self.stage.checkpoints() / f"{way}-fold-{number}"
            done = scratch / "accuracy.json"
            if not done.exists():
                scratch.mkdir(exist_ok=True)
                set_seed(self.stage.seed)  # as train does: the new head is drawn before the trainer seeds
                trainer = self.trainer(way, [self.examples[i] for i in rest], str(scratch))
                with saves_on_sigterm(trainer):
                    trainer.train(resume_from_checkpoint=last_checkpoint(scratch))
                trainer.args.per_device_eval_batch_size = 1  # TRL's accuracy is a mean over batches
                trainer.evaluate(Dataset.from_list([self.examples[i] for i in fold]))
                accuracy = next(e["eval_accuracy"] for e in reversed(trainer.state.log_history))
                done.write_text(json.dumps(accuracy), encoding="utf-8")
            right += len(fold) * float(json.loads(done.read_text(encoding="utf-8")))
        return round(right / len(self.examples), 4)

    def folds(self) -> list[tuple[list[int], list[int]]]:
        return split_folds(self.groups, self.entry.folds, self.stage.seed)

    def trainer(self, way: Way, examples: Sequence[TrainingExample], scratch: str) -> RewardTrainer:
        lora = (self.entry.lora or AdapterConfig()) if way == "lora" else None
        options = build_options(
            RewardConfig,
            {"max_length": None, **self.stage.config["training"]},
            self.entry.training,
            seed=self.stage.seed,
            output_dir=scratch,
        )
        made = RewardTrainer(
            model=load_scalar(self.base, new_head=True, dtype=loaded_dtype(options, lora)),
            args=options,
            train_dataset=Dataset.from_list(list(examples)),
            eval_dataset=Dataset.from_list(self.validation) if self.validation else None,
            processing_class=load_tokenizer(self.base),
            peft_config=adapter_config(lora, "SEQ_CLS"),
        )
        if not made.is_deepspeed_enabled:  # which has float32 copies of its own
            hold_in_float32(made.model)
        return made
