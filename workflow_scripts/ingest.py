"""Read preference files, quarantine rows that cannot be used, and split by context."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rlcs.config.data import DataConfig
from rlcs.constraints.plugin_kinds import load_kind
from rlcs.constraints.pool import draw_constraints
from rlcs.data.artifacts import QUARANTINE_FILE
from rlcs.data.files import check_premise, columns_of, read_files
from rlcs.data.formats import context_shares_of
from rlcs.data.oddities import count_oddities, one_sided_labels
from rlcs.data.preferences import write_counts, write_preferences
from rlcs.data.reasons import check_share, explain_reasons
from rlcs.data.rows import ContextRow, RawRow
from rlcs.data.source import read_source
from rlcs.data.source_keys import name_keys
from rlcs.data.splits import count_pairs, refuse_empty_splits
from rlcs.data.usable import usable_pairs
from rlcs.data.validation import validate_contexts
from rlcs.data.votes import krippendorff_alpha, mutual_credits, votes_by_pair
from rlcs.errors import InputError
from rlcs.evaluation.statistics import estimate_mean
from rlcs.plugins import KIND_FILES
from rlcs.records import LABELS, SPLITS, Context, Split
from rlcs.stages.manifest import MANIFEST_NAME
from rlcs.stages.stage import Stage, log, run_stage

SHOWN = 5  # quarantined rows in the log

Row = Mapping[str, Any]


def main(stage: Stage) -> None:
    try:
        ingest(stage)
    except InputError as error:
        if "benchmark" not in stage.config:
            raise
        raise InputError(f"{key_of(stage)}: {name_keys(str(error), key_of(stage))}") from error


def key_of(stage: Stage) -> str:
    """The config's key of the source that is read."""
    name = stage.config.get("benchmark")
    return "data" if name is None else f"benchmarks.{name}"


def ingest(stage: Stage) -> None:
    """Make the artifact.

    Raises:
        InputError: the data cannot be read, or too little of it can be used.
    """
    data = DataConfig.model_validate(stage.config["data"])
    for file in data.constraint_kinds.values():
        load_kind(file)
    KIND_FILES.update(data.constraint_kinds)
    with stage.artifact() as folder:
        # the tiny world's manifest stands for its preference file
        files = [
            f.with_name("preferences.jsonl") if f.name == MANIFEST_NAME else f for f in stage.inputs["files"]
        ]
        read = read_source(data, files)
        check_premise(read, lambda: names_of_columns(stage, data))
        rows, left, truncated, usable, taken = usable_pairs(read, data)
        contexts, pairs, annotations, unlabelled, quarantine, alike = taken
        if left:
            log.info("%d rows are left out (leave_out: %s)", left, data.leave_out)
        more, unusable = validate_contexts(
            read_context_rows(stage, data), contexts, context_shares_of(data), data.seed
        )
        contexts = contexts + more
        quarantine = [
            row | {"advice": name_keys(row["advice"], key_of(stage))} for row in [*quarantine, *unusable]
        ]
        QUARANTINE_FILE.write(folder, quarantine)
        rows_read = rows + len(more) + len(unusable)
        write_counts(folder, rows_read)
        log.info(
            "%d rows read, %d used, %d in quarantine", rows_read, rows_read - len(quarantine), len(quarantine)
        )
        if alike:
            log.info(
                "%d of those used are ratings that differ too little for a pair (%s.ratings)",
                alike,
                key_of(stage),
            )
        if truncated and data.story_length:
            log.info("%d stories of more than %d words were cut", truncated, data.story_length.max_words)
        log.info("%d pairs with a label, %d without", len(pairs), len(unlabelled))
        left_out = len(usable.pairs) + len(usable.unlabelled) - len(pairs) - len(unlabelled)
        if left_out:
            log.info("%d usable pairs are left out (data.subset)", left_out)
        log_quarantine(quarantine, key_of(stage))
        check_share(rows_read, quarantine, data.max_quarantine_share, folder / QUARANTINE_FILE.name)
        log_agreement(pairs, annotations)
        log_labels(pairs)
        log_oddities(contexts, [*pairs, *unlabelled])
        needed: tuple[Split, ...] = ("test",) if "benchmark" in stage.config else ("train", "test")
        refuse_empty_splits(contexts, pairs, unlabelled, needed, lambda: describe_columns(stage, data))
        log_splits(contexts, pairs)
        if data.draw_constraints:
            draws = data.draw_constraints
            contexts = draw_constraints(contexts, draws.constraints, draws.max_per_context, data.seed)
        write_preferences(folder, contexts, pairs, annotations, unlabelled, data.constraint_kinds)


