"""A linear probe on a GenRM's analyses as a judge: the analyses of both orders give one verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scipy.special import expit

from rlcs.config.judging import JudgingConfig
from rlcs.judging.analysis_features import NUMBERS, number_features, state_features
from rlcs.judging.backends import Backend
from rlcs.judging.generative import GenerativeJudge
from rlcs.judging.in_process import TransformersBackend
from rlcs.judging.probe import Probe
from rlcs.judging.story_features import Array
from rlcs.records import Comparison, Judgement
from rlcs.verdict import compare

_Shown = tuple[str, str, str]  # the context, and its two stories in the order shown


class AnalysisProbeJudge(GenerativeJudge):
    """P(a beats b) = sigmoid(w · (φ(ab) - φ(ba))) in either order; φ are the features of an order's analysis.

    Args:
        backend: writes the analyses. If the probe reads hidden states, it is the model in this process.
        probe: its position is ``NUMBERS`` or one of ``story_features.state_places``.
    """

    def __init__(self, name: str, backend: Backend, judging: JudgingConfig, probe: Probe) -> None:
        super().__init__(name, backend, judging)
        self.probe = probe

    def judge(self, comparisons: Sequence[Comparison]) -> list[Judgement]:
        """Judgements in the given order; ``none`` if one of a pair's two analyses cannot be read.

        An order that no comparison asks for is written too, and its tokens are those of the comparison that
        needs it. Raises as ``GenerativeJudge.judge``.
        """
        asked = {_shown(comparison) for comparison in comparisons}
        added = [mirror for c in comparisons if _shown(mirror := _other_order(c)) not in asked]
        written = [*comparisons, *added]
        analyses = dict(zip(map(_shown, written), super().judge(written), strict=True))
        features = self._features([c for c in written if analyses[_shown(c)].analysis], analyses)
        judgements = []
        for c in comparisons:
            own, other = _shown(c), _shown(_other_order(c))
            tokens = analyses[own].tokens + (0 if other in asked else analyses[other].tokens)
            truncated = analyses[own].truncated or analyses[other].truncated
            none = Judgement(
                c.pair_id, c.order, self.name, "none", tokens, analyses[own].raw, truncated=truncated
            )
            if own not in features or other not in features:
                judgements.append(none)
                continue
            ab, ba = (own, other) if c.order == "ab" else (other, own)
            margin = float((features[ab] - features[ba]) @ self.probe.weights)
            verdict, analysis = compare(margin, 0), analyses[own].analysis
            judgements.append(replace(none, verdict=verdict, analysis=analysis, p_a=float(expit(margin))))
        return judgements

    def _features(
        self, comparisons: Sequence[Comparison], analyses: Mapping[_Shown, Judgement]
    ) -> dict[_Shown, Array]:
        """Features (features,) of the analysis of each comparison."""
        if not comparisons:
            return {}
        shown = [_shown(comparison) for comparison in comparisons]
        texts = [analyses[key].analysis or "" for key in shown]
        if self.probe.position == NUMBERS:
            return dict(zip(shown, number_features(texts, len(self.probe.weights)), strict=True))
        backend, position = self.backend, self.probe.position
        assert isinstance(backend, TransformersBackend), "the config refuses states with another engine"
        prompts = [self.judging.prompt(comparison) for comparison in comparisons]
        states = state_features(backend.model, backend.tokenizer, prompts, texts, [position])
        return dict(zip(shown, states[position], strict=True))


def _shown(comparison: Comparison) -> _Shown:
    return comparison.context.context_id, comparison.first, comparison.second


def _other_order(comparison: Comparison) -> Comparison:
    return replace(comparison, order="ba" if comparison.order == "ab" else "ab")
