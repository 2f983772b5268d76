"""Write a blind sheet on which people compare stories, its form for Label Studio and Argilla, and the key."""

from __future__ import annotations

import hashlib
import json

from rlcs.constraints.registry import instruction
from rlcs.data import argilla, label_studio
from rlcs.data.blind_sheet import blind_pairs, preference_row
from rlcs.records import MATCHES, STORIES, UNLABELLED, read_contexts, read_rows, write_rows
from rlcs.report.html import fill_template
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    config = stage.config
    contexts = read_contexts(stage.folder("preferences") / "contexts.parquet")
    stories = {
        (row["policy"], row["context_id"], row["sample"]): row["text"]
        for folder in stage.folders("stories")
        for row in read_rows(folder / "stories.parquet", STORIES)
    }
    key, pairs = blind_pairs(
        stories, config["policies"], config["reference"], config["pairs"], config["seed"]
    )
    rows = [preference_row(pair, contexts[pair["context_id"]]) for pair in pairs]
    required = ["; ".join(map(instruction, contexts[row["context_id"]].constraints)) for row in rows]
    sheet = hashlib.sha256(json.dumps([row["pair_id"] for row in rows]).encode()).hexdigest()[:16]
    with stage.artifact() as folder:
        page = fill_template("sheet.html.j2", sheet=sheet, rows=rows, required=required)
        (folder / "sheet.html").write_text(page, encoding="utf-8")
        tasks = json.dumps(label_studio.tasks(rows, required), indent=1)
        (folder / "label_studio.json").write_text(tasks + "\n", encoding="utf-8")
        (folder / "label_studio.xml").write_text(label_studio.INTERFACE, encoding="utf-8")
        argilla.write_dataset(folder / "argilla", rows, required, f"sheet-{sheet}")
        write_rows(folder / "key.parquet", key, MATCHES)
        write_rows(folder / "pairs.parquet", pairs, UNLABELLED)
        if not pairs:
            log.warning("the sheet is empty: the policies' stories are the same for every context")
        log.info("%d pairs; hand out the sheet and the tasks, and keep the key", len(pairs))


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "stories": "+"})
