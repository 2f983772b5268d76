"""Rows of preference files (JSONL, CSV, Parquet); a broken row is a row with a defect (docs/data.md)."""

import csv
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rlcs.data.rows import PairRow, RawRow
from rlcs.errors import InputError

# The line from 1, its text, and its values or the reason why there are none.
FileRow = tuple[int, str, dict[str, Any] | str]


def read_file(
    path: Path, columns: Mapping[str, str] | None = None, fields: Collection[str] = PairRow.model_fields
) -> Iterator[RawRow]:
    """Read the rows of a preference file; blank lines are skipped.

    Args:
        path: ``.jsonl``, ``.ndjson`` or ``.csv`` (UTF-8), or ``.parquet``.
        columns: names in the file by the workflow's names, e.g. ``{"story_a": "chosen"}``.
        fields: the workflow's names.

    Raises:
        InputError: another kind of file, a Parquet file or a CSV header that cannot be read.
    """
    names = {field: (columns or {}).get(field, field) for field in fields}
    for line, text, values in read_records(path):
        if isinstance(values, str):
            yield RawRow(str(path), line, text, None, values)
        else:
            renamed = {field: values[name] for field, name in names.items() if name in values}
            yield RawRow(str(path), line, text, renamed)


def read_records(path: Path) -> Iterator[FileRow]:
    """Read line number, text and values of each row of a file, or the reason why it has no values.

    Raises:
        InputError: another kind of file, a Parquet file or a CSV header that cannot be read.
    """
    readers = {".jsonl": _read_jsonl, ".ndjson": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix not in readers:
        raise InputError(f"{path}: unknown kind of file; known: {', '.join(readers)}")
    for line, text, values in readers[path.suffix](path):
        yield line, text, values if _is_unicode(text) else "wrong encoding"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # the file had bytes that are not UTF-8
        return False
    return True


def _read_jsonl(path: Path) -> Iterator[FileRow]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as handle:
        for line, text in enumerate(handle, start=1):
            if text.strip():
                yield line, text.rstrip("\r\n"), _json_object(text)


def _json_object(text: str) -> dict[str, Any] | str:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return "broken JSON"
    return values if isinstance(values, dict) else "not a JSON object"


def _read_csv(path: Path) -> Iterator[FileRow]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        consumed: list[str] = []
        reader = csv.reader(_recorded(handle, consumed), strict=True)
        try:
            header = next(reader, [])
        except csv.Error as error:
            raise InputError(f"{path}: the header cannot be read: {error}") from error
        while True:
            consumed.clear()
            first = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:  # an open quote swallows rows: every line of it is lost
                for line, text in enumerate(consumed, start=first):
                    yield line, text.rstrip("\r\n"), "broken CSV"
                continue
            if cells:
                fits = len(cells) == len(header)
                values = dict(zip(header, cells, strict=True)) if fits else "wrong number of columns"
                yield first, "".join(consumed).rstrip("\r\n"), values


def _recorded(lines: Iterable[str], record: list[str]) -> Iterator[str]:
    for line in lines:
        record.append(line)
        yield line


def _read_parquet(path: Path) -> Iterator[FileRow]:
    line = 0
    try:
        for batch in pq.ParquetFile(path).iter_batches():
            for row in range(batch.num_rows):
                line += 1
                try:
                    values = batch.slice(row, 1).to_pylist()[0]
                except UnicodeDecodeError:
                    yield line, "", "wrong encoding"
                else:
                    yield line, json.dumps(values, default=str), values
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet after row {line}: {error}") from error
