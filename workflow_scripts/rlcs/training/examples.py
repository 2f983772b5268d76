"""Training examples in TRL's conversational formats."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from rlcs.config.judging import JudgingConfig
from rlcs.config.prompts import assistant, policy_prompt
from rlcs.errors import InputError
from rlcs.records import ORDERS, Comparison, Context, Judgement, Label, Order, Reads
from rlcs.verdict import label_scores, last_line, score_line, with_scores

TrainingExample = dict[str, Any]


def chain_examples(
    comparisons: Sequence[Comparison],
    chains: Sequence[Judgement],
    judging: JudgingConfig,
    *,
    analysis: bool = True,
    reads: Reads = "pair",
) -> list[TrainingExample]:
    """Make {prompt, completion, context_id} of a teacher's judgements, without those that cannot be read.

    The completion is the teacher's text; without ``analysis`` it is the last line alone, the scores. With
    ``reads: story`` each story has one example, however many pairs it is in.
    """
    by_key = {(c.pair_id, c.order): c for c in comparisons}
    shown = [(by_key[chain.pair_id, chain.order], chain) for chain in chains if chain.verdict != "none"]
    if reads == "story":
        shown = list({(c.context.context_id, c.first): (c, chain) for c, chain in shown}.values())
    return [
        {
            "prompt": judging.prompt(comparison, reads),
            "completion": assistant(chain.raw if analysis else last_line(chain.raw)),
            "context_id": comparison.context.context_id,
        }
        for comparison, chain in shown
    ]


def label_examples(
    comparisons: Sequence[Comparison],
    labels: Mapping[str, Label],
    judging: JudgingConfig,
    *,
    seed: int,
    reads: Reads = "pair",
) -> list[TrainingExample]:
    """Make {prompt, completion, context_id, pair_id} of labels, in the order of ``order_pairs``.

    The completion is a score line without an analysis. The preferred story gets the highest score and the
    other the lowest; both get the middle one if they tie.
    """
    low, high = judging.scores.low, judging.scores.high
    middle = (low + high) // 2
    scores = {"a": (high, low), "b": (low, high), "tie": (middle, middle)}
    return [
        {
            "prompt": judging.prompt(c, reads),
            "completion": assistant(score_line(*shown_scores(scores[labels[c.pair_id]], c.order, reads))),
            "context_id": c.context.context_id,
            "pair_id": c.pair_id,
        }
        for c in order_pairs(comparisons, seed)
    ]


def shown_scores(scores: tuple[int, int], order: Order, reads: Reads) -> tuple[int, ...]:
    """The scores of a score line, from those of stories a and b: both as shown, or the first one's alone."""
    shown = scores if order == "ab" else scores[::-1]
    return shown[:1] if reads == "story" else shown


def relabelled_examples(
    comparisons: Sequence[Comparison],
    analyses: Sequence[Judgement],
    labels: Mapping[str, Sequence[Label]],
    judging: JudgingConfig,
    *,
    seed: int,
    reads: Reads = "pair",
) -> list[TrainingExample]:
    """Make {prompt, completion, context_id, pair_id} of analyses whose scores are replaced by a label's.

    The completion is an analysis and ``verdict.label_scores``. The n-th analyses of a pair's two orders are
    adjacent and have the same label, whatever they say themselves. Both are left out if one of them could not
    be read. With ``reads: story`` the two orders are the two stories; the preferred one has the higher score.

    Args:
        analyses: every answer to every comparison, as many to each pair in each order.
        labels: by pair, the label of its n-th analyses (``drawn_labels``).
    """
    answers: dict[tuple[str, str], list[Judgement]] = {}
    for analysis in analyses:
        answers.setdefault((analysis.pair_id, analysis.order), []).append(analysis)
    of_pair = {(c.pair_id, c.order): c for c in comparisons}
    examples = []
    for pair_id in dict.fromkeys(c.pair_id for c in order_pairs(comparisons, seed)):
        in_both = zip(*(answers[pair_id, order] for order in ORDERS), strict=True)
        for label, both in zip(labels[pair_id], in_both, strict=True):
            if any(analysis.verdict == "none" for analysis in both):
                continue
            scores = label_scores(label, judging.scores.low, judging.scores.high)
            for analysis in both:
                shown = shown_scores(scores, analysis.order, reads)
                comparison = of_pair[pair_id, analysis.order]
                examples.append(
                    {
                        "prompt": judging.prompt(comparison, reads),
                        "completion": assistant(with_scores(analysis.raw, *shown)),
                        "context_id": comparison.context.context_id,
                        "pair_id": pair_id,
                    }
                )
    return examples


