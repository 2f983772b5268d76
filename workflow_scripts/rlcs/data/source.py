"""The rows of a source of pairs: its files, or its data set on a hub."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from rlcs.config.data import DataConfig
from rlcs.data.files import read_files
from rlcs.data.formats import fields_of, required_fields
from rlcs.data.rows import RawRow
from rlcs.errors import InputError

log = logging.getLogger("rlcs")


def read_source(data: DataConfig, files: Sequence[Path]) -> list[RawRow]:
    """Read all rows of the data set on a hub, if the source names one, or of the files.

    Raises:
        InputError: they cannot be read.
    """
    try:
        fields, required = fields_of(data), required_fields(data)
        if data.hub is None:
            return read_files(files, data.columns, fields, required)
        # imported here since its library takes seconds to load, which files do not need
        from rlcs.data.hub import pin_revision, read_hub

        hub = pin_revision(data.hub)
        if hub != data.hub:
            log.info("%s: read at %s; name it in data.hub.revision", hub.name, hub.revision)
        return read_hub(hub, data.columns, fields, required)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the preferences: {error}") from error
