"""Two runs side by side: their tables with differences, their configs as a diff, their cost."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rlcs.config import parsing
from rlcs.errors import InputError
from rlcs.evaluation.run_differences import RunEvidence, independent_difference, paired_run_difference
from rlcs.evaluation.statistics import Estimate
from rlcs.report.columns import get_column
from rlcs.report.formatting import DASH, format_cell, read_table
from rlcs.report.progress import format_duration
from rlcs.report.provenance import read_paid_answers
from rlcs.stages.manifest import RUN_NAME

CONFIG_NAME = "config.json"
# Text that is a result and names no row.
_RESULTS = {"holds", "note", "flag", "time", "published", "manifest", "expected", "paper_states"}
# Numbers that are set and name a row.
_SETTINGS = {"pivots", "seed"}
# What a run does not measure, and what depends on another row of its own table (difference: the row above).
_NOT_COMPARED = {"difference", "paper", "at_least", "reach", "limit"}


@dataclass(frozen=True)
class ComparedRun:
    """A run's folder, or a folder of published results; ``name`` is what the user called it."""

    name: str
    folder: Path

    @property
    def tables(self) -> dict[str, Path]:
        """The CSV of each table, by its name."""
        found = [*self.folder.glob("*.csv"), *self.folder.glob("tables/*/*.csv")]
        return {path.stem: path for path in sorted(found)}

    def config(self) -> dict[str, Any] | None:
        """The parsed config by dotted path; None if the folder has none, as older results.

        Raises:
            InputError: it is not a config of this version.
        """
        files = [self.folder / CONFIG_NAME, self.folder / "logs" / CONFIG_NAME]
        file = next((path for path in files if path.is_file()), None)
        if file is None:
            return None
        try:
            parsed = parsing.read(file)
        except ValueError as error:
            raise InputError(f"{file} is no config of this version: {str(error).splitlines()[-1]}") from error
        return dict(dotted(parsed.model_dump(mode="json", by_alias=True)))

    def cost(self) -> dict[str, float | None]:
        """Seconds of all stages, GPU hours and money of endpoints; None for what is not known."""
        if (published := self.folder / "provenance.json").is_file():
            stated = json.loads(published.read_text(encoding="utf-8"))
            seconds = [artifact["seconds"] for artifact in stated["artifacts"].values()]
            return {
                "seconds": sum(seconds),
                "gpu_hours": stated.get("gpu_hours"),
                "money": stated.get("money"),
            }
        runs = [json.loads(path.read_text(encoding="utf-8")) for path in _records(self.folder)]
        return {
            "seconds": sum(run["seconds"] for run in runs),
            "gpu_hours": gpu_hours(runs),
            "money": money(self.folder),
        }


def gpu_hours(runs: Iterable[Mapping[str, Any]]) -> float:
    """Hours times GPUs of the records of runs."""
    return sum(run["seconds"] * len(run["gpus"]) for run in runs) / 3600


def money(results: Path) -> float:
    """The cost of the stored answers of a run's endpoints, at the prices of its config."""
    return sum(cost for _, _, cost in read_paid_answers(results / "answers").values())


def _records(results: Path) -> Iterator[Path]:
    """The records of published artifacts, and none of what is unfinished or replaced."""
    for path in results.rglob(RUN_NAME):
        if not any("." in part for part in path.relative_to(results).parent.parts[-2:]):
            yield path


def find_run(name: str, root: Path) -> ComparedRun:
    """Find a run by its name, or a folder.

    Args:
        root: where ``results`` and ``docs/results`` are.

    Raises:
        InputError: there is no such run, or the folder has no tables.
    """
    given, run = root / name, root / "results" / name
    folder = run if run.is_dir() and "/" not in name else given
    if not name or not folder.is_dir():
        known = sorted(path.name for path in (root / "results").glob("*/") if (path / "tables").is_dir())
        tables = (root / "docs" / "results").glob("*/*.csv")
        published = sorted({f"docs/results/{path.parent.name}" for path in tables})
        raise InputError(f"no such run: {name!r}; there are {', '.join([*known, *published]) or 'none'}")
    found = ComparedRun(name, folder)
    if not found.tables:
        raise InputError(f"{name}: {folder} has no tables (neither *.csv nor tables/*/*.csv)")
    return found


def find_two(runs: str, root: Path) -> tuple[ComparedRun, ComparedRun]:
    """Find the two runs of ``a,b``.

    Raises:
        InputError: they are not two different ones, or as in ``find_run``.
    """
    names = [name.strip() for name in runs.split(",")]
    if len(names) != 2:
        raise InputError(
            f"compare needs two runs and has {len(list(filter(None, names)))}: snakemake compare --config "
            "runs=A,B, each the name of a run in results/ or a folder of docs/results"
        )
    first, second = (find_run(name, root) for name in names)
    if first.folder.resolve() == second.folder.resolve():
        raise InputError(f"{first.name} and {second.name} are the same run: {first.folder}")
    return first, second


