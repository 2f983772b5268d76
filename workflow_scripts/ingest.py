"""Read preference files, quarantine rows that cannot be used, and split by context."""

from __future__ import annotations

from rlcs import stage
from rlcs.entries import Data
from rlcs.ingest import TooManyBadRows, check_share, summary, validate
from rlcs.manifest import NAME
from rlcs.preference_files import read_file
from rlcs.records import PAIRS, QUARANTINE, SPLITS, UNLABELLED, pairs_of_split, write_contexts, write_rows

SHOWN = 5


def main(this: stage.Stage) -> None:
    data = Data.model_validate(this.config["data"])
    with this.artifact() as folder:
        rows = []
        for file in this.inputs["files"]:
            # the tiny world's manifest stands for its preference file
            path = file.with_name("preferences.jsonl") if file.name == NAME else file
            try:
                rows += list(read_file(path, data.columns))
            except (OSError, ValueError) as error:
                raise stage.InputError(f"cannot read {path}: {error}") from error
        splits = {split: getattr(data.splits, split) for split in SPLITS}
        contexts, pairs, unlabelled, quarantine = validate(rows, splits, data.seed)
        write_rows(folder / "quarantine.parquet", quarantine, QUARANTINE)
        used = len(pairs) + len(unlabelled)
        stage.log.info("%d rows read, %d used, %d in quarantine", len(rows), used, len(quarantine))
        stage.log.info("%d pairs with a label, %d without", len(pairs), len(unlabelled))
        for reason, count in summary(quarantine).items():
            stage.log.info("quarantine: %d x %s", count, reason)
        for row in quarantine[:SHOWN]:
            stage.log.info("quarantine: %s line %d: %s", row["file"], row["line"], row["reason"])
        try:
            check_share(len(rows), quarantine, data.max_quarantine_share, folder / "quarantine.parquet")
        except TooManyBadRows as error:
            raise stage.InputError(str(error)) from error
        by_id = {context.context_id: context for context in contexts}
        for split in ("train", "test"):
            if not any(context.split == split for context in contexts):
                raise stage.InputError(
                    f"{len(contexts)} contexts, none of them in the split {split!r}: bring more contexts, "
                    f"or change data.splits"
                )
            if not pairs_of_split(pairs, by_id, split):
                raise stage.InputError(
                    f"{len(pairs)} of {used} pairs have a label, none of them in the split {split!r}: bring "
                    f"labelled pairs, or name the label's column in data.columns"
                )
        write_contexts(folder / "contexts.parquet", contexts)
        write_rows(folder / "pairs.parquet", pairs, PAIRS)
        write_rows(folder / "unlabelled.parquet", unlabelled, UNLABELLED)


if __name__ == "__main__":
    stage.run(main, __file__, many=["files"])
