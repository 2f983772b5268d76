"""Export a trained judge or policy as a folder to hand on: weights, tokenizer and a model card."""

import json
import shutil

from rlcs.data.exports import write_judge
from rlcs.data.parent_and_child import ParentAndChild
from rlcs.data.preferences import Preferences
from rlcs.records import SPLITS
from rlcs.report.captions import TABLES
from rlcs.report.formatting import read_table
from rlcs.report.model_card import Card, render_card, select_rows
from rlcs.report.provenance import read_artifacts
from rlcs.stages.links import link_weights
from rlcs.stages.manifest import MANIFEST_NAME, content_id, read_provenance
from rlcs.stages.stage import Stage, run_stage

# By table, the column with the names of models.
SHOWN = {"alignment": "system", "win_rates": "policy", "constraints": "policy"}


def main(stage: Stage) -> None:
    config, model = stage.config, stage.folder("model")
    preferences = Preferences(stage.folder("preferences"))
    provenance = read_provenance(model)
    tables = {
        TABLES[name].title: rows
        for folder in stage.folders("tables")
        for name, column in SHOWN.items()
        if (path := folder / f"{name}.csv").exists()
        if len(rows := select_rows(read_table(path), column, config["name"]))
    }
    flags_file = model / "flags.json"
    flags = json.loads(flags_file.read_text(encoding="utf-8")) if flags_file.exists() else []
    card = Card(
        **{name: value for name, value in config.items() if name != "judge"},
        seed=provenance["seed"],
        pairs={split: len(preferences.pairs(split)) for split in SPLITS},
        contexts=len(preferences.contexts),
        quarantined=len(preferences.quarantine),
        tables=tables,
        flags=[
            f"{flag['rule']} was {flag['value']:.3g}, limit {flag['limit']:g}, at step {flag['step']}"
            for flag in flags
        ],
        compared=ParentAndChild.read(model),
        lineage=read_artifacts(model.parents[2], [model]),
        packages=provenance["packages"],
        manifest=content_id(model / MANIFEST_NAME),
    )
    with stage.artifact(handed_on=True) as folder:
        shutil.copytree(model / "model", folder, copy_function=link_weights, dirs_exist_ok=True)
        if (model / "adapter").exists():
            shutil.copytree(model / "adapter", folder / "adapter", copy_function=link_weights)
        (folder / "README.md").write_text(render_card(card), encoding="utf-8")
        if config["judge"] is not None:
            write_judge(folder, config["judge"])


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "model": 1, "tables": "*"})
