"""Write a blind sheet on which people compare stories, its form for Label Studio and Argilla, and the key."""

import json

from rlcs.constraints.registry import instruction
from rlcs.data import argilla, label_studio
from rlcs.data.artifacts import KEY_FILE, SHEET_PAIRS_FILE, STORIES_FILE
from rlcs.data.blind_sheet import draw_blind_pairs, to_preference_row
from rlcs.data.matches import texts_of, truncated_of
from rlcs.data.preferences import Preferences
from rlcs.records import digest
from rlcs.report.html import fill_template
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    config = stage.config
    contexts = Preferences(stage.folder("preferences")).contexts
    stories = STORIES_FILE.read(*stage.folders("stories"))
    key, pairs = draw_blind_pairs(
        texts_of(stories),
        config["policies"],
        config["reference"],
        config["pairs"],
        config["seed"],
        truncated_of(stories),
    )
    rows = [to_preference_row(pair, contexts[pair["context_id"]]) for pair in pairs]
    required = ["; ".join(map(instruction, contexts[row["context_id"]].constraints)) for row in rows]
    sheet = digest(*(row["pair_id"] for row in rows))
    with stage.artifact() as folder:
        page = fill_template("sheet.html.j2", sheet=sheet, rows=rows, required=required)
        (folder / "sheet.html").write_text(page, encoding="utf-8")
        tasks = json.dumps(label_studio.make_tasks(rows, required), indent=1)
        (folder / "label_studio.json").write_text(tasks + "\n", encoding="utf-8")
        (folder / "label_studio.xml").write_text(label_studio.INTERFACE, encoding="utf-8")
        argilla.write_dataset(folder / "argilla", rows, required, f"sheet-{sheet}")
        KEY_FILE.write(folder, key)
        SHEET_PAIRS_FILE.write(folder, pairs)
        if not pairs:
            log.warning("the sheet is empty: the policies' stories are the same for every context")
        log.info("%d pairs; hand out the sheet and the tasks, and keep the key", len(pairs))


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "stories": "+"})
