"""Policies against a reference policy by the people who read the blind sheet."""

from rlcs.data.artifacts import ANNOTATIONS_FILE, KEY_FILE, SHEET_PAIRS_FILE
from rlcs.data.blind_sheet import read_votes
from rlcs.data.files import read_file
from rlcs.errors import InputError
from rlcs.evaluation.human import human_win_rate_table
from rlcs.report.formatting import write_tables
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    sheet = stage.folder("sheet")
    rows = [row for file in stage.inputs["annotations"] for row in read_file(file)]
    votes = read_votes(rows, SHEET_PAIRS_FILE.read(sheet))
    if not votes:
        raise InputError("the annotations have no rows: save them from the sheet, or leave out the files")
    log.info("%d rows, %d votes", len(rows), len(votes))
    with stage.artifact() as folder:
        frame = human_win_rate_table(
            votes, KEY_FILE.read(sheet), stage.config["policies"], stage.config["reference"], seed=stage.seed
        )
        write_tables({"human_win_rates": frame}, folder, stage.config["synthetic"])
        ANNOTATIONS_FILE.write(folder, votes)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"sheet": 1, "annotations": "+"})
