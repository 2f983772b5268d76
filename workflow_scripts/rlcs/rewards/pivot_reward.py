"""Pointwise rewards of a policy's stories, from comparisons with pivots by a frozen judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from accelerate import PartialState
from transformers import TrainerState

from rlcs.config.prompts import Messages
from rlcs.config.story_rewards import StoryRewardConfig
from rlcs.errors import InputError
from rlcs.judging.credits import flip_rate
from rlcs.judging.failures import FailureLimit
from rlcs.judging.judge import Judge
from rlcs.records import Comparison, Context, Judgement
from rlcs.rewards.pivots import draw_chosen, draw_pivots, pivot_rewards, plan_comparisons, skew
from rlcs.rewards.story_metrics import log_story_metrics
from rlcs.stages.ranks import gather
from rlcs.verdict import orders_disagree, soft_win_probability, win_probability


class PivotReward:
    """TRL reward function: a frozen judge compares each story of a group with the group's pivots.

    All comparisons of a step go to the judge in one batch. A story whose comparisons all failed gets None,
    which TRL leaves out of its group.

    Args:
        chosen: by context id, the stories that people preferred, for ``pivot: chosen``.
        name: TRL's name of the reward; rewards that are summed need different ones.
        metrics: prefix of the names of logged metrics.

    Raises:
        InputError: on construction, if ``pivot: chosen`` has no story; when called, if more of the recent
            judgements failed than ``reward.max_failure_share`` (``FailureLimit``).
    """

    def __init__(
        self,
        judge: Judge,
        contexts: Mapping[str, Context],
        reward: StoryRewardConfig,
        *,
        group_size: int,
        seed: int,
        chosen: Mapping[str, Sequence[str]] | None = None,
        name: str = "pivot",
        metrics: str = "judge",
    ) -> None:
        if reward.pivot == "chosen" and not chosen:
            raise InputError(
                "reward.pivot: chosen needs a training pair that people labelled with a preferred story, and "
                "there is none; use pivot: drawn"
            )
        self.chosen = chosen if reward.pivot == "chosen" and chosen else {}
        self.judge = judge
        self.contexts = contexts
        self.reward = reward
        self.failures = FailureLimit(reward.max_failure_share, FAILURE_SHARE)
        self.group_size = group_size
        self.seed = seed
        self.metrics = metrics
        self.__name__ = name

    def __call__(
        self,
        *,
        completions: Sequence[Messages],
        context_id: Sequence[str],
        trainer_state: TrainerState,
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        size = self.group_size
        stories = [completion[-1]["content"] for completion in completions]
        groups = [range(start, start + size) for start in range(0, len(stories), size)]
        # Groups are whole on every process (grpo.assert_whole_groups); number them over all processes.
        first_group = PartialState().process_index * len(groups)
        pivots: list[list[int]] = []
        comparisons: list[Comparison] = []
        keys: list[tuple[int, int, int]] = []  # group, story, pivot
        for g, members in enumerate(groups):
            draw = {"seed": self.seed, "step": trainer_state.global_step, "group": first_group + g}
            context = self.contexts[context_id[members[0]]]
            texts = [stories[i] for i in members]
            if human := self.chosen.get(context.context_id):
                pivots.append([size])
                texts.append(draw_chosen(human, **draw))
            else:
                pivots.append(draw_pivots(size, self.reward.pivots, **draw))
            for i, p, order in plan_comparisons(size, pivots[g], orders=self.reward.orders, **draw):
                pair_id = f"{trainer_state.global_step}/{first_group + g}/{i}/{p}"
                comparisons.append(Comparison(pair_id, context, texts[i], texts[p], order))
                keys.append((g, i, p))
        judgements = self.judge.judge(comparisons)
        all_judgements = gather(judgements)  # checks and metrics are those of the whole step
        check_failures(all_judgements, self.judge.name, self.failures)
        by_pair: list[dict[tuple[int, int], list[Judgement]]] = [defaultdict(list) for _ in groups]
        for (g, i, p), judgement in zip(keys, judgements, strict=True):
            by_pair[g][i, p].append(judgement)
        rewards = [self._group_rewards(by_pair[g], pivots[g]) for g in range(len(groups))]
        for name, value in judge_metrics(all_judgements).items():
            log_metric(f"{self.metrics}/{name}", value)
        if self.chosen:
            log_metric(f"{self.metrics}/drawn_pivots", fmean(size not in group for group in pivots))
        log_metric(f"{self.metrics}/skew", fmean(skew(group) for group in rewards))
        log_story_metrics(stories, log_metric)
        return [reward for group in rewards for reward in group]

    def _group_rewards(
        self, by_pair: Mapping[tuple[int, int], Sequence[Judgement]], pivots: Sequence[int]
    ) -> list[float | None]:
        """Rewards of a group from the judgements of each (story, pivot)."""
        outcomes = {}
        disputed = set()
        for pair, judgements in by_pair.items():
            verdicts = [judgement.verdict for judgement in judgements]
            hard = self.reward.probability == "hard"
            outcomes[pair] = win_probability(verdicts) if hard else soft_win_probability(judgements)
            if self.reward.disagreement == -1 and orders_disagree(verdicts):
                disputed.add(pair)
        return pivot_rewards(self.group_size, outcomes, pivots, lost_by_both=disputed)


FAILURE_SHARE = "reward.max_failure_share"


def check_failures(judgements: Sequence[Judgement], judge: str, failures: FailureLimit) -> None:
    """Count a step's judgements that failed.

    Raises:
        InputError: a larger share of the recent ones failed than may.
    """
    failed = [judgement.verdict == "none" for judgement in judgements]
    if problem := failures.problem(f"judgements of {judge!r} failed", sum(failed), len(failed)):
        raise InputError(
            f"{problem}; see the judge's unparsed share in the alignment table, or raise "
            "judging.max_new_tokens"
        )
    failures.add(failed)


def judge_metrics(judgements: Sequence[Judgement]) -> dict[str, float]:
    """Metrics of one step's judgements: their number, and the shares that show problems.

    Returns:
        ``calls``; ``tokens``: those that the judge wrote; ``unparsed``: an answer came and could not be read;
        ``failed``: none came; ``truncated``: the token limit ended the answer, which is a part of the two;
        ``inconsistent``: the flip rate (``credits.pair_flips``), left out if no pair has two verdicts.
    """
    n = len(judgements)
    without = [judgement for judgement in judgements if judgement.verdict == "none"]
    unparsed = sum(bool(judgement.raw) for judgement in without)
    metrics = {
        "calls": float(n),
        "tokens": float(sum(judgement.tokens for judgement in judgements)),
        "unparsed": unparsed / n,
        "failed": (len(without) - unparsed) / n,
        "truncated": sum(judgement.truncated for judgement in without) / n,
    }
    inconsistent = flip_rate(judgements)
    return metrics if inconsistent is None else metrics | {"inconsistent": inconsistent}
