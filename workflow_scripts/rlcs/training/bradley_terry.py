"""Training a Bradley-Terry reward model: as a linear probe, with adapters or in full, the best of several."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import Trainer, set_seed
from trl import RewardConfig, RewardTrainer

from rlcs.config.judges import ScalarJudgeConfig, Way
from rlcs.config.training import AdapterConfig
from rlcs.errors import InputError
from rlcs.judging.probe import Probe
from rlcs.judging.story_features import PERPLEXITY, encode_story, state_places, story_features
from rlcs.models.loading import device, load_causal, load_scalar, load_tokenizer
from rlcs.stages.stage import Stage
from rlcs.training.checkpointing import last_checkpoint, saves_on_sigterm
from rlcs.training.context_window import Window
from rlcs.training.examples import Example
from rlcs.training.linear_probe import cross_validate, fit, folds_of
from rlcs.training.lora import adapter_config
from rlcs.training.options import build_options
from rlcs.training.run import train

log = logging.getLogger("rlcs")

NAME = "cross_validation.json"
PROBE_BATCH = 8  # stories whose states are held side by side


class RewardTraining:
    """One judge's training, the ways that it may be trained compared first.

    Args:
        examples: {prompt, chosen, rejected}.
        groups: the context of each example; no fold parts one.
    """

    def __init__(
        self,
        this: Stage,
        entry: ScalarJudgeConfig,
        base: Path,
        examples: Sequence[Example],
        groups: Sequence[str],
    ) -> None:
        self.this, self.entry, self.base = this, entry, base
        self.window = Window.of(base, entry.training.get("max_length"))
        known = [{**example, "group": group} for example, group in zip(examples, groups, strict=True)]
        fitting = self.window.fitting(known, load_tokenizer(base))
        self.groups = [example.pop("group") for example in fitting]
        self.examples = fitting

    def publish(self) -> None:
        ways = self.entry.ways
        found: dict[str, dict[str, Any]] = {}
        probe = None
        if "probe" in ways:
            probe, found["probe"] = self.probe()
        for way in ways:
            if len(ways) > 1 and way != "probe":
                found[way] = {"accuracy": self.cross_validated(way)}
        chosen = max(ways, key=lambda way: found[way]["accuracy"]) if found else ways[0]
        for name, told in found.items():
            log.info("cross-validation: %s", f"{name} {json.dumps(told, sort_keys=True)}")
        if found:
            log.info("cross-validation: chosen is %s, of %d pairs", chosen, len(self.examples))

        def finish(_: Trainer | None, folder: Path) -> None:
            self.window.write(folder)
            if found:
                text = json.dumps({"chosen": chosen, "pairs": len(self.examples), **found}, indent=2)
                (folder / NAME).write_text(text + "\n", encoding="utf-8")

        if chosen == "probe" and probe is not None:
            with self.this.artifact() as folder:
                shutil.copytree(self.base, folder / "model")
                probe.save(folder / "model")
                finish(None, folder)
        else:
            train(self.this, lambda scratch: self.trainer(chosen, self.examples, scratch), finish)

    def probe(self) -> tuple[Probe, dict[str, Any]]:
        """The probe at the best place and strength, and what cross-validation says of it."""
        model, tokenizer = load_causal(self.base).to(device()), load_tokenizer(self.base)
        places = [PERPLEXITY] if self.entry.features == "perplexity" else state_places(model)
        told = [
            encode_story(tokenizer, example["prompt"], example[name][-1]["content"])
            for name in ("chosen", "rejected")
            for example in self.examples
        ]
        seen = story_features(model, tokenizer, told, places, batch_size=PROBE_BATCH)
        half = len(self.examples)
        differences = {place: values[:half] - values[half:] for place, values in seen.items()}
        choices = cross_validate(differences, self.folds())
        best = choices[0]
        by_place: dict[str, float] = {}
        for choice in choices:
            by_place.setdefault(choice.place, round(choice.accuracy, 4))
        said = {"accuracy": round(best.accuracy, 4), "place": best.place, "strength": best.strength}
        return Probe(best.place, fit(differences[best.place], best.strength)), {**said, "places": by_place}

    def cross_validated(self, way: Way) -> float:
        """Accuracy on the pairs of each fold, by a model that was trained on the others."""
        right = 0.0
        for number, (rest, fold) in enumerate(self.folds()):
            scratch = self.this.checkpoints() / f"{way}-fold-{number}"
            done = scratch / "accuracy.json"
            if not done.exists():
                scratch.mkdir(exist_ok=True)
                set_seed(self.this.seed)  # as train does: the new head is drawn before the trainer seeds
                trainer = self.trainer(
                    way, [self.examples[i] for i in rest], str(scratch), [self.examples[i] for i in fold]
                )
                with saves_on_sigterm(trainer):
                    trainer.train(resume_from_checkpoint=last_checkpoint(scratch))
                trainer.evaluate()
                accuracy = next(e["eval_accuracy"] for e in reversed(trainer.state.log_history))
                done.write_text(json.dumps(accuracy), encoding="utf-8")
            right += len(fold) * float(json.loads(done.read_text(encoding="utf-8")))
        return round(right / len(self.examples), 4)

    def folds(self) -> list[tuple[list[int], list[int]]]:
        try:
            return folds_of(self.groups, self.entry.folds, self.this.seed)
        except ValueError as error:
            raise InputError(f"{error}: bring more contexts, or name one way in train") from error

    def trainer(
        self,
        way: Way,
        examples: Sequence[Example],
        scratch: str,
        evaluated: Sequence[Example] | None = None,
    ) -> RewardTrainer:
        lora = (self.entry.lora or AdapterConfig()) if way == "lora" else None
        return RewardTrainer(
            model=load_scalar(self.base, new_head=True),
            args=build_options(
                RewardConfig,
                {"max_length": None, **self.this.config["training"]},
                self.entry.training,
                seed=self.this.seed,
                output_dir=scratch,
            ),
            train_dataset=Dataset.from_list(list(examples)),
            eval_dataset=Dataset.from_list(list(evaluated)) if evaluated else None,
            processing_class=load_tokenizer(self.base),
            peft_config=adapter_config(lora, "SEQ_CLS"),
        )
