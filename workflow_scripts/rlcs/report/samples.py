"""Sample stories of the report: each policy's story for the first held-out contexts, with a judgement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from rlcs.constraints.registry import instruction, satisfied
from rlcs.records import Context, Judgement


@dataclass(frozen=True)
class SampleStory:
    """A policy's story, the constraints that it violates and a judge's verdict and analysis."""

    policy: str
    text: str
    truncated: bool = False
    violated: Sequence[str] = ()
    verdict: str = ""
    analysis: str = ""


@dataclass(frozen=True)
class SampleContext:
    """A context with a story of each policy."""

    context: Context
    stories: Sequence[SampleStory]

    @property
    def requirements(self) -> str:
        return "; ".join(instruction(constraint) for constraint in self.context.constraints)


def choose_samples(
    contexts: Mapping[str, Context],
    stories: Iterable[Mapping[str, Any]],
    matches: Iterable[Mapping[str, Any]],
    judgements: Iterable[Judgement],
    policies: Sequence[str],
    reference: str,
    count: int = 3,
) -> list[SampleContext]:
    """Choose the first ``count`` contexts by id that have a story of every policy; quality plays no part.

    Contexts in which all policies wrote different stories come first, those with the fewest stories last.

    ``stories``, ``matches`` and ``judgements`` are of one seed and one judge. Each context shows the
    sample with the lowest number, and the judgement of its match against ``reference`` in order ab.
    """
    texts: dict[tuple[str, str], Mapping[str, Any]] = {}
    for story in sorted(stories, key=itemgetter("sample")):
        texts.setdefault((story["context_id"], story["policy"]), story)
    by_match = {judgement.pair_id: judgement for judgement in judgements if judgement.order == "ab"}
    judged: dict[tuple[str, str], dict[str, str]] = {}
    for match in sorted(matches, key=itemgetter("sample")):
        judgement = by_match.get(match["match_id"])
        if judgement is not None and reference in (match["policy_a"], match["policy_b"]):
            side = "b" if match["policy_a"] == reference else "a"
            verdict, analysis = _outcome(judgement, side, reference), judgement.analysis or judgement.raw
            key = (match["context_id"], match[f"policy_{side}"])
            judged.setdefault(key, {"verdict": verdict, "analysis": analysis})
    complete = [name for name in sorted(contexts) if all((name, policy) in texts for policy in policies)]
    complete.sort(key=lambda name: -len({texts[name, policy]["text"] for policy in policies}))
    return [
        SampleContext(
            contexts[name],
            [
                SampleStory(
                    policy,
                    texts[name, policy]["text"],
                    texts[name, policy]["truncated"],
                    _violated(contexts[name], texts[name, policy]["text"]),
                    **judged.get((name, policy), {}),
                )
                for policy in policies
            ],
        )
        for name in complete[:count]
    ]


def _violated(context: Context, text: str) -> list[str]:
    return [instruction(constraint) for constraint in context.constraints if not satisfied(constraint, text)]


def _outcome(judgement: Judgement, side: str, reference: str) -> str:
    """The verdict for the story on ``side`` in words."""
    shown = "first" if side == "a" else "second"
    if judgement.verdict == "none":
        words = f"no verdict against {reference}"
    elif judgement.verdict == "tie":
        words = f"ties with {reference}"
    else:
        words = f"{'beats' if judgement.verdict == side else 'loses to'} {reference}"
    return f"{words}, says {judgement.judge} (this story was shown {shown})"
