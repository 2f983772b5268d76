"""Judges by their entry in the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from rlcs.config import Judging, WorldTeacher
from rlcs.judging import GenerativeJudge, Judge, ScalarJudge
from rlcs.records import Comparison, Judgement
from rlcs.verdict import compare, read_judgement
from rlcs.world import teacher
from rlcs.world.annotators import utility
from rlcs.world.grammar import read_story


class OracleJudge:
    """The hidden utility of the tiny world, without noise."""

    def __init__(self, name: str) -> None:
        self.name = name

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        return [self._judge(c) for c in comparisons]

    def _judge(self, c: Comparison) -> Judgement:
        a, b = (utility(read_story(c.context, story)) for story in (c.story_a, c.story_b))
        return Judgement(c.pair_id, c.order, self.name, compare(a, b), score_a=a, score_b=b)


class SimulatedTeacher:
    """The tiny world's biased teacher; its slips depend on (seed, pair, order) alone."""

    def __init__(self, name: str, entry: WorldTeacher, judging: Judging) -> None:
        self.name = name
        self.seed = entry.seed
        self.bias = teacher.TeacherBias(
            length_bias=entry.length_bias,
            first_position_bias=entry.first_position_bias,
            slip_rate=entry.slip_rate,
        )
        self.scores = judging.scores

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        return [self._judge(c) for c in comparisons]

    def _judge(self, c: Comparison) -> Judgement:
        low, high = self.scores.low, self.scores.high
        rng = Random(f"{self.seed} {c.pair_id} {c.order}")
        raw = teacher.judge(rng, c.context, c.first, c.second, self.bias, low, high)
        return read_judgement(c, self.name, raw, len(raw.split()), low, high)


def load_judge(section: Mapping[str, Any], folder: Path | None) -> Judge:
    """The judge of a section made by ``sections.judge``.

    Args:
        folder: the artifact that holds its ``model``; None for a judge of the tiny world.
    """
    name, entry = section["name"], section["judge"]
    kind, backend = entry["kind"], entry.get("backend")
    if kind == "oracle":
        return OracleJudge(name)
    if kind == "teacher" and backend == "world":
        return SimulatedTeacher(
            name, WorldTeacher.model_validate(entry), Judging.model_validate(section["judging"])
        )
    assert folder is not None, f"judge {name} of kind {kind} needs a model"
    if kind == "bradley_terry":
        template, batch_size = section["writing"]["template"], section["batch_size"]
        return ScalarJudge.load(name, folder / "model", template, batch_size)
    return GenerativeJudge.load(name, folder / "model", Judging.model_validate(section["judging"]))
