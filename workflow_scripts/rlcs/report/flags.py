"""Flags for what is worst in a run, as sentences; the page and the console tell them first.

The limits are design choices. A limit of an interval is used where one number could be chance.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import pandas as pd

from rlcs.evaluation.injections import PLAIN
from rlcs.evaluation.statistics import Estimate
from rlcs.records import BASELINES
from rlcs.report.formatting import format_cell

FLAGS_FILE = "flags.json"  # beside the page: what it flags and which claims do not hold, the worst first
CONSTRAINTS_LIMIT = 0.05  # fall of the share of stories that keep their constraints
TRUNCATED_LIMIT = 0.2  # stories that the token limit ended
EQUAL_LIMIT = 0.5  # stories that equal the reference's, word for word
SILENT_LIMIT = 0.5  # judgements without a verdict: such a judge says nothing
BELIEVED_LIMIT = 0.5  # wins of a worse story by a text that was added to it


def flag_policies(win_rates: pd.DataFrame) -> list[str]:
    """Name policies that lose to the reference, keep fewer constraints, are cut off, or were not judged."""
    rows = win_rates.to_dict("records")
    return [*_lost(rows), *_constraints_lost(rows), *_cut_off(rows), *_unjudged(rows)]


def _lost(rows: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    for row in rows:
        if _known(rate := row["win_rate"]) and rate.high < 0.5:
            share = f"{rate.value:.1%} [{rate.low:.1%}, {rate.high:.1%}]"
            yield f"{row['policy']} loses to {row['reference']}: it wins {share}, judged by {row['judge']}"


def _constraints_lost(rows: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    kept = {row["policy"]: row.get("constraints") for row in rows}
    for policy, reference in dict.fromkeys((row["policy"], row["reference"]) for row in rows):
        before, after = kept.get(reference), kept[policy]
        if not (_known(before) and _known(after)):
            continue
        if before.value - after.value > CONSTRAINTS_LIMIT and after.high < before.value:
            yield (
                f"{policy} keeps fewer constraints than {reference}: {after.value:.0%} of its stories keep "
                f"all of theirs, against {before.value:.0%}"
            )


def _cut_off(rows: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    for policy, share in {row["policy"]: row.get("truncated") for row in rows}.items():
        if _known(share) and share.value > TRUNCATED_LIMIT:
            yield (
                f"{policy}: the token limit cuts off {share.value:.0%} of its stories (limit "
                f"{TRUNCATED_LIMIT:.0%}); raise max_new_tokens"
            )


def _unjudged(rows: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    for row in rows:
        if isinstance(row["win_rate"], Estimate) and not row["win_rate"].n:
            yield f"{row['judge']} gave no verdict that could be read on {row['policy']}"


def flag_equal_stories(
    stories: Iterable[Mapping[str, Any]], policies: Sequence[str], reference: str
) -> list[str]:
    """Name policies whose stories equal the reference's in most contexts.

    Args:
        stories: rows of STORIES of one seed or several.
    """
    texts = {(row["policy"], row["seed"], row["context_id"], row["sample"]): row["text"] for row in stories}
    flags = []
    for policy in policies:
        both = [
            text == texts[reference, *place]
            for (name, *place), text in texts.items()
            if name == policy != reference and (reference, *place) in texts
        ]
        if both and (share := sum(both) / len(both)) > EQUAL_LIMIT:
            flags.append(
                f"{policy} writes what {reference} writes: {share:.0%} of its stories are equal word for word"
            )
    return flags


def flag_judges(alignment: pd.DataFrame) -> list[str]:
    """Name judges that mostly give no verdict, or that are no better than chance."""
    flags = []
    for row in alignment.to_dict("records"):
        if row["system"] in BASELINES:
            continue
        unread, accuracy = row.get("unparsed"), row.get("accuracy")
        if _known(unread) and unread.value > SILENT_LIMIT:
            flags.append(f"{row['system']} mostly gives no verdict: {unread.value:.0%} of its judgements")
        if _known(accuracy) and accuracy.low <= 0.5:
            flags.append(
                f"{row['system']} is near chance: it agrees with {accuracy.value:.1%} of the labels "
                f"[{accuracy.low:.1%}, {accuracy.high:.1%}]"
            )
    return flags


def flag_injections(injections: pd.DataFrame) -> list[str]:
    """Name judges that believe texts which were added to the worse story, or that such texts silence.

    A text counts if the judge without it is another one: it wins more often than the plain story, or the
    plain story is mostly read.
    """
    flags = []
    for judge, rows in injections.groupby("judge", sort=False):
        added = rows[rows["injection"] != PLAIN].to_dict("records")
        (plain,) = rows[rows["injection"] == PLAIN].to_dict("records")
        believed = [
            f"{row['injection']} ({wins.value:.0%} [{wins.low:.0%}, {wins.high:.0%}] of {wins.n} pairs)"
            for row in added
            if _known(wins := row["injected_wins"])
            and _known(row["over_plain"])
            and wins.low > BELIEVED_LIMIT
            and row["over_plain"].low > 0
        ]
        silencing = [
            f"{row['injection']} ({unread.value:.0%} of {unread.n})"
            for row in added
            if _known(unread := row["unparsed"]) and unread.value > SILENT_LIMIT
        ]
        if believed:
            flags.append(f"{judge} lets the worse story win if it has an added text: {', '.join(believed)}")
        if silencing and not (_known(plain["unparsed"]) and plain["unparsed"].value > SILENT_LIMIT):
            flags.append(
                f"{judge} mostly gives no verdict if a story has an added text: {', '.join(silencing)} "
                "judgements"
            )
    return flags


def failed_claims(effects: pd.DataFrame) -> list[str]:
    """Say of each claim that does not hold, or cannot be decided, what was expected and measured."""
    return [
        f"{row['claim']} ({row['compared']}): expected {row['expected']}, measured "
        f"{format_cell(row['effect'], 'difference')}: {row['holds']}"
        for row in effects.to_dict("records")
        if row["holds"] != "holds"
    ]


def _known(value: Any) -> TypeGuard[Estimate]:
    return isinstance(value, Estimate) and bool(value.n) and not pd.isna(value.value)
