"""The reward of a policy: points from comparisons with pivots, by a frozen judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from accelerate import PartialState
from transformers import TrainerState

from rlcs.alignment import flip_rate
from rlcs.entries import Reward
from rlcs.judging import Judge
from rlcs.pivot import draw_pivots, pivot_rewards, plan
from rlcs.prompts import Messages
from rlcs.records import Comparison, Context, Judgement, Verdict
from rlcs.stage import InputError
from rlcs.verdict import win_probability

LogMetric = Callable[[str, float], None]


class PivotReward:
    """Points from pairs: each story of a group is compared with the group's pivots by a frozen judge.

    All comparisons of a step go to the judge in one batch. A story without a comparison left gets None, which
    TRL leaves out of its group.
    """

    __name__ = "pivot"

    def __init__(
        self,
        judge: Judge,
        contexts: Mapping[str, Context],
        reward: Reward,
        *,
        group_size: int,
        seed: int,
    ) -> None:
        self.judge = judge
        self.contexts = contexts
        self.reward = reward
        self.group_size = group_size
        self.seed = seed

    def __call__(
        self,
        *,
        completions: Sequence[Messages],
        context_id: Sequence[str],
        trainer_state: TrainerState,
        log_metric: LogMetric,
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
            pivots.append(draw_pivots(size, self.reward.pivots, **draw))
            context = self.contexts[context_id[members[0]]]
            for i, p, order in plan(size, pivots[g], orders=self.reward.orders, **draw):
                pair_id = f"{trainer_state.global_step}/{first_group + g}/{i}/{p}"
                story, pivot = stories[members[i]], stories[members[p]]
                comparisons.append(Comparison(pair_id, context, story, pivot, order))
                keys.append((g, i, p))
        judgements = self.judge.judge(comparisons)
        self._check_and_log(judgements, log_metric)
        verdicts: list[dict[tuple[int, int], list[Verdict]]] = [defaultdict(list) for _ in groups]
        for (g, i, p), judgement in zip(keys, judgements, strict=True):
            verdicts[g][i, p].append(judgement.verdict)
        rewards: list[float | None] = []
        for g in range(len(groups)):
            probabilities = {pair: win_probability(both) for pair, both in verdicts[g].items()}
            rewards += pivot_rewards(size, probabilities, pivots[g])
        return rewards

    def _check_and_log(self, judgements: Sequence[Judgement], log_metric: LogMetric) -> None:
        failed = sum(judgement.verdict == "none" for judgement in judgements)
        share = failed / len(judgements)
        if share > self.reward.max_failure_share:
            raise InputError(
                f"{failed} of {len(judgements)} judgements of {self.judge.name!r} failed in one step "
                f"({share:.0%}), more than reward.max_failure_share = {self.reward.max_failure_share:.0%}; "
                f"see the judge's unparsed share in the alignment table, or raise judging.max_new_tokens"
            )
        log_metric("judge/calls", len(judgements))
        log_metric("judge/failed", share)
        inconsistent = flip_rate(judgements)
        if inconsistent is not None:
            log_metric("judge/inconsistent", inconsistent)
