"""Alignment tables: judges against the labels of held-out pairs, in all, by domain and by cohort.

Pure functions from records to frames, as in ``win_rates``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from rlcs.evaluation import calibration
from rlcs.evaluation.baselines import Baselines
from rlcs.evaluation.crossed import (
    BySeed,
    difference_by_seed,
    share_by_seed,
    share_of_items,
)
from rlcs.evaluation.judgements import Judged
from rlcs.evaluation.statistics import Difference, Estimate, estimate_mean, mean_or_none
from rlcs.judging.credits import (
    both_orders_credits,
    first_position_share,
    pair_credits,
    pair_flips,
    tie_share,
    truncated_answer_share,
    unparsed_share,
)
from rlcs.records import BASELINES, LENGTH, PEOPLE, Context, Judgement, Row


def alignment_table(
    judgements: Judged,
    pairs: Sequence[Row],
    baselines: Baselines,
    paper: Mapping[str, float],
    *,
    seed: int,
    reward_model: str | None = None,
    calls: Mapping[str, int] = MappingProxyType({}),
    people: Mapping[str, float] = MappingProxyType({}),
) -> pd.DataFrame:
    """Compare judges, then baselines (length, sentence length, majority), with the labels of held-out pairs.

    Args:
        judgements: in the table's order; with several seeds, seeds and contexts are units.
        pairs: held-out rows of PAIRS.
        baselines: fitted on training pairs.
        paper: the paper's accuracy by judge, in per cent.
        seed: of the bootstrap and the paired tests of a judge with one seed.
        reward_model: name of the Bradley-Terry judge that all others are compared with.
        calls: answers per judgement of each judge that gives any.
        people: by pair id, the accuracy of its annotators as judges of one another, the ceiling; it is the
            last row.

    Raises:
        ValueError: a judged pair is not in ``pairs``.
    """
    context_of = {pair["pair_id"]: str(pair["context_id"]) for pair in pairs}
    labels = {pair["pair_id"]: pair["label"] for pair in pairs}
    systems = {**judgements, **{name: {0: said} for name, said in baselines.judgements(pairs).items()}}
    credits: dict[str, BySeed] = {
        name: {number: pair_credits(judged, labels) for number, judged in seeds.items()}
        for name, seeds in systems.items()
    }

    def difference(name: str, other: str) -> Difference:
        return difference_by_seed(credits[name], credits[other], context_of, seed)

    def rate(by_seed: BySeed) -> Estimate:
        return share_by_seed(by_seed, context_of, seed)

    def share(of: Callable[[Sequence[Judgement]], float | None], name: str) -> Estimate:
        """Mean of ``of`` over single judgements, which is its value over all of them, and an interval."""
        rows = [
            (value, number, context_of[judgement.pair_id])
            for number, judgements in systems[name].items()
            for judgement in judgements
            if (value := of([judgement])) is not None
        ]
        return share_of_items(rows, seed=seed)

    rows = []
    above: str | None = None
    for name, seeds in systems.items():
        flips = {number: pair_flips(judged) for number, judged in seeds.items()}
        step = difference(name, above) if above is not None and name not in BASELINES else None
        over_bt = None
        if reward_model in systems and name not in (*BASELINES, reward_model):
            over_bt = difference(name, reward_model)
        errors = [calibration.calibration_error(judged, labels) for judged in seeds.values()]
        tokens = [judgement.tokens for judged in seeds.values() for judgement in judged]
        accuracy = rate(credits[name])
        with_unread = {
            number: pair_credits(map(unread_as_tie, judged), labels) for number, judged in seeds.items()
        }
        has_p = any(judgement.p_a is not None for judged in seeds.values() for judgement in judged)
        both_orders = {number: both_orders_credits(judged, labels) for number, judged in seeds.items()}
        rows.append(
            {
                "system": name,
                "pairs": accuracy.n,
                "accuracy": accuracy,
                "accuracy_both_orders": rate(both_orders) if has_p else None,
                "accuracy_unread": rate(with_unread),
                "paper": paper.get(name),
                "difference": step,
                "p_value": None if step is None else step.p_value,
                "over_bt": over_bt,
                "p_over_bt": None if over_bt is None else over_bt.p_value,
                "over_length": None if name in BASELINES else difference(name, LENGTH),
                "flip_rate": rate(flips),
                "first_share": share(first_position_share, name),
                "ties": share(tie_share, name),
                "unparsed": share(unparsed_share, name),
                "truncated_answers": share(truncated_answer_share, name),
                "ece": mean_or_none([error for error in errors if error is not None]),
                "calls": calls.get(name),
                "tokens": mean_or_none(tokens) if name in calls else None,
            }
        )
        above = name
    if known := {pair: value for pair, value in people.items() if pair in context_of}:
        agreement = estimate_mean(known, context_of, seed)
        people_row = {"system": PEOPLE, "pairs": agreement.n, "accuracy": agreement}
        rows.append({**dict.fromkeys(rows[0]), "paper": paper.get(PEOPLE), **people_row})
    return pd.DataFrame(rows, dtype=object)


def unread_as_tie(judgement: Judgement) -> Judgement:
    """The judgement, with a tie for a verdict that could not be read: it is worth one half."""
    return replace(judgement, verdict="tie") if judgement.verdict == "none" else judgement


def alignment_by_domain_table(
    judgements: Judged,
    pairs: Sequence[Row],
    contexts: Mapping[str, Context],
    baselines: Baselines,
    *,
    seed: int,
) -> pd.DataFrame:
    """Alignment of each domain by itself."""
    group_of = {pair["pair_id"]: contexts[pair["context_id"]].domain for pair in pairs}
    return alignment_by_group_table(judgements, pairs, "domain", group_of, baselines, seed=seed)


def transfer_table(by_group: pd.DataFrame, trained_on: Mapping[str, str], column: str) -> pd.DataFrame:
    """Tabulate what a judge was trained on by what it is tested on.

    Args:
        by_group: of ``alignment_by_group_table``; its first column has the groups.
        trained_on: by judge, in the table's order.
        column: start of the name of a group's column, which holds the accuracy.
    """
    groups = list(dict.fromkeys(by_group.iloc[:, 0]))
    systems = set(by_group["system"])
    cell = {(row.iloc[0], row["system"]): row["accuracy"] for _, row in by_group.iterrows()}
    rows = [
        {"system": judge, "trained_on": pairs}
        | {column + group: cell.get((group, judge)) for group in groups}
        for judge, pairs in {**trained_on, PEOPLE: None}.items()
        if judge in systems
    ]
    return pd.DataFrame(rows, dtype=object)


def alignment_by_group_table(
    judgements: Judged,
    pairs: Sequence[Row],
    title: str,
    group_of: Mapping[str, str | None],
    baselines: Baselines,
    *,
    seed: int,
    people: Mapping[str, Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    """Alignment of each group by itself; the baselines are those of all training pairs.

    Args:
        title: name of the column that holds the group.
        group_of: group by pair id; a pair whose group is None is left out.
        people: by group, as in ``alignment_table``: how far people of the group agree with one another.
    """
    groups: dict[str, list[Row]] = {}
    for pair in pairs:
        if (group := group_of[pair["pair_id"]]) is not None:
            groups.setdefault(group, []).append(pair)
    tables = []
    for group in sorted(groups):
        inside = {pair["pair_id"] for pair in groups[group]}
        judged = {
            name: {
                number: [judgement for judgement in of_seed if judgement.pair_id in inside]
                for number, of_seed in seeds.items()
            }
            for name, seeds in judgements.items()
        }
        credits = (people or {}).get(group, {})
        table = alignment_table(judged, groups[group], baselines, {}, seed=seed, people=credits)
        table.insert(0, title, group)
        tables.append(table[[title, "system", "pairs", "accuracy", "over_length", "flip_rate"]])
    return pd.concat(tables, ignore_index=True)
