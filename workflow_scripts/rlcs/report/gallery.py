"""Stories side by side: what each policy wrote for a context, during and after its training, and what judges
said of it.

Plain builtins, which the page's own script shows, filters and sorts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rlcs.constraints.registry import instruction, satisfied
from rlcs.judging.credits import pair_flips, pair_probabilities, win_credits
from rlcs.records import Context, Judgement

Row = Mapping[str, Any]


def gallery_items(
    contexts: Mapping[str, Context],
    stories: Iterable[Row],
    matches: Iterable[Row],
    judged: Mapping[str, Sequence[Judgement]],
    policies: Sequence[str],
    reference: str,
    count: int,
    checks: Iterable[Row] = (),
    snapshots: Mapping[str, Iterable[Row]] | None = None,
) -> list[dict[str, Any]]:
    """The first ``count`` contexts of the data for which the reference and another policy wrote.

    Of each context the reference's lowest sample number is shown, with the same sample of the others.

    Args:
        contexts: by id, in the order of the data.
        stories: rows of STORIES of one seed.
        matches: rows of MATCHES; those with the reference are shown.
        judged: by judge what it said of the matches of these stories.
        checks: rows of CHECKS of these stories: what a verifier model said where no rule can tell.
        snapshots: by policy, rows of SNAPSHOTS of the same seed.
    """
    verified = {
        (row["context_id"], row["policy"], row["sample"], row["constraint"]): row["satisfied"]
        for row in checks
    }
    on_the_way: dict[tuple[str, str], list[Row]] = {}
    for policy, rows in (snapshots or {}).items():
        for row in rows:
            on_the_way.setdefault((row["context_id"], policy), []).append(row)
    told = {(row["context_id"], row["policy"], row["sample"]): row for row in stories}
    samples: dict[str, int] = {}
    for context_id, policy, sample in sorted(told):
        if policy == reference:
            samples.setdefault(context_id, sample)
    against = {
        (match["context_id"], match["policy_b" if match["policy_a"] == reference else "policy_a"]): match
        for match in matches
        if reference in (match["policy_a"], match["policy_b"])
        and match["sample"] == samples.get(match["context_id"])
    }
    judges = {judge: _Judge(said) for judge, said in judged.items()}
    items = []
    for context_id, sample in ((name, samples[name]) for name in contexts if name in samples):
        written = [(policy, told.get((context_id, policy, sample))) for policy in policies]
        shown = [
            {
                **_told(contexts[context_id], story, verified),
                "policy": policy,
                "judged": _judged(against.get((context_id, policy)), judges, reference),
                "training": [
                    {**_told(contexts[context_id], row), "step": row["step"]}
                    for row in on_the_way.get((context_id, policy), [])
                ],
            }
            for policy, story in written
            if story is not None
        ]
        if len(shown) > 1:
            items.append(_item(contexts[context_id], shown))
    return items[:count]


class _Judge:
    """What one judge said, by match: its judgements, p that a wins, and whether the verdict flips."""

    def __init__(self, judgements: Sequence[Judgement]) -> None:
        self.said: dict[str, list[Judgement]] = {}
        for judgement in judgements:
            self.said.setdefault(judgement.pair_id, []).append(judgement)
        self.p = win_credits(judgements) | pair_probabilities(judgements)
        self.flips = pair_flips(judgements)


def _told(
    context: Context, story: Row, verified: Mapping[tuple[str, str, int, int], bool | None] | None = None
) -> dict[str, Any]:
    """A story and the constraints that it keeps, by rules and, where these cannot tell, by the verifier."""
    constraints = []
    for place, constraint in enumerate(context.constraints):
        kept = satisfied(constraint, story["text"])
        if kept is None and verified:
            kept = verified.get((context.context_id, story["policy"], story["sample"], place))
        constraints.append({"text": instruction(constraint), "kept": kept})
    return {**{name: story[name] for name in ("text", "tokens", "truncated")}, "constraints": constraints}


def _judged(match: Row | None, judges: Mapping[str, _Judge], reference: str) -> dict[str, Any]:
    """What each judge said of a story's match with the reference's; nothing of the reference's own."""
    if match is None:
        return {}
    side = "b" if match["policy_a"] == reference else "a"
    return {name: _said(judge, match["match_id"], side) for name, judge in judges.items()}


def _said(judge: _Judge, match: str, side: str) -> dict[str, Any]:
    """A judge's answers, from the side of the story that is not the reference's; ``gain`` is 2p - 1."""
    p_a = judge.p.get(match)
    return {
        "gain": None if p_a is None else (2 * p_a - 1) * (1 if side == "a" else -1),
        "flips": bool(judge.flips.get(match, 0)),
        "orders": [_answer(judgement, side) for judgement in judge.said.get(match, [])],
    }


def _answer(judgement: Judgement, side: str) -> dict[str, Any]:
    outcomes = {"tie": "ties", "none": "no verdict", side: "wins"}
    scores = (judgement.score_a, judgement.score_b)
    p = judgement.p_a if judgement.p_a is None or side == "a" else 1 - judgement.p_a
    return {
        "shown": "first" if (judgement.order == "ab") == (side == "a") else "second",
        "outcome": outcomes.get(judgement.verdict, "loses"),
        "scores": None if None in scores else list(scores if side == "a" else reversed(scores)),
        "p": p,
        "analysis": judgement.analysis or judgement.raw,
    }


def _item(context: Context, stories: list[dict[str, Any]]) -> dict[str, Any]:
    """A context with its stories; judges disagree where one prefers a story and another the reference's."""
    gains = [
        [said["gain"] for said in story["judged"].values() if said["gain"] is not None] for story in stories
    ]
    return {
        "id": context.context_id,
        **{name: getattr(context, name) for name in ("domain", "characters", "previous_plot", "outline")},
        "requirements": [instruction(constraint) for constraint in context.constraints],
        "disagree": any(min(known) < 0 < max(known) for known in gains if known),
        "stories": stories,
    }
