"""Headroom of a GenRM's GRPO: how much better than its greedy answer the best of its rollouts is.

GRPO learns from differences within a group. If the best of a group is no better than the greedy answer, or
few groups have any variance, there is nothing to learn from, whatever the reward.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl import GRPOConfig

from rlcs.config.judging import JudgingConfig
from rlcs.models.generation import generate
from rlcs.models.loading import device
from rlcs.records import Comparison, Label, Order, Verdict
from rlcs.rewards.verdict_reward import RIGHT, UNPARSED, WRONG
from rlcs.stages.ranks import broadcast, gather, is_main, own_share
from rlcs.stages.stage import log
from rlcs.training.options import sampling_options
from rlcs.verdict import compare, credit, read_judgement, win_probability

HEADROOM_NAME = "headroom.json"

Answers = Mapping[tuple[str, Order], Sequence[Verdict]]
"""Un-swapped verdicts by pair and order: the greedy one, then those of the G samples."""


@dataclass(frozen=True)
class Headroom:
    """Shares of right verdicts, over pairs in both orders; a verdict that cannot be read is wrong.

    Attributes:
        pairs: number of pairs.
        samples: G, the samples of each prompt.
        greedy: share of greedy verdicts that are right.
        sampled: share of samples that are right.
        majority: share of groups whose majority is right, a draw as one half.
        best: share of groups with a sample that is right.
        groups_without_variance: share of groups whose samples have one reward, that of ``verdict_reward``.
        pairs_without_variance: the same for the samples of both orders together.
    """

    pairs: int
    samples: int
    greedy: float
    sampled: float
    majority: float
    best: float
    groups_without_variance: float
    pairs_without_variance: float

    def __str__(self) -> str:
        return (
            f"headroom on {self.pairs} validation pairs: greedy {self.greedy:.3f}, a sample "
            f"{self.sampled:.3f}, the majority of {self.samples} {self.majority:.3f}, the best of "
            f"{self.samples} {self.best:.3f}; without variance {self.groups_without_variance:.3f} of the "
            f"groups, {self.pairs_without_variance:.3f} of the pairs"
        )


def headroom_of(answers: Answers, labels: Mapping[str, Label]) -> Headroom:
    """Summarise verdicts; there is at least one pair, and no label is a tie."""
    rewards = {key: [_reward(v, labels[key[0]]) for v in verdicts] for key, verdicts in answers.items()}
    groups = {key: values[1:] for key, values in rewards.items()}
    by_pair: dict[str, set[float]] = {}
    for (pair, _), values in groups.items():
        by_pair.setdefault(pair, set()).update(values)
    return Headroom(
        pairs=len(by_pair),
        samples=len(next(iter(groups.values()))),
        greedy=fmean(values[0] == RIGHT for values in rewards.values()),
        sampled=fmean(value == RIGHT for values in groups.values() for value in values),
        majority=fmean(_majority(verdicts[1:], labels[key[0]]) for key, verdicts in answers.items()),
        best=fmean(RIGHT in values for values in groups.values()),
        groups_without_variance=fmean(len(set(values)) == 1 for values in groups.values()),
        pairs_without_variance=fmean(len(values) == 1 for values in by_pair.values()),
    )


def _reward(verdict: Verdict, label: Label) -> float:
    """``verdict_reward`` of a verdict that was read already."""
    return RIGHT if verdict == label else UNPARSED if verdict == "none" else WRONG


def _majority(verdicts: Sequence[Verdict], label: Label) -> float:
    share = win_probability(verdicts)
    return 0.0 if share is None else credit(compare(share, 0.5), label) or 0.0


def measure_headroom(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    comparisons: Sequence[Comparison],
    labels: Mapping[str, Label],
    judging: JudgingConfig,
    options: GRPOConfig,
) -> Headroom:
    """Answer each comparison greedily and G times as the training samples; processes share the work.

    The random state of the training stays as it is.

    Args:
        comparisons: each pair in both orders, at least one pair.
        labels: of these pairs, none of them a tie.
    """
    own, size = own_share(comparisons), options.num_generations
    greedy = {"temperature": 0.0}
    with torch.random.fork_rng():
        answers = [
            _verdicts(model.to(device()), tokenizer, repeated, judging, options, sampling)
            for repeated, sampling in (
                (own, greedy),
                ([c for c in own for _ in range(size)], sampling_options(options)),
            )
        ]
    of_own = [
        ((c.pair_id, c.order), [answers[0][i], *answers[1][i * size : (i + 1) * size]])
        for i, c in enumerate(own)
    ]
    return headroom_of(dict(gather(of_own)), labels)


def record_headroom(
    path: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    comparisons: Sequence[Comparison],
    labels: Mapping[str, Label],
    judging: JudgingConfig,
    options: GRPOConfig,
) -> None:
    """Log ``measure_headroom`` and write it, unless the file exists: a resumed training has measured it."""
    if not comparisons:
        log.info("headroom: there are no validation pairs to measure it on")
    elif not broadcast(path.exists):
        headroom = measure_headroom(model, tokenizer, comparisons, labels, judging, options)
        log.info("%s", headroom)
        if is_main():
            path.write_text(json.dumps(asdict(headroom), indent=2) + "\n", encoding="utf-8")


def _verdicts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    comparisons: Sequence[Comparison],
    judging: JudgingConfig,
    options: GRPOConfig,
    sampling: Mapping[str, Any],
) -> list[Verdict]:
    completions = generate(
        model,
        tokenizer,
        [judging.prompt(comparison) for comparison in comparisons],
        max_new_tokens=options.max_completion_length,
        batch_size=options.per_device_train_batch_size,
        **sampling,
    )
    low, high = judging.scores.low, judging.scores.high
    return [
        read_judgement(c, "", said.text, said.tokens, low, high, truncated=said.truncated).verdict
        for c, said in zip(comparisons, completions, strict=True)
    ]
