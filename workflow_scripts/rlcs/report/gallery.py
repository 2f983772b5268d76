"""Items of the gallery: stories of all policies for a context, during and after training, and judgements.

Items are plain builtins, which the script of the page shows, filters and sorts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rlcs.constraints.registry import instruction, satisfied
from rlcs.judging.credits import pair_flips, pair_probabilities, win_credits
from rlcs.records import Context, Judgement

_Row = Mapping[str, Any]


def build_gallery(
    contexts: Mapping[str, Context],
    stories: Iterable[_Row],
    matches: Iterable[_Row],
    judged: Mapping[str, Sequence[Judgement]],
    policies: Sequence[str],
    reference: str,
    count: int,
    checks: Iterable[_Row] = (),
    snapshots: Mapping[str, Iterable[_Row]] | None = None,
) -> list[dict[str, Any]]:
    """Build an item for each of the first ``count`` contexts with stories of the reference and of others.

    An item has the reference's sample with the lowest number, and the same sample of the other policies.

    Args:
        contexts: by id, in the order of the data.
        stories: rows of STORIES of one seed.
        matches: rows of MATCHES; those with the reference are shown.
        judged: judgements of the matches of these stories, by judge.
        checks: rows of CHECKS of these stories: a verifier model's answers where no rule decides.
        snapshots: rows of SNAPSHOTS of the same seed, by policy.
    """
    verified = {
        (row["context_id"], row["policy"], row["sample"], row["constraint"]): row["satisfied"]
        for row in checks
    }
    snapshots_of: dict[tuple[str, str], list[_Row]] = {}
    for policy, rows in (snapshots or {}).items():
        for row in rows:
            snapshots_of.setdefault((row["context_id"], policy), []).append(row)
    stories_by_key = {(row["context_id"], row["policy"], row["sample"]): row for row in stories}
    samples: dict[str, int] = {}
    for context_id, policy, sample in sorted(stories_by_key):
        if policy == reference:
            samples.setdefault(context_id, sample)
    against = {
        (match["context_id"], match["policy_b" if match["policy_a"] == reference else "policy_a"]): match
        for match in matches
        if reference in (match["policy_a"], match["policy_b"])
        and match["sample"] == samples.get(match["context_id"])
    }
    judges = {judge: _JudgeResults(judgements) for judge, judgements in judged.items()}
    items = []
    for context_id, sample in ((name, samples[name]) for name in contexts if name in samples):
        candidates = [(policy, stories_by_key.get((context_id, policy, sample))) for policy in policies]
        shown = [
            {
                **_story(contexts[context_id], story, verified),
                "policy": policy,
                "judged": _judgements(against.get((context_id, policy)), judges, reference),
                "training": [
                    {**_story(contexts[context_id], row), "step": row["step"]}
                    for row in snapshots_of.get((context_id, policy), [])
                ],
            }
            for policy, story in candidates
            if story is not None
        ]
        if len(shown) > 1:
            items.append(_item(contexts[context_id], shown))
    return items[:count]


class _JudgeResults:
    """Results of one judge by match: its judgements, p that a wins, and 1 if the verdict flips."""

    def __init__(self, judgements: Sequence[Judgement]) -> None:
        self.judgements: dict[str, list[Judgement]] = {}
        for judgement in judgements:
            self.judgements.setdefault(judgement.pair_id, []).append(judgement)
        self.p = win_credits(judgements) | pair_probabilities(judgements)
        self.flips = pair_flips(judgements)


def _story(
    context: Context, story: _Row, verified: Mapping[tuple[str, str, int, int], bool | None] | None = None
) -> dict[str, Any]:
    """A story and its constraints; ``kept`` is decided by a rule, else by the verifier, else None."""
    constraints = []
    for index, constraint in enumerate(context.constraints):
        kept = satisfied(constraint, story["text"])
        if kept is None and verified:
            kept = verified.get((context.context_id, story["policy"], story["sample"], index))
        constraints.append({"text": instruction(constraint), "kept": kept})
    return {**{name: story[name] for name in ("text", "tokens", "truncated")}, "constraints": constraints}


def _judgements(match: _Row | None, judges: Mapping[str, _JudgeResults], reference: str) -> dict[str, Any]:
    """Each judge's results for a story's match with the reference; empty for the reference itself."""
    if match is None:
        return {}
    side = "b" if match["policy_a"] == reference else "a"
    return {name: _match_results(judge, match["match_id"], side) for name, judge in judges.items()}


def _match_results(judge: _JudgeResults, match: str, side: str) -> dict[str, Any]:
    """A judge's results for a match from the side of the policy's story; ``gain`` is 2p - 1."""
    p_a = judge.p.get(match)
    return {
        "gain": None if p_a is None else (2 * p_a - 1) * (1 if side == "a" else -1),
        "flips": bool(judge.flips.get(match, 0)),
        "orders": [_answer(judgement, side) for judgement in judge.judgements.get(match, [])],
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
    """A context with its stories; judges disagree if one prefers a story and another the reference's."""
    gains = [
        [result["gain"] for result in story["judged"].values() if result["gain"] is not None]
        for story in stories
    ]
    return {
        "id": context.context_id,
        **{name: getattr(context, name) for name in ("domain", "characters", "previous_plot", "outline")},
        "requirements": [instruction(constraint) for constraint in context.constraints],
        "disagree": any(min(known) < 0 < max(known) for known in gains if known),
        "stories": stories,
    }


WITHHELD = "(withheld)"
_PREMISE = ("characters", "previous_plot", "outline")


def without_texts(item: Mapping[str, Any]) -> dict[str, Any]:
    """The item without texts of people and models: outcomes, scores and numbers alone."""
    stories = [
        {
            **_untold(story),
            "training": list(map(_untold, story["training"])),
            "judged": {judge: _without_analyses(result) for judge, result in story["judged"].items()},
        }
        for story in item["stories"]
    ]
    return {**item, **dict.fromkeys(_PREMISE, ""), "requirements": [], "stories": stories}


def _untold(story: Mapping[str, Any]) -> dict[str, Any]:
    """A story without its text, and with numbers for its constraints, whose words may be the story's own."""
    constraints = [
        {"text": f"requirement {number}", "kept": constraint["kept"]}
        for number, constraint in enumerate(story["constraints"], start=1)
    ]
    return {**story, "text": WITHHELD, "constraints": constraints}


def _without_analyses(result: Mapping[str, Any]) -> dict[str, Any]:
    return {**result, "orders": [{**answer, "analysis": ""} for answer in result["orders"]]}
