"""Read a file of pairs, show what it has, and write a config for it.

`snakemake init --config preferences=FILE` calls this.
"""

import argparse
import logging
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import yaml

from rlcs.config import parsing
from rlcs.config.data import DataConfig
from rlcs.config.sources import HubDatasetConfig
from rlcs.data.files import read_records
from rlcs.data.guess import Guess, guess
from rlcs.data.reasons import explain_reasons
from rlcs.data.rows import RawRow, to_quarantine
from rlcs.data.survey import Survey, survey
from rlcs.errors import InputError
from rlcs.planning.first_config import MACHINES, SCALES, Machine, first_config
from rlcs.records import FILE_KINDS, UNKNOWN
from rlcs.stages.gpus import may_have_gpu

LOOKED_AT = 2000  # rows by which columns and labels are guessed
SPLITS = {"train": 0.75, "validation": 0.05, "test": 0.2}
USAGE = "snakemake init --config preferences=FILE, and if you like for=cpu, gpu or slurm, to=config/NAME.yaml"
LARGEST_LOSS = 0.05  # share of the rows whose stories may be too long for the model


@dataclass
class Section:
    """The section ``data`` of the new config, with a comment for its keys; ``UNKNOWN`` is a question."""

    keys: dict[str, Any]
    why: dict[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """True if a question is open."""
        return self.keys != self.answered()

    def answered(self) -> dict[str, Any]:
        """The keys with made-up answers: labels mean a and b in turn, an unknown column is not there."""
        keys = dict(self.keys)
        if labels := keys.get("labels"):
            sides = cycle("ab")
            keys["labels"] = {
                word: next(sides) if label == UNKNOWN else label for word, label in labels.items()
            }
        if columns := keys.get("columns"):
            keys["columns"] = {target: name for target, name in columns.items() if name != UNKNOWN}
        return keys

    def read(self) -> Survey:
        return survey(DataConfig.model_validate(self.answered()))


def source(given: str) -> dict[str, Any]:
    """The keys of a file, a folder or a data set on a hub.

    Raises:
        InputError: it is neither.
    """
    if Path(given).exists():
        return {"preferences": [given]}
    if re.fullmatch(r"[\w.-]+/[\w.-]+", given) and not Path(given).suffix:
        return {"hub": {"name": given}}
    raise InputError(f"no such file: {given} (and no data set of a hub, which is named owner/name)")


def look(keys: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[Mapping[str, Any]]]:
    """The columns of a source, and its first rows.

    Raises:
        InputError: it cannot be read.
    """
    if "hub" in keys:
        from rlcs.data.hub import first_rows  # its library takes seconds to load

        rows = first_rows(HubDatasetConfig.model_validate(keys["hub"]), LOOKED_AT)
        return list(dict.fromkeys(name for row in rows for name in row)), rows
    files = DataConfig.model_validate(keys).input_files
    if not files:
        folder = ", ".join(keys["preferences"])
        raise InputError(f"no file of pairs in the folder {folder}; known kinds: {', '.join(FILE_KINDS)}")
    first = list(islice((row for file in files for row in raw_rows(file)), LOOKED_AT))
    rows = [dict(row.values) for row in first if row.values is not None]
    if not rows:
        broken = [to_quarantine(row, str(row.defect)) for row in first]
        why = explain_reasons(broken) or ["there is none"]
        raise InputError("\n".join([f"{', '.join(map(str, files))}: no row that can be read", *why]))
    return list(dict.fromkeys(name for row in rows for name in row if name)), rows


def raw_rows(file: Path) -> Iterator[RawRow]:
    """The rows of a file by its own names; a row of a CSV may end before the others."""
    needed = None if file.suffix.lower() == ".parquet" else ()
    for line, text, values in read_records(file, needed):
        if isinstance(values, str):
            yield RawRow(str(file), line, text, None, values)
        else:
            yield RawRow(str(file), line, text, values)


def describe(keys: Mapping[str, Any], machine: Machine) -> tuple[Section, Survey]:
    """The section of a source, and what is read by it.

    Raises:
        InputError: the source cannot be read or used; the message says what to do. While a question is open,
            only what can be read is known.
    """
    columns, rows = look(keys)
    found: Guess = guess(columns, rows)
    section = Section({**keys, **found.keys}, dict(found.why))
    read = section.read()
    while name := misread(read):
        section.keys["ignore"] = [*section.keys.get("ignore", []), name]
        section.why["ignore"] = "columns of these names mean something else"
        read = section.read()
    if not any(row.get("split") for row in rows) or "split" in section.keys.get("ignore", []):
        section.keys["splits"] = SPLITS
        section.why["splits"] = "by prompt, and by a hash, so that they stay the same"
        read = section.read()
    words, limit = read.story_words, SCALES[machine].words
    if words and words[-1] > limit:
        long = sum(count > limit for count in words) / len(words)
        section.keys["story_length"] = {
            "max_words": limit,
            "too_long": "drop" if long < LARGEST_LOSS / 2 else "truncate",
        }
        section.why["story_length"] = f"{long:.1%} of the stories are longer; the model must read two at once"
        read = section.read()
    if not section.asks and (problem := read.problem()):
        shown = [line for line in read.lines() if not line.startswith("not used")]
        raise InputError("\n".join([problem, *shown]))
    return section, read


def misread(read: Survey) -> str | None:
    """The column of an optional field that most rows cannot be used for; None if there is none."""
    for name in ("votes", "split", "constraints"):
        bad = [row for row in read.found.quarantine if row["reason"].split()[-1] == name]
        if len(bad) > read.rows / 2:
            return name
    return None


def machine_here() -> Machine:
    """The kind of machine that this is."""
    if shutil.which("sbatch"):
        return "slurm"
    return "gpu" if may_have_gpu() and sys.platform == "linux" else "cpu"


def write(given: str, machine: Machine, to: Path) -> list[str]:
    """Write the config of a source; say what was found and what to do next.

    Raises:
        InputError: the file is there already, or as ``describe``.
    """
    if to.exists():
        raise InputError(f"{to} is there already, and is not overwritten: remove it, or name another by to=")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*\.ya?ml", to.name):
        raise InputError(f"{to}: the name must end in .yaml, of letters, digits, dots and dashes")
    section, read = describe(source(given), machine)
    text = first_config(machine, to.stem, section.keys, section.why)
    raw = yaml.safe_load(text)
    config = parsing.parse(
        {**raw, "data": Section(raw["data"]).answered()}
    )  # a mistake of ours, not of the file
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text, encoding="utf-8")
    profile = "--profile slurm " if machine == "slurm" else ""
    taken = [
        f"{key}: {section.keys[key]}"
        for key in ("columns", "format", "labels", "ignore")
        if key in section.keys
    ]
    return [
        *(f"{given}: {line}" for line in [*read.lines(labelled=not section.asks), *taken]),
        *([f"warning: {warning}"] if not section.asks and (warning := read.warning()) else []),
        f"{to}: written for {machine} ({', '.join(each for each in MACHINES if each != machine)}: for=…)",
        "next:",
        *(
            [f"  write what each '?' in the section data of {to} means; the comment beside it says more"]
            if section.asks
            else []
        ),
        f"  snakemake check {profile}--configfile {to}",
        f"  snakemake all {profile}--configfile {to}",
        f"  then open results/{config.run}/report/report.html",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preferences", help="file or folder of pairs, or a data set of a hub, owner/name")
    parser.add_argument(
        "--for", dest="machine", metavar="MACHINE", default=machine_here(), help=", ".join(MACHINES)
    )
    parser.add_argument("--to", type=Path, default=Path("config/mine.yaml"), help="the config to write")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if not arguments.preferences:
        sys.exit(f"error: no file of pairs is named: {USAGE}")
    if arguments.machine not in MACHINES:
        sys.exit(f"error: for={arguments.machine}: for is cpu, gpu or slurm: {USAGE}")
    try:
        print("\n".join(write(arguments.preferences, arguments.machine, arguments.to)))
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
