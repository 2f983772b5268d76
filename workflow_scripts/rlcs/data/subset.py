"""Subset of a data set that is larger than a run needs (design choice)."""

from rlcs.config.data import SubsetConfig
from rlcs.data.validation import Validated
from rlcs.records import SPLITS, UNLABELLED, digest


def take_subset(
    data: Validated, subset: SubsetConfig, seed: int, *, whole_contexts: bool = False
) -> Validated:
    """Take the pairs that ``subset`` asks for, all of those that it sets no number for, and their contexts.

    Pairs are drawn in the order of a seeded hash of their context, so that a larger subset contains a
    smaller one. A training pair beyond ``labelled`` becomes one of ``unlabelled``, after those that came
    without a label: its label and its votes are set aside.

    Args:
        whole_contexts: take all pairs of a context or none, for pairs that mean nothing without the others.
    """
    split_of = {context.context_id: context.split for context in data.contexts}
    pairs = sorted(data.pairs, key=lambda pair: digest(seed, pair["context_id"]))
    by_split = {split: [pair for pair in pairs if split_of[pair["context_id"]] == split] for split in SPLITS}
    limits = {"train": subset.labelled, "validation": subset.validation, "test": subset.test}
    kept_ids = {pair["pair_id"] for split in SPLITS for pair in by_split[split][: limits[split]]}
    if whole_contexts:
        cut = {pair["context_id"] for pair in pairs if pair["pair_id"] not in kept_ids}
        kept_ids -= {pair["pair_id"] for pair in pairs if pair["context_id"] in cut}
    kept = [pair for pair in data.pairs if pair["pair_id"] in kept_ids]  # in their own order
    rest = [] if subset.labelled is None else by_split["train"][subset.labelled :]
    set_aside = [{name: pair[name] for name in UNLABELLED.names} for pair in rest]
    unlabelled = (data.unlabelled + set_aside)[: subset.unlabelled]
    used = {pair["context_id"] for pair in kept + unlabelled}
    return data._replace(
        contexts=[context for context in data.contexts if context.context_id in used],
        pairs=kept,
        annotations=[vote for vote in data.annotations if vote["pair_id"] in kept_ids],
        unlabelled=unlabelled,
    )
