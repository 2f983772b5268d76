"""Prompts with instructions, such as IFEval's, from a data set on a model hub."""

from __future__ import annotations

import json
from pathlib import Path

from datasets import load_dataset
from datasets.exceptions import DatasetsError

from rlcs.config.sources import HubDatasetConfig
from rlcs.data.artifacts import PROMPTS_NAME
from rlcs.errors import InputError

FIELDS = ("key", "prompt", "instruction_id_list", "kwargs")


def write_hub_prompts(hub: HubDatasetConfig, folder: Path) -> int:
    """Write a split of a data set in the format of IFEval's input_data.jsonl; return the number of prompts.

    Raises:
        InputError: the data set cannot be read, or it lacks a column.
    """
    try:
        rows = load_dataset(hub.name, hub.config, revision=hub.revision, split=hub.split)
    except (OSError, ValueError, DatasetsError) as error:
        raise InputError(f"tables.ifeval.hub: {hub.name} cannot be read: {error}") from error
    if missing := [name for name in FIELDS if name not in rows.column_names]:
        raise InputError(
            f"tables.ifeval.hub: {hub.name} has the columns {', '.join(rows.column_names)}, and not "
            f"{', '.join(missing)}; IFEval's prompts have {', '.join(FIELDS)}"
        )
    with (folder / PROMPTS_NAME).open("w", encoding="utf-8") as file:
        for row in rows.select_columns(list(FIELDS)):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return len(rows)
