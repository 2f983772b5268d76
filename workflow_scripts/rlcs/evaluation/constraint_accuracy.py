"""The tables of constraints: how many are kept, strictly and loosely, by prompt and by instruction (IFEval).

Pure functions from records to frames, as in ``tables``. Prompt level: all constraints of a text are kept; a
text with one that could not be verified counts only where another one is broken. Instruction level: each
constraint by itself. Loose: any of ``registry.variants`` of the text may keep it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rlcs import text as texts
from rlcs.constraints.ifeval import Prompt
from rlcs.constraints.registry import all_satisfied, loosely_satisfied, satisfied
from rlcs.evaluation.judgements import MatchResult, Row, wins
from rlcs.evaluation.statistics import Estimate, bootstrap_mean
from rlcs.judging.credits import win_credits
from rlcs.records import Constraint, Context, Judgement

StoryKey = tuple[str, int, str, int]
"""Policy, seed, context id and sample of a story."""


@dataclass(frozen=True)
class Checked:
    """A text's constraints, each strict and loose; None where it could not be verified."""

    cluster: str
    strict: list[bool | None]
    loose: list[bool | None]
    words: int


def checked(
    cluster: str, text: str, constraints: Sequence[Constraint], verified: Mapping[int, bool | None]
) -> Checked:
    """A text's checks.

    Args:
        verified: what a verifier model said, by the constraint's place; it stands in both columns.
    """
    return Checked(
        cluster,
        [_known(satisfied(c, text), verified.get(place)) for place, c in enumerate(constraints)],
        [_known(loosely_satisfied(c, text), verified.get(place)) for place, c in enumerate(constraints)],
        len(texts.words(text)),
    )


def _known(by_rule: bool | None, by_model: bool | None) -> bool | None:
    return by_model if by_rule is None else by_rule


def accuracies(of: Sequence[Checked], seed: int) -> dict[str, Estimate]:
    """The four accuracies, with intervals over clusters; texts without constraints are left out."""

    def mean(values: Sequence[tuple[bool | None, str]]) -> Estimate:
        known = [(float(value), cluster) for value, cluster in values if value is not None]
        return bootstrap_mean(known, seed=seed)

    some = [one for one in of if one.strict]
    return {
        "prompt_strict": mean([(all_satisfied(one.strict), one.cluster) for one in some]),
        "prompt_loose": mean([(all_satisfied(one.loose), one.cluster) for one in some]),
        "instruction_strict": mean([(check, one.cluster) for one in some for check in one.strict]),
        "instruction_loose": mean([(check, one.cluster) for one in some for check in one.loose]),
    }


def _mean_words(of: Sequence[Checked], seed: int) -> Estimate:
    return bootstrap_mean([(float(text.words), text.cluster) for text in of], seed=seed)


def constraint_table(
    stories: Sequence[Row],
    contexts: Mapping[str, Context],
    verified: Mapping[StoryKey, Mapping[int, bool | None]],
    matches: Sequence[Row],
    judgements: Mapping[int, Sequence[Judgement]],
    paper: Mapping[str, float],
    *,
    policies: Sequence[str],
    reference: str,
    judge: str,
    seed: int,
) -> pd.DataFrame:
    """Policies by the constraints that their stories keep, next to length and quality.

    Args:
        stories: rows of STORIES of all policies and seeds.
        verified: what the verifier said of constraints that no rule can check, by story.
        matches: rows of MATCHES, the same for every seed.
        judgements: of the matches, by seed, all by ``judge``.
        paper: the paper's constraint accuracy by policy, in per cent.
        policies: in the table's order; one that played no match against ``reference`` has no win rate.
    """
    checks: dict[StoryKey, Checked] = {}
    for story in stories:
        if story["policy"] in (*policies, reference):
            key = _key(story["policy"], story["seed"], story)
            constraints = contexts[story["context_id"]].constraints
            checks[key] = checked(story["context_id"], story["text"], constraints, verified.get(key, {}))
    compliant = {key for key, of in checks.items() if all_satisfied(of.strict)}
    credits = {number: win_credits(of_seed) for number, of_seed in judgements.items()}
    rows = []
    for policy in policies:
        own = [of for key, of in checks.items() if key[0] == policy]
        every = [check for of in own for check in of.strict]
        won = wins(matches, credits, policy, reference)
        both = [
            result
            for result in won
            if {_key(side, result.seed, result.match) for side in (policy, reference)} <= compliant
        ]
        rows.append(
            {
                "policy": policy,
                "stories": len(own),
                **accuracies(own, seed),
                "paper": paper.get(policy),
                "unverified": every.count(None) / len(every) if every else None,
                "words": _mean_words(own, seed),
                "judge": judge,
                "reference": reference,
                "win_rate": _rate(won, seed),
                "win_rate_compliant": _rate(both, seed),
            }
        )
    return pd.DataFrame(rows, dtype=object)


def _key(policy: str, seed: int, row: Row) -> StoryKey:
    return policy, seed, str(row["context_id"]), int(row["sample"])


def _rate(won: Sequence[MatchResult], seed: int) -> Estimate | None:
    if not won:
        return None
    return bootstrap_mean([(result.value, result.context_id) for result in won], seed=seed)


def instruction_table(
    prompts: Sequence[Prompt], responses: Sequence[Row], *, policies: Sequence[str], seed: int
) -> pd.DataFrame:
    """Policies by the instructions that they follow.

    A prompt with an instruction that is no constraint of ours has no prompt-level result; its other
    instructions count at instruction level.

    Args:
        responses: rows of RESPONSES of all policies and seeds.
    """
    by_key = {prompt.key: prompt for prompt in prompts}
    unsupported = sum(constraint is None for prompt in prompts for _, constraint in prompt.constraints)
    rows = []
    for policy in policies:
        own = [_followed(by_key[row["key"]], row["text"]) for row in responses if row["policy"] == policy]
        by_prompt = accuracies([of for of, supported in own if supported], seed)
        by_instruction = accuracies([of for of, _ in own], seed)
        rows.append(
            {
                "policy": policy,
                "prompts": len(prompts),
                **{name: value for name, value in by_prompt.items() if name.startswith("prompt")},
                **{name: value for name, value in by_instruction.items() if name.startswith("instruction")},
                "unsupported": unsupported,
                "words": _mean_words([of for of, _ in own], seed),
            }
        )
    return pd.DataFrame(rows, dtype=object)


def _followed(prompt: Prompt, text: str) -> tuple[Checked, bool]:
    """The supported instructions' checks, and whether they are all of the prompt's."""
    known = [constraint for _, constraint in prompt.constraints if constraint is not None]
    return checked(prompt.key, text, known, {}), len(known) == len(prompt.constraints)
