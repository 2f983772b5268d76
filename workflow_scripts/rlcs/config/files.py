"""Config files that cannot be read, told in one line each before Snakemake reads them.

Snakemake itself answers with a traceback, or with a guess about tabs. ``profiles/default`` calls
``refuse_unreadable``.
"""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml


def config_files(words: Sequence[str]) -> list[Path]:
    """The config files that a command line of Snakemake names, without the program's name."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", type=Path, default=[], action="extend")
    try:
        return list(parser.parse_known_args(words)[0].configfile)
    except argparse.ArgumentError:  # Snakemake names what is wrong with its own arguments
        return []


def file_problem(file: Path) -> str | None:
    """The reason why a file is no config in YAML or JSON, with its line; None if it is one."""
    if not file.exists():
        near = difflib.get_close_matches(file.name, [other.name for other in file.parent.glob("*.yaml")], 1)
        return f"{file}: no such config file" + (f"; did you mean {file.parent / near[0]}?" if near else "")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return f"{file}: the config file cannot be read: {error}"
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        return f"{file}, line {line}: {_told(error.problem or str(error))}"
    except yaml.YAMLError as error:
        return f"{file}: not YAML: {error}"
    if not isinstance(content, dict):
        return f"{file}: a config has keys at its top level, this is a {type(content).__name__}"
    return None


def _told(problem: str) -> str:
    """A problem as PyYAML describes it, and what to do."""
    if "undefined alias" in problem:
        name = problem.split("'")[1]
        return (
            f"the anchor {name!r} is not defined above; define it as &{name}, if need be under an x-... key"
        )
    if "'\\t'" in problem:
        return "a tab; YAML is indented by spaces"
    return f"not YAML: {problem}"


def refuse_unreadable(words: Sequence[str]) -> None:
    """End the program with a line for each config file of a command line that cannot be read."""
    problems = [problem for file in config_files(words) if (problem := file_problem(file)) is not None]
    if problems:
        print(*(f"error: {problem}" for problem in problems), sep="\n", file=sys.stderr)
        sys.exit(1)
