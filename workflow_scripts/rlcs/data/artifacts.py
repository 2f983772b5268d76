"""Files with rows in the artifacts: the name and the schema of each, declared once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from rlcs import records
from rlcs.records import Judgement, read_judgements, read_rows, write_judgements, write_rows


@dataclass(frozen=True)
class RowFile:
    """A Parquet file of an artifact, whose rows have one schema."""

    name: str
    schema: pa.Schema

    def read(self, *folders: Path) -> list[dict[str, Any]]:
        """Rows of the artifacts in these folders, one artifact after the other.

        Raises:
            ValueError: the columns of a file are not those of the schema.
        """
        return [row for folder in folders for row in read_rows(folder / self.name, self.schema)]

    def write(self, folder: Path, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows into an artifact; a missing or wrongly typed value raises pyarrow's error."""
        write_rows(folder / self.name, rows, self.schema)


@dataclass(frozen=True)
class JudgementFile:
    """A Parquet file of an artifact with judgements."""

    name: str

    def read(self, *folders: Path) -> list[Judgement]:
        """Judgements of the artifacts in these folders, one artifact after the other."""
        return [judgement for folder in folders for judgement in read_judgements(folder / self.name)]

    def write(self, folder: Path, judgements: Sequence[Judgement]) -> None:
        """Write judgements into an artifact."""
        write_judgements(folder / self.name, judgements)


# Of ingest, read by data.preferences. A consensus has PAIRS_FILE too, with the labels of its teachers.
PAIRS_FILE = RowFile("pairs.parquet", records.PAIRS)
ANNOTATIONS_FILE = RowFile("annotations.parquet", records.ANNOTATIONS)
UNLABELLED_FILE = RowFile("unlabelled.parquet", records.UNLABELLED)
QUARANTINE_FILE = RowFile("quarantine.parquet", records.QUARANTINE)

# Of import_instructions, in the format of IFEval's input_data.jsonl.
PROMPTS_NAME = "input_data.jsonl"

JUDGEMENTS_FILE = JudgementFile("judgements.parquet")
CHAINS_FILE = JudgementFile("chains.parquet")  # judgements that a GenRM may learn from
AUDIT_FILE = RowFile("audit.parquet", records.PAIRS)  # pairs with a human label, as the teachers label them
INJECTIONS_FILE = RowFile("injections.parquet", records.INJECTIONS)

STORIES_FILE = RowFile("stories.parquet", records.STORIES)
MATCHES_FILE = RowFile("matches.parquet", records.MATCHES)
CHECKS_FILE = RowFile("checks.parquet", records.CHECKS)
RESPONSES_FILE = RowFile("responses.parquet", records.RESPONSES)
HISTORY_FILE = RowFile("history.parquet", records.HISTORY)

# Of the blind sheet: whose stories they are, and the pairs that people compare.
KEY_FILE = RowFile("key.parquet", records.KEY)
SHEET_PAIRS_FILE = RowFile("pairs.parquet", records.UNLABELLED)
