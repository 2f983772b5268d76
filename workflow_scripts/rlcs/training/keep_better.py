"""Choice between a trained model and its parent, the model it started from: no training makes a judge worse.

Both are read on the same validation pairs, from folders as they are published, so that merged adapters and
the files' precision count. Design choice: the better one is published, the trained one if they are equal.
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


def compare_scores(parent: Mapping[str, float], child: Mapping[str, float], measure: str) -> ParentAndChild:
    """Compare scores by item of both models, of which more is better; a loss enters with a minus.

    Raises:
        ValueError: the items are not the same.
    """
    if parent.keys() != child.keys():
        different = sorted(parent.keys() ^ child.keys())
        raise ValueError(f"parent and child must have the same items; one of them lacks {different[:3]}")
    means = [fmean(scores.values()) if scores else None for scores in (parent, child)]
    return ParentAndChild(measure, len(parent), *means)


def keep_better(
    parent: Path, artifact: Path, scores: Callable[[Path], Mapping[str, float]], measure: str
) -> None:
    """Publish the parent's weights in an artifact, in place of the child's, if they are better.

    What the parent published is published again: its model, and its adapter if it has one. The comparison
    stays in the artifact. Every process must call it; the main one writes.

    Args:
        parent: artifact whose ``model`` the training started from.
        artifact: folder with the child's ``model``.
        scores: scores of a model by item, given its folder.
        measure: name of the score.
    """
    compared = compare_scores(scores(parent / "model"), scores(artifact / "model"), measure)
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
    tokens. If a score is no single token, single verdicts are measured. A pair that cannot be read counts one
    half. The processes of a training share the pairs.

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

    @property
    def measure(self) -> str:
        return "accuracy of p over both orders" if self.scores else "accuracy of single verdicts"

    def __call__(self, model: Path) -> dict[str, float]:
        """Credit by pair, from 0 to 1."""
        if not self.comparisons:
            return {}
        backend = TransformersBackend(
            load_causal(model),
            load_tokenizer(model),
            max_new_tokens=self.max_new_tokens,
            batch_size=self.batch_size,
            scores=self.scores,
        )
        judge = JUDGES[self.reads](model.name, backend, self.judging)
        judgements = gather(judge.judge(own_share(self.comparisons)))
        credits_of = both_orders_credits if self.scores else pair_credits
        return dict.fromkeys(self.labels, 0.5) | credits_of(judgements, self.labels)


def _single_tokens(tokenizer: PreTrainedTokenizerBase, scores: ScoresConfig) -> ScoresConfig | None:
    """The scores if each is a single token, else None."""
    try:
        score_tokens(tokenizer, scores.low, scores.high)
    except ValueError:
        return None
    return scores
