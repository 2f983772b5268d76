"""Policies against a reference policy by the people who read the blind sheet."""

from __future__ import annotations

from rlcs import errors
from rlcs.data.blind_sheet import votes_of
from rlcs.data.files import read_file
from rlcs.evaluation.human import human_win_rate_table
from rlcs.records import ANNOTATIONS, MATCHES, UNLABELLED, read_rows, write_rows
from rlcs.report.captions import TABLES
from rlcs.report.formatting import write_table
from rlcs.stages import stage

SEED = 0  # of the bootstrap


def main(this: stage.Stage) -> None:
    sheet = this.folder("sheet")
    try:
        rows = [row for file in this.inputs["annotations"] for row in read_file(file)]
        votes = votes_of(rows, read_rows(sheet / "pairs.parquet", UNLABELLED))
    except ValueError as error:
        raise errors.InputError(str(error)) from error
    if not votes:
        raise errors.InputError(
            "the annotations have no rows: save them from the sheet, or leave out the files"
        )
    stage.log.info("%d rows, %d votes", len(rows), len(votes))
    with this.artifact() as folder:
        frame = human_win_rate_table(
            votes,
            read_rows(sheet / "key.parquet", MATCHES),
            this.config["policies"],
            this.config["reference"],
            seed=SEED,
        )
        write_table(
            frame, folder, "human_win_rates", TABLES["human_win_rates"].text, this.config["synthetic"]
        )
        write_rows(folder / "annotations.parquet", votes, ANNOTATIONS)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["sheet"], many=["annotations"])
