"""Rows of preference files (JSON, CSV, Parquet); a broken row is a row with a defect (docs/data.md)."""

import csv
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rlcs.data.encodings import is_unicode, open_text
from rlcs.data.json_documents import is_document, parse_object, read_document
from rlcs.data.rows import PairRow, RawRow
from rlcs.data.values import PREMISE_FIELDS, Columns, column_names, named_values
from rlcs.errors import InputError
from rlcs.records import FILE_KINDS

# The line from 1, its text, and its values or the reason why there are none.
FileRow = tuple[int, str, dict[str, Any] | str]


_DELIMITERS = (",", ";", "\t", "|")  # of equally many columns the first one counts
_SHOWN_COLUMNS = 30


def read_files(
    paths: Sequence[Path],
    columns: Columns,
    fields: Collection[str],
    required: Collection[str],
    key: str = "data.columns",
) -> list[RawRow]:
    """Read the rows of preference files, in which the columns that are renamed or required must be found.

    Args:
        columns: names in the files by the workflow's names.
        fields: the workflow's names.
        required: those of the columns that rows need.
        key: the config's key of ``columns``, for the message.

    Raises:
        InputError: a file cannot be read, or no row of any file has such a column.
    """
    rows = [row for path in paths for row in read_file(path, columns, fields)]
    check_columns(rows, lambda: columns_of(paths), columns, required, key)
    return rows


def columns_of(paths: Iterable[Path]) -> list[str]:
    """The names of the columns in the first rows of files, which are read for that."""
    return list({name: None for path in paths for name in _columns_of(path)})


def _columns_of(path: Path) -> list[str]:
    if path.suffix.lower() == ".parquet":
        names: list[str] = pq.read_schema(path).names
        return names
    first = (values for _, _, values in islice(read_records(path), 100) if isinstance(values, dict))
    return list({name: None for values in first for name in values if name})


def check_columns(
    rows: Iterable[RawRow],
    find_columns: Callable[[], Sequence[str]],
    columns: Columns,
    required: Collection[str],
    key: str,
) -> None:
    """Check that the renamed and the required columns are there, in some row of all files at least.

    Args:
        find_columns: finds the names of the columns in the files; called if a column is missing.

    Raises:
        InputError: no row has one of them; the message has the columns that were found.
    """
    reached = {field for row in rows if row.values for field in row.values}
    field = next((field for field in [*columns, *required] if field not in reached), None)
    if field is None or not (found := find_columns()):
        return  # without columns there is no row, or only broken ones, which say so themselves
    name = columns.get(field, field)
    shown = ", ".join(repr(column) for column in found[:_SHOWN_COLUMNS])
    raise InputError(
        f"no row has a column {name!r}. Columns found: {shown}. "
        f"{key} says which one is {field}, for example {{{field}: {_similar(field, found)}}}; a CSV file "
        "needs a header in its first line"
    )


def _similar(field: str, found: Sequence[str]) -> str:
    """The columns that are named as a field and numbered, else one that begins as it does, else the first."""
    numbered = [name for name in found if re.fullmatch(rf"{field}[ _-]?\d+", name, re.IGNORECASE)]
    if len(numbered) > 1:
        return f"[{', '.join(numbered)}]"
    return next((name for name in found if name.casefold().startswith(field.casefold())), found[0])


def check_premise(rows: Sequence[RawRow], find_columns: Callable[[], Sequence[str]]) -> None:
    """Check that some row says what its stories continue.

    Args:
        find_columns: finds the names of the columns in the data; called if none does.

    Raises:
        InputError: no row has a prompt, or another field in place of one.
    """
    readable = [row.values for row in rows if row.values]
    if not readable or any(values.get(field) for values in readable for field in PREMISE_FIELDS):
        return
    found = find_columns()
    name = next((name for name in found if name.casefold() in PREMISE_FIELDS), None)
    example = f"{{{name.casefold()}: {name}}}" if name else "{prompt: your column}"
    raise InputError(
        f"no row has a prompt, nor {', '.join(PREMISE_FIELDS[1:])}. Columns found: "
        f"{', '.join(map(repr, found[:_SHOWN_COLUMNS])) or 'unknown'}. data.columns says which one "
        f"it is: {example}"
    )


def read_file(
    path: Path, columns: Columns | None = None, fields: Collection[str] = PairRow.model_fields
) -> Iterator[RawRow]:
    """Read the rows of a preference file; blank lines are skipped.

    Args:
        path: of one of ``FILE_KINDS``, gzipped (``.gz``) or not.
        columns: names in the file by the workflow's names, e.g. ``{"story_a": "chosen"}``; those with dots
            reach into nested values.
        fields: the workflow's names.

    Raises:
        InputError: another kind of file, a Parquet file or a CSV header that cannot be read.
    """
    names = {field: (columns or {}).get(field, field) for field in fields}
    for line, text, values in read_records(path, column_names(names)):
        if isinstance(values, str):
            yield RawRow(str(path), line, text, None, values)
        else:
            yield RawRow(str(path), line, text, named_values(values, names))