def drawn_labels(pair: Mapping[str, Any], samples: int, *, soft: bool = False, seed: int = 0) -> list[Label]:
    """The labels of a pair's analyses: its label each time, or the share p of them story a.

    Args:
        pair: row of PAIRS. A tie stays a tie, and without a soft label p its label counts.
        soft: draw ``samples`` labels by p(a is preferred), systematically: the number of a's is p · samples,
            rounded up or down with the probability that makes it right on average (design choice).
    """
    label, p = pair["label"], pair["soft_label"]
    if not soft or p is None or label == "tie":
        return [label] * samples
    start = random.Random(f"{seed} {pair['pair_id']}").random()
    bounds = [math.floor(n * p + start) for n in range(samples + 1)]
    return ["a" if more > less else "b" for less, more in pairwise(bounds)]


def order_pairs(comparisons: Sequence[Comparison], seed: int) -> list[Comparison]:
    """Order pairs by a seed, the two orders of each adjacent.

    Design choice: both orders are in one batch, where a preference for a position cancels. The trainer
    must not shuffle them.
    """
    pair_ids = sorted({c.pair_id for c in comparisons})
    random.Random(seed).shuffle(pair_ids)
    rank = {pair_id: i for i, pair_id in enumerate(pair_ids)}
    return sorted(comparisons, key=lambda c: (rank[c.pair_id], c.order))


def verdict_examples(
    comparisons: Sequence[Comparison],
    labels: Mapping[str, str],
    judging: JudgingConfig,
    *,
    seed: int,
    reads: Reads = "pair",
) -> list[TrainingExample]:
    """Make GRPO prompts of a GenRM, {prompt, pair_id, order, label}, in the order of ``order_pairs``."""
    return [
        {
            "prompt": judging.prompt(c, reads),
            "pair_id": c.pair_id,
            "order": c.order,
            "label": labels[c.pair_id],
        }
        for c in order_pairs(comparisons, seed)
    ]


def decided_pairs(pairs: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Leave out ties, which have no preferred story.

    Raises:
        InputError: all are ties, or there is none.
    """
    decided = [pair for pair in pairs if pair["label"] != "tie"]
    if not decided:
        ties = ", and all are ties" if pairs else ""
        raise InputError(f"{len(pairs)} training pairs{ties}: there is nothing to learn")
    return decided


def preference_examples(
    pairs: Sequence[Mapping[str, str]], contexts: Mapping[str, Context], template: str
) -> list[TrainingExample]:
    """Make {prompt, chosen, rejected} of pairs, without ties, which have no preferred story."""
    examples = []
    for pair in pairs:
        if pair["label"] != "tie":
            chosen, rejected = ("story_a", "story_b") if pair["label"] == "a" else ("story_b", "story_a")
            examples.append(
                {
                    "prompt": policy_prompt(template, contexts[pair["context_id"]]),
                    "chosen": assistant(pair[chosen]),
                    "rejected": assistant(pair[rejected]),
                }
            )
    return examples


def demonstration_examples(
    pairs: Sequence[Mapping[str, str]], contexts: Mapping[str, Context], template: str
) -> list[TrainingExample]:
    """Make {prompt, completion} of each pair's preferred story; of both stories if the label is a tie."""
    preferred = {"a": ("story_a",), "b": ("story_b",), "tie": ("story_a", "story_b")}
    return [
        {
            "prompt": policy_prompt(template, contexts[pair["context_id"]]),
            "completion": assistant(pair[story]),
        }
        for pair in pairs
        for story in preferred[pair["label"]]
    ]


def writing_prompts(contexts: Sequence[Context], template: str, *, seed: int) -> list[TrainingExample]:
    """Make GRPO prompts of a policy, {prompt, context_id}, in a seeded order.

    The order is the same in every epoch, since TRL does not resume its own shuffle after the first epoch.
    """
    shuffled = random.Random(seed).sample(contexts, len(contexts))
    return [{"prompt": policy_prompt(template, c), "context_id": c.context_id} for c in shuffled]
