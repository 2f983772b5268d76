"""Choice between a trained model and its parent, the model it started from: no training makes a judge worse.

Both are read on the same validation pairs, from folders as they are published, so that merged adapters and
the files' precision count. Design choice: the better one is published, the trained one if they are equal in
every measure.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from transformers import PreTrainedTokenizerBase

from rlcs.config.judging import JudgingConfig, ScoresConfig
from rlcs.data.parent_and_child import ParentAndChild
from rlcs.judging.credits import both_orders_credits, pair_credits
from rlcs.judging.in_process import TransformersBackend
from rlcs.judging.pointwise import JUDGES
from rlcs.judging.score_tokens import score_tokens
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import Comparison, Label, Reads
from rlcs.stages.ranks import gather, is_main, own_share, wait_for_all
from rlcs.stages.stage import log

_WEIGHTS = ("model", "adapter")  # folders of an artifact

Scores = Mapping[str, Mapping[str, float]]
"""Measure -> item -> score, of which more is better; an earlier measure decides before a later one."""

BY_P = "accuracy of p over both orders"
BY_VERDICT = "accuracy of single verdicts"


def compare_scores(parent: Scores, child: Scores) -> ParentAndChild:
    """Compare both models by the first measure in which their means differ; by the first one if none does.

    Raises:
        ValueError: the items are not the same.
    """
    compared = []
    for measure, of_parent in parent.items():
        of_child = child[measure]
        if of_parent.keys() != of_child.keys():
            different = sorted(of_parent.keys() ^ of_child.keys())
            raise ValueError(f"parent and child must have the same items; one of them lacks {different[:3]}")
        means = [fmean(scores.values()) if scores else None for scores in (of_parent, of_child)]
        compared.append(ParentAndChild(measure, len(of_parent), *means))
    return next((made for made in compared if made.parent != made.child), compared[0])


def keep_better(parent: Path, artifact: Path, scores: Callable[[Path], Scores]) -> None:
    """Publish the parent's weights in an artifact, in place of the child's, if they are better.

    What the parent published is published again: its model, and its adapter if it has one. The comparison
    stays in the artifact. Every process must call it; the main one writes.

    Args:
        parent: artifact whose ``model`` the training started from.
        artifact: folder with the child's ``model``.
        scores: scores of a model, given its folder.
    """
    compared = compare_scores(scores(parent / "model"), scores(artifact / "model"))
    if is_main():
        log.info("%s", compared)
        compared.write(artifact)
        if compared.published == "parent":
            for name in _WEIGHTS:
                shutil.rmtree(artifact / name, ignore_errors=True)
                if (parent / name).exists():
                    shutil.copytree(parent / name, artifact / name)
    wait_for_all()


class JudgeAccuracy:
    """Accuracy of a GenRM by pair, given the folder of its model.

    A judge is measured as a reward uses it: by p over both orders, from greedy answers and their score
    tokens. Single verdicts decide if that is equal, and alone if a score is no single token. A pair that
    cannot be read counts one half. The processes of a training share the pairs.

    Args:
        comparisons: each pair in both orders.
        labels: of these pairs, none of them a tie.
        tokenizer: of the models that are compared.
        reads: what one answer of them speaks of.
    """

    def __init__(
        self,
        comparisons: Sequence[Comparison],
        labels: Mapping[str, Label],
        judging: JudgingConfig,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_new_tokens: int,
        batch_size: int,
        reads: Reads = "pair",
    ) -> None:
        self.comparisons = comparisons
        self.labels = labels
        self.judging = judging
        self.scores = _single_tokens(tokenizer, judging.scores)
        self.max_new_tokens = max_new_tokens
        self.batch_size = batch_size
        self.reads = reads

    def __call__(self, model: Path) -> dict[str, dict[str, float]]:
        """Credits by measure and pair, from 0 to 1."""
        measures = {BY_P: both_orders_credits} if self.scores else {}
        measures[BY_VERDICT] = pair_credits
        if not self.comparisons:
            return {measure: {} for measure in measures}
        backend = TransformersBackend(
            load_causal(model),
            load_tokenizer(model),
            max_new_tokens=self.max_new_tokens,
            batch_size=self.batch_size,
            scores=self.scores,
        )
        judge = JUDGES[self.reads](model.name, backend, self.judging)
        judgements = gather(judge.judge(own_share(self.comparisons)))
        unread = dict.fromkeys(self.labels, 0.5)
        return {name: unread | credits_of(judgements, self.labels) for name, credits_of in measures.items()}


def _single_tokens(tokenizer: PreTrainedTokenizerBase, scores: ScoresConfig) -> ScoresConfig | None:
    """The scores if each is a single token, else None."""
    try:
        score_tokens(tokenizer, scores.low, scores.high)
    except ValueError:
        return None
    return scores
