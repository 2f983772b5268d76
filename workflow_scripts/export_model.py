"""A trained judge or policy as a folder to give away: weights, tokenizer and a model card."""

from __future__ import annotations

import json
import shutil
from collections import Counter

from rlcs.records import PAIRS, QUARANTINE, SPLITS, read_contexts, read_rows
from rlcs.report.captions import TABLES
from rlcs.report.formatting import read_table
from rlcs.report.html import TEMPLATES
from rlcs.report.model_card import Card, render_card, rows_of
from rlcs.report.provenance import read_made
from rlcs.stages.manifest import MANIFEST_NAME, content_id, read_provenance
from rlcs.stages.stage import Stage, run_stage

SHOWN = {
    "alignment": "system",
    "win_rates": "policy",
    "constraints": "policy",
}  # by table, the model's column


def main(stage: Stage) -> None:
    config, model, preferences = stage.config, stage.folder("model"), stage.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    pairs = read_rows(preferences / "pairs.parquet", PAIRS)
    by_split = Counter(contexts[pair["context_id"]].split for pair in pairs)
    made_of = read_provenance(model)
    tables = {
        TABLES[name].title: own
        for folder in stage.folders("tables")
        for name, column in SHOWN.items()
        if (path := folder / f"{name}.csv").exists()
        if len(own := rows_of(read_table(path), column, config["name"]))
    }
    flags = model / "flags.json"
    raised = json.loads(flags.read_text(encoding="utf-8")) if flags.exists() else []
    card = Card(
        **config,
        seed=made_of["seed"],
        pairs={split: by_split[split] for split in SPLITS},
        contexts=len(contexts),
        quarantined=len(read_rows(preferences / "quarantine.parquet", QUARANTINE)),
        tables=tables,
        flags=[
            f"{f['rule']} was {f['value']:.3g}, limit {f['limit']:g}, at step {f['step']}" for f in raised
        ],
        lineage=read_made(model.parents[2], [model]),
        packages=made_of["packages"],
        manifest=content_id(model / MANIFEST_NAME),
    )
    with stage.artifact() as folder:
        shutil.copytree(model / "model", folder, dirs_exist_ok=True)
        if (model / "adapter").exists():
            shutil.copytree(model / "adapter", folder / "adapter")
        (folder / "README.md").write_text(render_card(card, TEMPLATES), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "model": 1, "tables": "*"})
