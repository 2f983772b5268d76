"""Judges without weights: the oracle and the teacher of the tiny world, and the length of a story."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from rlcs.config.judging import JudgingConfig
from rlcs.config.untrained_judges import LengthJudgeConfig, WorldTeacherConfig
from rlcs.judging.pointwise import StoryAnswer, compare_answers, read_answer
from rlcs.records import Comparison, Context, Judgement
from rlcs.text import word_count
from rlcs.verdict import compare, read_judgement
from rlcs.world import teacher
from rlcs.world.annotators import utility
from rlcs.world.grammar import read_story


class OracleJudge:
    """Judges by the hidden utility of the tiny world, without noise."""

    shard_size = None

    def __init__(self, name: str) -> None:
        self.name = name

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        return [self._judge(c) for c in comparisons]

    def _judge(self, c: Comparison) -> Judgement:
        # rounded: sums of the same weights in another order differ in the last digits, but are a tie
        a, b = (round(utility(read_story(c.context, story)), 9) for story in (c.story_a, c.story_b))
        return Judgement(c.pair_id, c.order, self.name, compare(a, b), score_a=a, score_b=b)


class LengthJudge:
    """Prefers the longer story, or the shorter one, in words."""

    shard_size = None

    def __init__(self, name: str, entry: LengthJudgeConfig) -> None:
        self.name = name
        self.sign = 1 if entry.prefer == "longer" else -1

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        return [self._judge(c) for c in comparisons]

    def _judge(self, c: Comparison) -> Judgement:
        a, b = (float(self.sign * word_count(story)) for story in (c.story_a, c.story_b))
        return Judgement(c.pair_id, c.order, self.name, compare(a, b), score_a=a, score_b=b)


class SimulatedTeacher:
    """The tiny world's biased teacher.

    Its slips depend on (seed, pair, order) alone, or with ``reads: story`` on (seed, context, story).
    """

    shard_size = None

    def __init__(self, name: str, entry: WorldTeacherConfig, judging: JudgingConfig) -> None:
        self.name = name
        self.seed = entry.seed
        self.bias = teacher.TeacherBias(
            weights=entry.weights.model_dump(),
            usual_utility=entry.usual_utility,
            utility_per_point=entry.utility_per_point,
            length_bias=entry.length_bias,
            first_position_bias=entry.first_position_bias,
            slip_rate=entry.slip_rate,
        )
        self.scores = judging.scores
        self.reads = entry.reads

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        return [self._score(c) if self.reads == "story" else self._judge(c) for c in comparisons]

    def _score(self, c: Comparison) -> Judgement:
        first, second = (self._answer(c.context, story) for story in (c.first, c.second))
        return compare_answers(c, self.name, first, second, first.tokens)

    def _answer(self, context: Context, story: str) -> StoryAnswer:
        rng = Random(f"{self.seed} {context.context_id} {story}")
        raw = teacher.write_story_chain(rng, context, story, self.bias, self.scores.low, self.scores.high)
        return read_answer(raw, len(raw.split()), self.scores)

    def _judge(self, c: Comparison) -> Judgement:
        low, high = self.scores.low, self.scores.high
        rng = Random(f"{self.seed} {c.pair_id} {c.order}")
        raw = teacher.write_chain(rng, c.context, c.first, c.second, self.bias, low, high)
        return read_judgement(c, self.name, raw, len(raw.split()), low, high)