def read_records(path: Path, needed: Collection[str] | None = None) -> Iterator[FileRow]:
    """Read line number, text and values of each row of a file, or the reason why it has no values.

    Args:
        needed: names of the columns that are read; None: all. A row of a CSV file may end before the others.

    Raises:
        InputError: another kind of file, a Parquet file or a CSV header that cannot be read.
    """
    kind = Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()
    if kind not in FILE_KINDS or (kind == ".parquet" and path.suffix.lower() == ".gz"):
        raise InputError(
            f"{path}: unknown kind of file; known: {', '.join(FILE_KINDS)}, as text also with .gz"
        )
    if kind == ".parquet":
        rows = _read_parquet(path, needed)
    elif kind in (".csv", ".tsv"):
        rows = _read_csv(path, needed)
    else:
        rows = _read_json(path)
    try:
        for line, text, values in rows:
            yield line, text, values if is_unicode(text) else "wrong encoding"
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be unpacked: {error}") from error


def _read_json(path: Path) -> Iterator[FileRow]:
    with open_text(path) as handle:
        blank = 0
        first = ""
        for first in handle:
            if first.strip():
                break
            blank += 1
        if is_document(first):
            yield from read_document("\n" * blank + first + handle.read())
            return
        for line, text in enumerate(chain([first], handle), start=blank + 1):
            if text.strip():
                yield line, text.rstrip("\n"), parse_object(text)


def _read_csv(path: Path, needed: Collection[str] | None) -> Iterator[FileRow]:
    csv.field_size_limit(sys.maxsize)
    with open_text(path, newline="") as handle:
        first = handle.readline()
        skipped = first.lower().startswith("sep=")  # Excel's own line, which names the delimiter
        if skipped:
            first = handle.readline()
        consumed: list[str] = []
        lines = _recorded(chain([first], handle), consumed)
        reader = csv.reader(lines, delimiter=_delimiter(first), strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
        except csv.Error as error:
            raise InputError(f"{path}: the header cannot be read: {error}") from error
        twice = [name for name, count in Counter(header).items() if name and count > 1]
        if twice:
            raise InputError(f"{path}: the header has several columns of one name: {twice}; rename them")
        yield from _mark_headers(_csv_rows(reader, header, consumed, needed, skipped))


def _csv_rows(
    reader: Any, header: Sequence[str], consumed: list[str], needed: Collection[str] | None, skipped: int
) -> Iterator[FileRow]:
    while True:
        consumed.clear()
        first = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # an open quote swallows rows: every line of it is lost
            for line, text in enumerate(consumed, start=first):
                yield line, text.rstrip("\r\n"), "broken CSV"
            continue
        if cells:
            lost = set(header[len(cells) :])
            fits = not any(cells[len(header) :]) and not lost & set(header if needed is None else needed)
            values = dict(zip(header, cells, strict=False)) if fits else "wrong number of columns"
            yield first, "".join(consumed).rstrip("\r\n"), values


def _delimiter(header: str) -> str:
    """The delimiter that gives the header the most columns."""
    return max(_DELIMITERS, key=lambda delimiter: len(next(csv.reader([header], delimiter=delimiter), [])))


def _mark_headers(rows: Iterator[FileRow]) -> Iterator[FileRow]:
    """The rows, of which the questions and ids that a survey exports below its header are named as such."""
    first = list(islice(rows, 2))
    if len(first) == 2 and "ImportId" in first[1][1]:
        first = [(line, text, "another header row") for line, text, _ in first]
    return chain(first, rows)


def _recorded(lines: Iterable[str], record: list[str]) -> Iterator[str]:
    for line in lines:
        record.append(line)
        yield line


def _read_parquet(path: Path, needed: Collection[str] | None) -> Iterator[FileRow]:
    line = 0
    try:
        file = pq.ParquetFile(path)
        names: list[str] = file.schema_arrow.names
        if needed is not None:
            reached = {*needed, *(name.partition(".")[0] for name in needed)}
            # no column at all has no rows, which would then be in no count
            names = [name for name in names if name in reached] or names[:1]
        for batch in file.iter_batches(columns=names, batch_size=1024):
            for values in _batch_rows(batch):
                line += 1
                if values is None:
                    yield line, "", "wrong encoding"
                else:
                    yield line, json.dumps(values, default=str), values
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet after row {line}: {error}") from error


def _batch_rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | None]:
    """The rows of a batch; None for one whose text cannot be decoded."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for row in range(batch.num_rows):
            try:
                yield batch.slice(row, 1).to_pylist()[0]
            except UnicodeDecodeError:
                yield None
