"""Sample stories of the report: each policy's story for the first held-out contexts, with a judgement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from rlcs.constraints.registry import instruction, satisfied
from rlcs.judging.credits import judgements_by_pair
from rlcs.records import Context, Judgement


@dataclass(frozen=True)
class SampleStory:
    """A policy's story, the constraints that it violates, and a judge's verdict of both orders.

    ``analyses`` are by the place in which the story was shown: first, second.
    """

    policy: str
    text: str
    truncated: bool = False
    violated: Sequence[str] = ()
    verdict: str = ""
    analyses: Mapping[str, str] = field(default_factory=dict)


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
    sample with the lowest number, and the judgements of its match against ``reference``.
    """
    texts: dict[tuple[str, str], Mapping[str, Any]] = {}
    for story in sorted(stories, key=itemgetter("sample")):
        texts.setdefault((story["context_id"], story["policy"]), story)
    by_match = judgements_by_pair(judgements)
    judged: dict[tuple[str, str], dict[str, Any]] = {}
    for match in sorted(matches, key=itemgetter("sample")):
        answers = by_match.get(match["match_id"])
        if answers and reference in (match["policy_a"], match["policy_b"]):
            side = "b" if match["policy_a"] == reference else "a"
            key = (match["context_id"], match[f"policy_{side}"])
            judged.setdefault(key, _judged(answers, side, reference))
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


def _judged(judgements: Sequence[Judgement], side: str, reference: str) -> dict[str, Any]:
    """The verdict of all orders in words, and the analysis of each, for the story on ``side``."""
    by_place = {
        "first" if (judgement.order == "ab") == (side == "a") else "second": judgement
        for judgement in judgements
    }
    places = sorted(by_place)
    outcomes = {place: _outcome(by_place[place], side, reference) for place in places}
    told = [f"{outcomes[place]} if shown {place}" for place in places]
    if len(places) == 2:
        same = len(set(outcomes.values())) == 1
        told = [f"{outcomes['first']} in both orders"] if same else ["changes with the order", *told]
    return {
        "verdict": f"{judgements[0].judge}: {', '.join(told)}",
        "analyses": {
            place: text for place in places if (text := by_place[place].analysis or by_place[place].raw)
        },
    }


def _outcome(judgement: Judgement, side: str, reference: str) -> str:
    if judgement.verdict == "none":
        return f"no verdict against {reference}"
    if judgement.verdict == "tie":
        return f"ties with {reference}"
    return f"{'beats' if judgement.verdict == side else 'loses to'} {reference}"
