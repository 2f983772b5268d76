"""Read preference files, quarantine rows that cannot be used, and split by context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rlcs import errors
from rlcs.config.data import DataConfig
from rlcs.constraints.pool import draw_constraints
from rlcs.data.files import read_file
from rlcs.data.formats import fields_of, shares_of, validated_pairs
from rlcs.data.preferences import pairs_of_split
from rlcs.data.rows import ContextRow, RawRow
from rlcs.data.story_length import within_words
from rlcs.data.subset import take_subset
from rlcs.data.validation import TooManyBadRows, check_share, further_contexts, summary
from rlcs.data.votes import krippendorff_alpha, mutual_credits, votes_by_pair
from rlcs.evaluation.statistics import bootstrap_mean
from rlcs.records import (
    ANNOTATIONS,
    LABELS,
    PAIRS,
    QUARANTINE,
    SPLITS,
    UNLABELLED,
    write_contexts,
    write_rows,
)
from rlcs.stages.manifest import MANIFEST_NAME
from rlcs.stages.stage import Stage, log, run_stage

SHOWN = 5


def main(stage: Stage) -> None:
    data = DataConfig.model_validate(stage.config["data"])
    with stage.artifact() as folder:
        rows, cuts = within_words(read_rows_of(stage, data), data.story_length)
        found = validated_pairs(rows, data)
        contexts, pairs, annotations, unlabelled, quarantine = take_subset(found, data.subset, data.seed)
        more, unusable = further_contexts(read_contexts_of(stage), contexts, shares_of(data), data.seed)
        contexts, quarantine = contexts + more, quarantine + unusable
        write_rows(folder / "quarantine.parquet", quarantine, QUARANTINE)
        read = len(rows) + len(more) + len(unusable)
        used = read - len(quarantine)
        log.info("%d rows read, %d used, %d in quarantine", read, used, len(quarantine))
        if cuts and data.story_length:
            log.info("%d stories of more than %d words were cut", cuts, data.story_length.max_words)
        log.info("%d pairs with a label, %d without", len(pairs), len(unlabelled))
        left_out = len(found.pairs) + len(found.unlabelled) - len(pairs) - len(unlabelled)
        if left_out:
            log.info("%d usable pairs are left out (data.subset)", left_out)
        for reason, count in summary(quarantine).items():
            log.info("quarantine: %d x %s", count, reason)
        for row in quarantine[:SHOWN]:
            log.info("quarantine: %s line %d: %s", row["file"], row["line"], row["reason"])
        try:
            check_share(read, quarantine, data.max_quarantine_share, folder / "quarantine.parquet")
        except TooManyBadRows as error:
            raise errors.InputError(str(error)) from error
        tell_agreement(pairs, annotations)
        tell_labels(pairs)
        if data.draw_constraints:
            draws = data.draw_constraints
            contexts = draw_constraints(contexts, draws.constraints, draws.max_per_context, data.seed)
        by_id = {context.context_id: context for context in contexts}
        for split in ("train", "test"):
            if not any(context.split == split for context in contexts):
                raise errors.InputError(
                    f"{len(contexts)} contexts, none of them in the split {split!r}: bring more contexts, "
                    f"or change data.splits"
                )
            if not pairs_of_split(pairs, by_id, split):
                raise errors.InputError(
                    f"{len(pairs)} of {len(pairs) + len(unlabelled)} pairs have a label, none of them in the "
                    f"split {split!r}: bring labelled pairs, or name the label's column in data.columns"
                )
        for split in SPLITS:
            inside = [pair for pair in pairs if by_id[pair["context_id"]].split == split]
            where = sum(context.split == split for context in contexts)
            log.info("%s: %d labelled pairs, %d contexts", split, len(inside), where)
        write_contexts(folder / "contexts.parquet", contexts)
        write_rows(folder / "pairs.parquet", pairs, PAIRS)
        write_rows(folder / "annotations.parquet", annotations, ANNOTATIONS)
        write_rows(folder / "unlabelled.parquet", unlabelled, UNLABELLED)


def read_rows_of(stage: Stage, data: DataConfig) -> list[RawRow]:
    """All rows of the files or of the data set on a hub."""
    try:
        fields = fields_of(data)
        if data.hub is not None:
            from rlcs.data.hub import (
                read_hub,
                with_revision,  # with its library: seconds that files are spared
            )

            hub = with_revision(data.hub)
            if hub != data.hub:
                log.info("%s: read at %s; name it in data.hub.revision", hub.name, hub.revision)
            return list(read_hub(hub, data.columns, fields))
        # the tiny world's manifest stands for its preference file
        files = [
            f.with_name("preferences.jsonl") if f.name == MANIFEST_NAME else f for f in stage.inputs["files"]
        ]
        return [row for file in files for row in read_file(file, data.columns, fields)]
    except (OSError, ValueError) as error:
        raise errors.InputError(f"cannot read the preferences: {error}") from error


def read_contexts_of(stage: Stage) -> list[RawRow]:
    """All rows of the files of contexts without pairs."""
    fields = list(ContextRow.model_fields)
    try:
        return [row for file in stage.inputs["contexts"] for row in read_file(file, None, fields)]
    except (OSError, ValueError) as error:
        raise errors.InputError(f"cannot read the contexts: {error}") from error


def tell_labels(pairs: Sequence[Mapping[str, Any]]) -> None:
    """How often each label was given; a warning where one of a and b never was."""
    count = Counter(pair["label"] for pair in pairs)
    log.info("labels: %s", ", ".join(f"{count[label]} {label}" for label in LABELS))
    preferred = [label for label in ("a", "b") if count[label]]
    if len(preferred) == 1:
        chosen = preferred[0]
        other = "b" if chosen == "a" else "a"
        log.warning(
            "every label prefers story %s. Where that is how the file was written, the preferred story "
            "first, say so: data: {format: chosen_rejected, columns: {chosen: story_%s, rejected: story_%s}}",
            *(chosen, chosen, other),
        )


def tell_agreement(pairs: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]]) -> None:
    """How far annotators agree with one another, where pairs have several."""
    several = sum(len(labels) > 1 for labels in votes_by_pair(annotations).values())
    if not several:
        log.info("annotators: no pair has several, so their agreement is not known")
        return
    context_of = {pair["pair_id"]: str(pair["context_id"]) for pair in pairs}
    credits = mutual_credits(annotations)
    agree = bootstrap_mean(list(credits.values()), [context_of[pair] for pair in credits], seed=0)
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
