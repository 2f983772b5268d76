"""Tables of constraint accuracy, strict and loose, by prompt and by instruction (IFEval, arXiv 2311.07911).

Pure functions from records to frames, as in ``win_rates``. Prompt level: all constraints of a text are
satisfied; a text with a constraint that could not be verified counts only if another one is violated.
Instruction level: each constraint by itself. Loose: any of ``registry.variants`` of the text may satisfy it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rlcs import text as texts
from rlcs.constraints.ifeval import Prompt
from rlcs.constraints.registry import all_satisfied, loosely_satisfied, satisfied
from rlcs.evaluation.crossed import estimate_items, share_of_items
from rlcs.evaluation.judgements import MatchResult, wins
from rlcs.evaluation.statistics import Estimate
from rlcs.evaluation.truncation import truncated_by_policy
from rlcs.judging.credits import win_credits
from rlcs.records import Constraint, Context, Judgement, Row

StoryKey = tuple[str, int, str, int]
"""Policy, seed, context id and sample of a story."""


@dataclass(frozen=True)
class VerifiedText:
    """Verified constraints of a text, strict and loose; None for those that could not be verified."""

    cluster: str
    seed: int
    strict: list[bool | None]
    loose: list[bool | None]
    words: int


def verify_text(
    cluster: str,
    seed: int,
    text: str,
    constraints: Sequence[Constraint],
    verified: Mapping[int, bool | None],
) -> VerifiedText:
    """Verify a text's constraints by rules, and by a verifier model's answers if no rule can tell.

    Args:
        cluster: the context or the prompt, a unit of the intervals.
        seed: of the policy that wrote the text, the other unit.
        verified: a verifier model's answers by the constraint's index; they count strictly and loosely.
    """
    return VerifiedText(
        cluster,
        seed,
        [_known(satisfied(c, text), verified.get(index)) for index, c in enumerate(constraints)],
        [_known(loosely_satisfied(c, text), verified.get(index)) for index, c in enumerate(constraints)],
        texts.word_count(text),
    )


def _known(by_rule: bool | None, by_model: bool | None) -> bool | None:
    return by_model if by_rule is None else by_rule


def constraint_accuracies(verified: Sequence[VerifiedText], seed: int) -> dict[str, Estimate]:
    """The four accuracies with intervals; texts without constraints are left out."""

    def mean(values: Sequence[tuple[bool | None, VerifiedText]]) -> Estimate:
        known = [(float(value), text.seed, text.cluster) for value, text in values if value is not None]
        return share_of_items(known, seed=seed)

    texts_with_any = [text for text in verified if text.strict]
    return {
        "prompt_strict": mean([(all_satisfied(text.strict), text) for text in texts_with_any]),
        "prompt_loose": mean([(all_satisfied(text.loose), text) for text in texts_with_any]),
        "instruction_strict": mean([(check, text) for text in texts_with_any for check in text.strict]),
        "instruction_loose": mean([(check, text) for text in texts_with_any for check in text.loose]),
    }


def _mean_words(verified: Sequence[VerifiedText], seed: int) -> Estimate:
    return estimate_items([(float(text.words), text.seed, text.cluster) for text in verified], seed=seed)


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
    """Constraint accuracy of each policy's stories, beside their length and quality.

    A truncated story counts by what is there.

    Args:
        stories: rows of STORIES of all policies and seeds.
        verified: a verifier model's answers on constraints that no rule can check, by story and index.
        matches: rows of MATCHES, the same for every seed.
        judgements: of the matches, by seed, all by ``judge``.
        paper: the paper's constraint accuracy by policy, in per cent.
        policies: in the table's order; one that played no match against ``reference`` has no win rate.
    """
    checks: dict[StoryKey, VerifiedText] = {}
    for story in stories:
        if story["policy"] in (*policies, reference):
            key = _key(story["policy"], story["seed"], story)
            constraints = contexts[story["context_id"]].constraints
            checks[key] = verify_text(
                story["context_id"], story["seed"], story["text"], constraints, verified.get(key, {})
            )
    compliant = {key for key, text in checks.items() if all_satisfied(text.strict)}
    credits = {number: win_credits(of_seed) for number, of_seed in judgements.items()}
    truncated = truncated_by_policy(stories, policies, seed=seed)
    rows = []
    for policy in policies:
        written = [text for key, text in checks.items() if key[0] == policy]
        strict = [check for text in written for check in text.strict]
        won = wins(matches, credits, policy, reference)
        both = [
            result
            for result in won
            if {_key(side, result.seed, result.match) for side in (policy, reference)} <= compliant
        ]
        rows.append(
            {
                "policy": policy,
                "stories": len(written),
                **constraint_accuracies(written, seed),
                "paper": paper.get(policy),
                "unverified": strict.count(None) / len(strict) if strict else None,
                "words": _mean_words(written, seed),
                "truncated": truncated[policy],
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
    return share_of_items([(result.value, result.seed, result.context_id) for result in won], seed=seed)


def instruction_table(
    prompts: Sequence[Prompt],
    responses: Sequence[Row],
    *,
    policies: Sequence[str],
    paper: Mapping[str, float],
    seed: int,
) -> pd.DataFrame:
    """Share of instructions that each policy's responses follow.

    A prompt with an unsupported instruction, one that IFEval does not have, has no prompt-level result; its
    other instructions count at instruction level.

    Args:
        responses: rows of RESPONSES of all policies and seeds; a prompt without an answer does not count.
        paper: the paper's figure by policy, in per cent; it does not say of which of IFEval's measures.
    """
    by_key = {prompt.key: prompt for prompt in prompts}
    unsupported = sum(constraint is None for prompt in prompts for _, constraint in prompt.constraints)
    truncated = truncated_by_policy(responses, policies, seed=seed, unit="key")
    rows = []
    for policy in policies:
        followed = [
            _followed(by_key[row["key"]], row["seed"], row["text"])
            for row in responses
            if row["policy"] == policy
        ]
        by_prompt = constraint_accuracies([text for text, supported in followed if supported], seed)
        by_instruction = constraint_accuracies([text for text, _ in followed], seed)
        rows.append(
            {
                "policy": policy,
                "prompts": len({row["key"] for row in responses if row["policy"] == policy}),
                **{name: value for name, value in by_prompt.items() if name.startswith("prompt")},
                **{name: value for name, value in by_instruction.items() if name.startswith("instruction")},
                "paper": paper.get(policy),
                "unsupported": unsupported,
                "words": _mean_words([text for text, _ in followed], seed),
                "truncated": truncated[policy],
            }
        )
    return pd.DataFrame(rows, dtype=object)


def _followed(prompt: Prompt, seed: int, text: str) -> tuple[VerifiedText, bool]:
    """The verified supported instructions, and whether they are all of the prompt's."""
    known = [constraint for _, constraint in prompt.constraints if constraint is not None]
    return verify_text(prompt.key, seed, text, known, {}), len(known) == len(prompt.constraints)
