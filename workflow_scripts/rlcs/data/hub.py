"""Rows of a data set on a model hub, or of a folder laid out as one."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import load_dataset
from datasets.exceptions import DatasetsError
from httpx2 import HTTPError
from huggingface_hub import HfApi

from rlcs.config.sources import HubDatasetConfig
from rlcs.data.files import check_columns
from rlcs.data.rows import RawRow
from rlcs.data.values import Columns, column_names, named_values
from rlcs.errors import InputError

# A refusal of the hub, a name that its library refuses, and its client's error where there is no network.
HUB_ERRORS = (OSError, ValueError, HTTPError)


def pin_revision(hub: HubDatasetConfig) -> HubDatasetConfig:
    """Pin the data set to the commit that its config names, or else to the newest one of this moment.

    A folder has no commits, and stays as it is.

    Raises:
        InputError: the hub does not answer for it.
    """
    if hub.revision is not None or Path(hub.name).is_dir():
        return hub
    try:
        return hub.model_copy(update={"revision": HfApi().dataset_info(hub.name).sha})
    except HUB_ERRORS as error:
        raise InputError(f"the newest commit of {hub.name} cannot be found: {error}") from error


def read_hub(
    hub: HubDatasetConfig, columns: Columns, fields: Collection[str], required: Collection[str]
) -> list[RawRow]:
    """Read rows of one split at one revision, numbered from 1; only the columns of ``fields`` are decoded.

    Args:
        columns: names in the data set by the workflow's names.
        fields: the workflow's names.
        required: those of the columns that rows need.

    Raises:
        InputError: the data set, its revision or its split cannot be read, or it lacks such a column.
    """
    file = "/".join((f"{hub.name}@{hub.revision[:12]}" if hub.revision else hub.name, hub.split))
    names = {field: columns.get(field, field) for field in fields}
    result: list[RawRow] = []
    try:
        rows = load_dataset(hub.name, hub.config, revision=hub.revision, split=hub.split)
        wanted = column_names(names)
        reached = {*wanted, *(name.partition(".")[0] for name in wanted)}
        read = [name for name in rows.column_names if name in reached]
        found = list(rows.column_names)
        for line, row in enumerate(rows.select_columns(read), start=1):
            result.append(RawRow(file, line, json.dumps(row, default=str), named_values(row, names)))
    except (*HUB_ERRORS, DatasetsError, pa.ArrowException) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    check_columns(result, lambda: found, columns, required, "data.columns")
    return result


def first_rows(hub: HubDatasetConfig, number: int) -> list[dict[str, Any]]:
    """The first rows of a data set, as they are.

    Raises:
        InputError: it cannot be read.
    """
    try:
        rows = load_dataset(hub.name, hub.config, revision=hub.revision, split=hub.split)
        return [dict(row) for row in rows.select(range(min(number, len(rows))))]
    except (*HUB_ERRORS, DatasetsError, pa.ArrowException) as error:
        raise InputError(f"{hub.name} cannot be read: {error}") from error
