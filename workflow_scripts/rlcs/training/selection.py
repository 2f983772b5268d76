"""A policy's win rate over its start, on validation contexts, and its best checkpoint by another judge.

Every ``every`` steps the policy writes a story for each of these contexts, and judges compare it, in both
orders, with what the start of the training wrote. Stories are drawn with a separate seed, and the training's
random state is unchanged. All processes write the same stories, as sharded weights require, and the main one
calls the judges.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from trl import GRPOConfig
from trl.generation.vllm_generation import VLLMGeneration

from rlcs.config.prompts import Messages, policy_prompt
from rlcs.config.training import Precision
from rlcs.data.preferences import comparisons_of
from rlcs.judging.credits import win_credits
from rlcs.judging.judge import Judge
from rlcs.models.chat_templates import markers_of
from rlcs.models.generation import Completion, completion_of, encode, fits, generate, stop_tokens
from rlcs.models.loading import device
from rlcs.records import Comparison, Context
from rlcs.stages.ranks import broadcast, is_main
from rlcs.stages.stage import log
from rlcs.training.lora import save_whole
from rlcs.training.options import sampling_options
from rlcs.training.watch import INDEPENDENT, TRAINING, series


class Validation:
    """Plays a policy against the start of its training.

    Args:
        judges: by the name of the metric for their win rate.
        start: the policy that training starts from; transformers writes its stories.
        options: of the training; its sampling is that of the comparison.
        engine: the trainer's vLLM, which writes the trained policy's stories; None leaves it to transformers.
    """

    def __init__(
        self,
        contexts: Sequence[Context],
        template: str,
        judges: Mapping[str, Judge],
        start: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        options: GRPOConfig,
        engine: VLLMGeneration | None = None,
    ) -> None:
        self.contexts = contexts
        self.template = template
        self.judges = judges
        self.tokenizer = tokenizer
        self.options = options
        self.reference = self._stories(start.to(device()))
        self.engine = engine

    def win_rates(self, model: PreTrainedModel) -> dict[str, float]:
        """p(model's story wins) by metric, ties ½; also ½ if a judge gave no verdict at all.

        Each metric has its 95 % interval and its number of contexts beside it, as ``{metric}_low``, ``_high``
        and ``_n``.
        """
        pairs = [
            {
                "pair_id": context.context_id,
                "context_id": context.context_id,
                "story_a": story,
                "story_b": rival,
            }
            for context, story, rival in zip(
                self.contexts, self._stories(model, self.engine), self.reference, strict=True
            )
        ]
        comparisons = comparisons_of(pairs, {context.context_id: context for context in self.contexts})
        won = {
            metric: broadcast(partial(_credits, judge, comparisons)) for metric, judge in self.judges.items()
        }
        rates: dict[str, float] = {}
        for metric, credits in won.items():
            rate, n = fmean(credits.values()) if credits else 0.5, len(credits)
            low, high = wilson_interval(rate, n)
            rates |= {metric: rate, f"{metric}_low": low, f"{metric}_high": high, f"{metric}_n": n}
        return rates

    def _stories(self, model: PreTrainedModel, engine: VLLMGeneration | None = None) -> list[str]:
        drawn = draw_stories(model, self.tokenizer, self.contexts, self.template, self.options, engine)
        return [completion.text for completion in drawn]


def draw_stories(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    contexts: Sequence[Context],
    template: str,
    options: GRPOConfig,
    engine: VLLMGeneration | None = None,
) -> list[Completion]:
    """Draw a story for each context, sampled as in training and with the same seed every time.

    The training's random state is unchanged.

    Args:
        engine: the trainer's vLLM, which gets the policy's weights first; None: transformers, in one batch.
            A vLLM in the process has the seed too. One behind a server draws with a seed of its own.
    """
    prompts = [policy_prompt(template, context) for context in contexts]
    with torch.random.fork_rng():
        if engine is not None:
            return _drawn_by(engine, model, tokenizer, prompts, options)
        return generate(
            model,
            tokenizer,
            prompts,
            max_new_tokens=options.max_completion_length,
            batch_size=max(len(contexts), 1),
            **sampling_options(options),
        )


def _drawn_by(
    engine: VLLMGeneration,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Messages],
    options: GRPOConfig,
) -> list[Completion]:
    """Completions by the trainer's vLLM, whose sampling is the training's; as ``generate`` has them."""
    limit, prompts = options.max_completion_length, encode(tokenizer, conversations)
    room = options.vllm_max_model_length
    fitting = [
        i
        for i, prompt in enumerate(prompts)
        if fits(model, len(prompt) + limit) and (room is None or len(prompt) + limit <= room)
    ]
    torch.manual_seed(options.seed)
    engine.sync_weights()
    _, ids, _, _ = engine.generate([prompts[i] for i in fitting], images=None, num_generations=1)
    stops, markers = stop_tokens(model, tokenizer), markers_of(tokenizer)
    completions = [Completion("", 0, truncated=True)] * len(prompts)
    for i, written in zip(fitting, ids, strict=True):
        completions[i] = completion_of(tokenizer, written, limit, stops, markers)
    return completions


def wilson_interval(rate: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share of n contexts; from 0 to 1 of none.

    A tie, or two orders that disagree, counts as half a win. The variance is then below a share's, so the
    interval is no narrower than it should be.

    Args:
        z: quantile of the normal distribution; 1.96 for 95 %.
    """
    if n == 0:
        return 0.0, 1.0
    center = rate + z**2 / (2 * n)
    half = z * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return max(0.0, (center - half) / scale), min(1.0, (center + half) / scale)


def _credits(judge: Judge, comparisons: Sequence[Comparison]) -> dict[str, float]:
    return win_credits(judge.judge(comparisons))


def is_due(state: TrainerState, every: int) -> bool:
    """True every ``every`` steps, and at the last step."""
    return state.global_step % every == 0 or state.global_step == state.max_steps


class SelectBest(TrainerCallback):
    """Logs win rates every ``every`` steps and at the end, and keeps the weights with the best one so far.

    The best one is read from the log, which checkpoints hold, so a resumed training keeps the same weights.

    Args:
        keeps_best: False keeps none, and the last weights are published.
    """

    def __init__(
        self,
        validation: Validation,
        every: int,
        folder: Path,
        trainer: Trainer,
        dtype: Precision = "float32",
        *,
        keeps_best: bool = True,
    ) -> None:
        self.validation = validation
        self.every = every
        self.keeps_best = keeps_best
        self.folder = folder
        self.trainer = trainer
        self.dtype = dtype

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: PreTrainedModel,
        **_: Any,
    ) -> None:
        if not is_due(state, self.every):
            return
        rates = self.validation.win_rates(model)
        before = [point.value for point in series(state.log_history, INDEPENDENT)]
        state.log_history.append({"step": state.global_step, **rates})
        is_best = rates[INDEPENDENT] > max(before, default=-1.0)
        log.info(
            "step %d: wins over the start by the independent judge %.3f%s%s",
            state.global_step,
            rates[INDEPENDENT],
            f", by the reward's own {rates[TRAINING]:.3f}" if TRAINING in rates else "",
            ", the best so far" if is_best else "",
        )
        if is_best and self.keeps_best:
            self._keep()

    def _keep(self) -> None:
        unfinished = self.folder.with_name(f"{self.folder.name}.partial")
        if is_main():
            shutil.rmtree(unfinished, ignore_errors=True)
        save_whole(self.trainer, unfinished / "model", unfinished / "adapter", self.dtype)
        if is_main():
            shutil.rmtree(self.folder, ignore_errors=True)
            unfinished.rename(self.folder)

    def publish(self, artifact: Path) -> None:
        """Make the best weights, if they are kept, the artifact's ``model`` and ``adapter``.

        The last ones stay beside them, as ``last`` and ``last_adapter``.
        """
        for name, last in (("model", "last"), ("adapter", "last_adapter")):
            if (self.folder / name).exists():
                (artifact / name).rename(artifact / last)
                shutil.copytree(self.folder / name, artifact / name)
