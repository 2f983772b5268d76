"""The file beside an exported judge's weights, by which it answers without its run's config."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlcs.errors import InputError

JUDGE_NAME = "judge.json"


def write_judge(folder: Path, section: Mapping[str, Any]) -> None:
    """Write a judge's section of the config (``stage_configs.judge``): prompt, scores, answer format."""
    (folder / JUDGE_NAME).write_text(
        json.dumps(section, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def read_judge(folder: Path) -> dict[str, Any]:
    """Read the section that ``write_judge`` wrote.

    Raises:
        InputError: the folder is no exported judge.
    """
    try:
        section = json.loads((folder / JUDGE_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{folder} is no exported judge: it has no {JUDGE_NAME}. `snakemake export` writes such folders "
            "to results/{run}/export/judges/{judge}/seed{seed}"
        ) from None
    except ValueError as error:
        raise InputError(f"{folder / JUDGE_NAME} cannot be read: {error}") from error
    if not isinstance(section, dict) or not {"name", "judge"} <= section.keys():
        raise InputError(
            f"{folder / JUDGE_NAME} has no name and judge: it is not what `snakemake export` wrote"
        )
    return section
