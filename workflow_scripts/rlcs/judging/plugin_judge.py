"""A judge from a file of the user's (docs/extending.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlcs.config.plugins import PluginJudgeConfig
from rlcs.errors import InputError
from rlcs.plugins import JUDGE, SCORE, load_function
from rlcs.records import LABELS, Comparison, Context, Judgement
from rlcs.verdict import compare


class PluginJudge:
    """Asks the file's function ``judge`` about comparisons, or with ``reads: story`` ``score`` about stories.

    What the function returns None for has the verdict ``none``.

    Raises:
        InputError: on construction, if the function cannot be loaded; when called, if it raises an error or
            returns something else than ``JUDGE`` or ``SCORE`` says.
    """

    shard_size = 256  # design choice: a file may ask a slow model, and a killed stage keeps what it said

    def __init__(self, name: str, entry: PluginJudgeConfig) -> None:
        self.name = name
        self.reads = entry.reads
        self.function = load_function(entry.file, SCORE if entry.reads == "story" else JUDGE, entry.options)

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        if self.reads == "story":
            return self._compare_scores(comparisons)
        answers = self.function.values(len(comparisons), list(comparisons))
        return [
            self._read(comparison, answer, place)
            for place, (comparison, answer) in enumerate(zip(comparisons, answers, strict=True))
        ]

    def _compare_scores(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        """Judge by the scores of the stories, of which each is asked for once."""
        contexts: dict[tuple[str, str], Context] = {
            (c.context.context_id, story): c.context for c in comparisons for story in (c.story_a, c.story_b)
        }
        stories = [story for _, story in contexts]
        scores = self.function.numbers(len(stories), stories, list(contexts.values()))
        score_of = dict(zip(contexts, scores, strict=True))
        return [
            self._judgement(c, *(score_of[c.context.context_id, story] for story in (c.story_a, c.story_b)))
            for c in comparisons
        ]

    def _read(self, comparison: Comparison, answer: Any, place: int) -> Judgement:
        if answer is None:
            return self._judgement(comparison, None, None)
        if isinstance(answer, str) and answer in LABELS:
            return Judgement(comparison.pair_id, comparison.order, self.name, answer)
        if isinstance(answer, tuple | list) and len(answer) == 2:
            return self._judgement(comparison, *(self.function.finite(score, place) for score in answer))
        raise InputError(
            f"{self.function.file}: judge returned {answer!r:.200} at {place}; write {self.function.role}"
        )

    def _judgement(self, c: Comparison, score_a: float | None, score_b: float | None) -> Judgement:
        if score_a is None or score_b is None:
            return Judgement(c.pair_id, c.order, self.name, "none")
        verdict = compare(score_a, score_b)
        return Judgement(c.pair_id, c.order, self.name, verdict, score_a=score_a, score_b=score_b)