def dotted(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings by dotted path; a list is one value."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from dotted(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, values


def config_rows(a: Mapping[str, Any], b: Mapping[str, Any]) -> pd.DataFrame:
    """The keys whose values differ, in the order of the configs; a key that one lacks is absent there."""
    keys = dict.fromkeys([*a, *b])
    rows = [
        {"key": key, "a": _value(a, key), "b": _value(b, key)}
        for key in keys
        if (key in a) != (key in b) or a.get(key) != b.get(key)
    ]
    return pd.DataFrame(rows, columns=["key", "a", "b"], dtype=object)


def _value(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key], ensure_ascii=False) if key in values else "absent"


def compare_tables(first: ComparedRun, second: ComparedRun) -> pd.DataFrame:
    """A row for each cell of the tables that either run has, the second minus the first.

    Columns: table, row (its names), column, a and b (``Estimate``, number, text or None), difference
    (``Estimate`` or None), how (paired, independent, or why there is none), only (the run that alone has it).
    """
    evidence = RunEvidence(first.folder), RunEvidence(second.folder)
    rows: list[dict[str, Any]] = []
    for table in dict.fromkeys([*first.tables, *second.tables]):
        sides = [_rows(run.tables[table]) if table in run.tables else {} for run in (first, second)]
        for key in dict.fromkeys([*sides[0], *sides[1]]):
            a, b = (side.get(key) for side in sides)
            cells = dict.fromkeys([*(a or {}), *(b or {})])
            if a is None or b is None:
                name = second.name if a is None else first.name
                rows.append({"table": table, "row": " · ".join(key), "only": name})
                continue
            for column in map(str, cells):
                if not is_compared(column, a.get(column), b.get(column)):
                    continue
                difference, how = _difference(table, column, a, b, evidence)
                rows.append(
                    {
                        "table": table,
                        "row": " · ".join(key),
                        "column": column,
                        "a": a.get(column),
                        "b": b.get(column),
                        "difference": difference,
                        "how": how,
                    }
                )
    columns = ["table", "row", "column", "a", "b", "difference", "how", "only"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def is_compared(column: str, a: object, b: object) -> bool:
    """True if a column is a result, and one of the runs has a value."""
    if column in _NOT_COMPARED or column in _SETTINGS or get_column(column).format == "p":
        return False
    return any(isinstance(value, Estimate | float | int) for value in (a, b)) and "." not in column


def _rows(path: Path) -> dict[tuple[str, ...], dict[Hashable, Any]]:
    """The rows of a table by what names them; a further row of the same names has its number as well."""
    found: dict[tuple[str, ...], dict[Hashable, Any]] = {}
    for row in read_table(path).to_dict("records"):
        named = tuple(f"{value}" for name, value in row.items() if _names(str(name), value))
        key, number = named, 1
        while key in found:
            number += 1
            key = (*named, f"no. {number}")
        found[key] = row
    return found


def _names(column: str, value: object) -> bool:
    if value is None or column in _RESULTS:
        return False
    return isinstance(value, str) or column in _SETTINGS or "." in column


def _difference(
    table: str,
    column: str,
    a: Mapping[Hashable, Any],
    b: Mapping[Hashable, Any],
    evidence: tuple[RunEvidence, RunEvidence],
) -> tuple[Estimate | None, str]:
    x, y = a.get(column), b.get(column)
    if isinstance(x, Estimate) and isinstance(y, Estimate):
        row = {str(name): value for name, value in a.items()}
        measured = [one.measure(table, column, row) for one in evidence]
        if measured[0] is not None and measured[1] is not None:
            paired = paired_run_difference(measured[0], measured[1])
            if paired is not None:
                return paired, f"paired, {paired.n} in both"
        difference = independent_difference(x, y)
        return difference, "no interval" if pd.isna(difference.low) else "independent"
    if x is None or y is None or isinstance(x, str) or isinstance(y, str):
        return None, "in one run alone"
    values = [value.value if isinstance(value, Estimate) else float(value) for value in (x, y)]
    return Estimate(values[1] - values[0], float("nan"), float("nan"), 0), "no interval"


def to_csv(compared: pd.DataFrame) -> pd.DataFrame:
    """The comparison with the parts of each estimate in columns of their own, unrounded."""
    rows = []
    for row in compared.to_dict("records"):
        flat = {name: row[name] for name in ("table", "row", "column")}
        for name in ("a", "b", "difference"):
            value = row[name]
            parts = (value.value, value.low, value.high, value.n) if isinstance(value, Estimate) else (value,)
            flat |= dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_n"), parts, strict=False))
        rows.append(flat | {"how": row["how"], "only": row["only"]})
    columns = [
        *("table", "row", "column"),
        *(f"{name}{part}" for name in ("a", "b", "difference") for part in ("", "_low", "_high", "_n")),
        *("how", "only"),
    ]
    return pd.DataFrame(rows, columns=columns, dtype=object)


METHOD = """\
Values are as in the tables; differences of shares are in points, with 95 % intervals.

- *Paired*: both runs judged the same pairs or contexts, and the interval is of the differences on those, over
  seeds and contexts as in the tables.
- *Independent*: only the two values are known. The interval is made of their own two (MOVER, Zou and Donner
  2008) as if the runs had nothing in common; if they share data, it is wider than it need be.
- A star marks an interval without 0: of a hundred intervals of runs that are alike, some five have one."""


def render_comparison(first: ComparedRun, second: ComparedRun, compared: pd.DataFrame) -> str:
    """The page in Markdown: cost, configs, and per table what differs; equal cells are counted."""
    parts = [
        f"# {second.name} compared with {first.name}",
        f"a is `{first.name}`, b is `{second.name}`; differences are b - a.",
        "## Cost",
        _table(pd.DataFrame(_cost_rows(first.cost(), second.cost()), dtype=object)),
        "## Config",
        _config_part(first, second),
        "## Tables",
        METHOD,
    ]
    for table, rows in compared.groupby("table", sort=False):
        parts += [f"### {table}", *_table_part(rows)]
    return "\n\n".join(parts) + "\n"


def _table_part(rows: pd.DataFrame) -> Iterator[str]:
    alone = rows[rows["only"].notna()]
    both = rows[rows["only"].isna()].to_dict("records")
    shown = [row for row in both if not _is_same(row)]
    if shown:
        yield _table(pd.DataFrame([_shown(row) for row in shown], dtype=object))
    if same := len(both) - len(shown):
        yield f"{same} values are the same in both."
    for name, of_name in alone.groupby("only", sort=False):
        yield f"Only in `{name}`: {'; '.join(of_name['row'])}."


def _is_same(row: Mapping[Hashable, Any]) -> bool:
    a, b = (value.value if isinstance(value := row[side], Estimate) else value for side in ("a", "b"))
    return bool(a == b or (pd.isna(a) and pd.isna(b)))


def _shown(row: Mapping[Hashable, Any]) -> dict[str, str]:
    column = get_column(str(row["column"]))
    # a difference has its sign, in the format of its column
    signed = "difference" if column.format in ("share", "flips") else column.format
    difference = row["difference"]
    star = " \\*" if isinstance(difference, Estimate) and (difference.low > 0 or difference.high < 0) else ""
    return {
        "row": row["row"],
        "column": column.title,
        "a": str(format_cell(row["a"], column.format)),
        "b": str(format_cell(row["b"], column.format)),
        "b - a": f"{format_cell(difference, signed)}{star}",
        "how": row["how"],
    }


def _cost_rows(a: Mapping[str, float | None], b: Mapping[str, float | None]) -> list[dict[str, str]]:
    titles = {
        "seconds": "time of all stages",
        "gpu_hours": "GPU hours",
        "money": "endpoints, in the currency of their prices",
    }
    return [{"": title, "a": _amount(name, a), "b": _amount(name, b)} for name, title in titles.items()]


def _amount(name: str, cost: Mapping[str, float | None]) -> str:
    value = cost[name]
    if value is None:
        return "unknown"
    return format_duration(value) if name == "seconds" else f"{value:.2f}"


def _config_part(first: ComparedRun, second: ComparedRun) -> str:
    configs = []
    for run in (first, second):
        try:
            config = run.config()
        except InputError as error:
            return str(error)
        if config is None:
            return (
                f"The config of {run.name} is not known: its folder has no {CONFIG_NAME}, which runs and "
                "publish_results.py leave."
            )
        configs.append(config)
    rows = config_rows(*configs)
    return _table(rows) if len(rows) else "The two configs are the same."


def _table(frame: pd.DataFrame) -> str:
    escaped = frame.map(lambda value: str(value).replace("|", r"\|").replace("\n", " ") if value else DASH)
    return str(escaped.to_markdown(index=False, disable_numparse=True))


def write_comparison(first: ComparedRun, second: ComparedRun, folder: Path) -> str:
    """Write the page and its CSV into a folder, and return the page."""
    compared = compare_tables(first, second)
    page = render_comparison(first, second, compared)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "comparison.md").write_text(page, encoding="utf-8")
    to_csv(compared).to_csv(folder / "comparison.csv", index=False, lineterminator="\n")
    return page


def folder_name(runs: Sequence[ComparedRun]) -> str:
    """The name of a comparison's folder, of the names of its runs."""
    return "-vs-".join(run.name.strip("/").replace("/", "_") for run in runs)
