"""The pointwise generative judge: it reads one story at a time, and writes an analysis and one score.

G stories take G answers, whatever they are compared with (arXiv 2601.00677, 2601.20327). A judgement of two
stories compares their scores, so it is the same in both orders. Its ``raw`` and its analysis are those of the
story shown first: the two orders of a pair have both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rlcs.answer_formats import STRICT, AnswerFormat
from rlcs.config.judging import ScoresConfig
from rlcs.judging.backends import Reply
from rlcs.judging.generative import GenerativeJudge, seed_of
from rlcs.judging.soft_verdict import expected_score, first_wins
from rlcs.records import Comparison, Context, Judgement, Reads
from rlcs.verdict import compare, parse_analysis, read_scores


@dataclass(frozen=True)
class StoryAnswer:
    """A judge's answer about one story.

    Args:
        score: the score that was written, or the expected one if its distribution is known; None if there is
            no answer or it cannot be read.
        distribution: P over the possible scores, lowest first; None if it is not known.
        truncated: the token limit ended it, so that it was not read.
        reasoning: number of tokens of its thoughts, if it has any.
    """

    raw: str
    tokens: int
    score: float | None
    distribution: Sequence[float] | None = None
    truncated: bool = False
    reasoning: int | None = None


def read_answer(
    raw: str,
    tokens: int,
    scores: ScoresConfig,
    *,
    truncated: bool = False,
    distribution: Sequence[float] | None = None,
    answer: AnswerFormat = STRICT,
) -> StoryAnswer:
    """Read an answer about one story, in a format of ``answer_formats``; a truncated one is not read."""
    said = None if truncated else read_scores(raw, scores.low, scores.high, answer, "story")
    written = None if said is None or isinstance(said, str) else said[0]
    if written is None or distribution is None:
        return StoryAnswer(raw, tokens, written, truncated=truncated)
    return StoryAnswer(raw, tokens, expected_score(distribution, scores.low), distribution)


def compare_answers(
    comparison: Comparison, judge: str, first: StoryAnswer, second: StoryAnswer, tokens: int
) -> Judgement:
    """Judge a comparison by the answers about its stories, in the order shown.

    The verdict is ``none`` if one of them has no score, and truncated if one of these is. p(a wins) is
    ``soft_verdict.first_wins`` if both distributions are known.

    Args:
        tokens: number of tokens that count for this comparison.
    """
    pair_id, order = comparison.pair_id, comparison.order
    a, b = (first, second) if order == "ab" else (second, first)
    if a.score is None or b.score is None:
        truncated = a.truncated or b.truncated
        return Judgement(pair_id, order, judge, "none", tokens, first.raw, truncated=truncated)
    p = None
    if a.distribution is not None and b.distribution is not None:
        p = first_wins(a.distribution, b.distribution)
    return Judgement(
        pair_id=pair_id,
        order=order,
        judge=judge,
        verdict=compare(a.score, b.score),
        tokens=tokens,
        raw=first.raw,
        analysis=parse_analysis(first.raw),
        score_a=a.score,
        score_b=b.score,
        p_a=p,
    )


class PointwiseJudge(GenerativeJudge):
    """A GenRM, or any language model, that is asked about each distinct story of a batch once.

    The n-th votes about two stories are compared with each other. The tokens of an answer count for the first
    comparison that needs it, so that their sum is what was written.
    """

    reads: Reads = "story"

    def answers(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        """Every vote as a judgement of its own, those of a comparison adjacent; raises as ``judge``."""
        contexts: dict[tuple[str, str], Context] = {
            (c.context.context_id, story): c.context for c in comparisons for story in (c.first, c.second)
        }
        prompts = [self.judging.story_prompt(context, story) for (_, story), context in contexts.items()]
        replies = self._replies(prompts, seed_of(comparisons))
        votes = {
            key: [self._read_story(reply) for reply in replies[n * self.votes : (n + 1) * self.votes]]
            for n, key in enumerate(contexts)
        }
        judgements: list[Judgement] = []
        counted: set[tuple[str, str]] = set()
        for c in comparisons:
            keys = [(c.context.context_id, story) for story in (c.first, c.second)]
            new = {*keys} - counted
            counted |= new
            for vote in range(self.votes):
                tokens = sum(votes[key][vote].tokens for key in new)
                first, second = (votes[key][vote] for key in keys)
                thoughts = sum(votes[key][vote].reasoning or 0 for key in new) or None
                judgement = compare_answers(c, self.name, first, second, tokens)
                judgements.append(replace(judgement, reasoning_tokens=thoughts))
        return judgements

    def _read_story(self, reply: Reply | None) -> StoryAnswer:
        if reply is None:
            return StoryAnswer("", 0, None)
        known = reply.distributions if reply.distributions and len(reply.distributions) == 1 else None
        read = read_answer(
            reply.text,
            reply.tokens,
            self.judging.scores,
            truncated=reply.truncated,
            distribution=known[0] if known else None,
            answer=self.answer,
        )
        return replace(read, reasoning=reply.reasoning)


JUDGES: Mapping[Reads, type[GenerativeJudge]] = {"pair": GenerativeJudge, "story": PointwiseJudge}
"""The generative judge by what it reads."""