def names_of_columns(stage: Stage, data: DataConfig) -> list[str]:
    """The columns of the preference files; none for a data set on a hub and for the tiny world."""
    files = [file for file in stage.inputs["files"] if file.name != MANIFEST_NAME]
    return [] if data.hub is not None else columns_of(files)


def describe_columns(stage: Stage, data: DataConfig) -> str:
    """Name the columns of the preference files, if they are known."""
    names = names_of_columns(stage, data)
    return f"Columns found: {', '.join(names)}" if names else ""


def read_context_rows(stage: Stage, data: DataConfig) -> list[RawRow]:
    """Read all rows of the files of contexts without pairs.

    Raises:
        InputError: they cannot be read.
    """
    fields = list(ContextRow.model_fields)
    try:
        if unknown := data.context_columns.keys() - fields:
            raise ValueError(f"data.context_columns: unknown {sorted(unknown)}; known: {', '.join(fields)}")
        return read_files(stage.inputs["contexts"], data.context_columns, fields, [], "data.context_columns")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the contexts: {error}") from error


def log_splits(contexts: Sequence[Context], pairs: Sequence[Row]) -> None:
    """Log the sizes of the splits."""
    context_counts = Counter(context.split for context in contexts)
    pair_counts = count_pairs(contexts, pairs)
    for split in SPLITS:
        log.info("%s: %d labelled pairs, %d contexts", split, pair_counts[split], context_counts[split])


def log_quarantine(quarantine: Sequence[Row], key: str) -> None:
    """Log how many rows cannot be used by reason with a row each, and the first of all."""
    for line in explain_reasons(quarantine, most=len(quarantine)):
        log.info("quarantine: %s", name_keys(line, key))
    for row in quarantine[:SHOWN]:
        log.info("quarantine: %s line %d: %s", row["file"], row["line"], row["reason"])


def log_oddities(contexts: Sequence[Context], pairs: Sequence[Row]) -> None:
    """Warn of pairs that are used although they may not be what was meant."""
    by_id = {context.context_id: context for context in contexts}
    for kind, count in count_oddities(by_id, pairs).items():
        log.warning("%d of %d pairs that are used have %s", count, len(pairs), kind)


def log_labels(pairs: Sequence[Row]) -> None:
    """Log how often each label was given; warn if one of a and b never was."""
    count = Counter(pair["label"] for pair in pairs)
    log.info("labels: %s", ", ".join(f"{count[label]} {label}" for label in LABELS))
    if warning := one_sided_labels(count):
        log.warning("%s", warning)


def log_agreement(pairs: Sequence[Row], annotations: Sequence[Row]) -> None:
    """Log how far annotators agree with one another on pairs that have several."""
    several = sum(len(labels) > 1 for labels in votes_by_pair(annotations).values())
    if not several:
        log.info("annotators: no pair has several, so their agreement is not known")
        return
    context_of = {pair["pair_id"]: str(pair["context_id"]) for pair in pairs}
    credits = mutual_credits(annotations)
    agree = estimate_mean(credits, context_of, seed=0)
    alpha = krippendorff_alpha(annotations)
    log.info(
        "annotators: %d pairs have several; two of them agree on %.1f %% [%.1f, %.1f], ties one half; "
        "Krippendorff's alpha %s",
        several,
        *(100 * value for value in (agree.value, agree.low, agree.high)),
        "undefined" if alpha is None else f"{alpha:.3f}",
    )


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"files": "*", "contexts": "*"})
