"""Have an exported judge read new pairs, or rank several stories for each prompt, without a run's config.

    python workflow_scripts/judge.py --model results/mine/export/judges/genrm/seed1 --pairs new.jsonl \
        --output judged.jsonl

A row has `story_a` and `story_b`, or a list `stories`, and what they continue: `prompt`, or `outline`,
`characters` and `previous_plot`. Every two stories are judged in both orders.
"""

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from rlcs.data.exports import JUDGE_NAME, read_judge
from rlcs.data.new_rows import NewRows, read_new_rows
from rlcs.data.reasons import count_reasons
from rlcs.errors import InputError
from rlcs.evaluation.statistics import estimate_mean
from rlcs.judging.credits import both_orders_credits, flip_rate
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import gives_probability, load_judge
from rlcs.judging.new_texts import (
    comparisons_of_pairs,
    comparisons_to_rank,
    judged_pairs,
    pair_key,
    ranked_stories,
)
from rlcs.records import ORDERS, Comparison, Judgement, digest
from rlcs.stages.manifest import content_id

log = logging.getLogger("rlcs")


def section_of(folder: Path, engine: str, batch_size: int | None) -> dict[str, Any]:
    """The section of an exported judge, to be run by an engine of this machine.

    Raises:
        InputError: the folder is no exported judge.
    """
    section = read_judge(folder)
    if "judging" in section:
        section["judging"] |= {"engine": engine} | ({"batch_size": batch_size} if batch_size else {})
    elif batch_size:
        section["batch_size"] = batch_size
    return section


def judge_all(
    folder: Path, section: Mapping[str, Any], comparisons: Sequence[Comparison], scratch: Path
) -> tuple[list[Judgement], Path]:
    """Judge comparisons; what was judged before an interruption is not judged again.

    Args:
        folder: the exported judge.
        scratch: a folder for what is done, until all is.

    Returns:
        the judgements, and the folder that keeps them until the output is written.
    """
    weights = [content_id(path) for path in sorted(folder.glob("*.json"))]
    asked = [(c.pair_id, c.order, c.context.context_id, c.story_a, c.story_b) for c in comparisons]
    kept = scratch / f".judging-{digest(section, weights, asked)}"
    kept.mkdir(exist_ok=True)
    with TemporaryDirectory() as temporary:
        artifact = Path(temporary)
        (artifact / "model").symlink_to(folder.resolve())  # as the stage that trained it leaves it
        judge = load_judge(section, artifact, soft=gives_probability(section))
        return judge_in_shards(judge, comparisons, kept), kept


def output_rows(new: NewRows, judgements: Sequence[Judgement]) -> list[dict[str, Any]]:
    """The rows of the output in the input's order; one that could not be used has its line and the reason."""
    rows = judged_pairs(new.pairs, judgements) | ranked_stories(new.to_rank, judgements)
    for number, row in new.unusable.items():
        rows[number] = {"line": row["line"], "p": None, "error": row["reason"]}
    return [rows[number] for number in sorted(rows)]


def not_used(new: NewRows) -> list[str]:
    """List a line per reason why rows cannot be used, with one row; advice on a run's config is left out."""
    first = {row["reason"]: row for row in reversed(new.unusable.values())}
    return [
        f"{count} x {reason}, as in line {row['line']} ({row['found']})"
        + (f". {row['advice']}" if row["advice"] and "data." not in row["advice"] else "")
        for reason, count in count_reasons(new.unusable.values()).items()
        for row in [first[reason]]
    ]


def summary(new: NewRows, judgements: Sequence[Judgement]) -> list[str]:
    """Say how many were judged, failed and flipped, and the accuracy if there are labels, a line each."""
    unread = sum(judgement.verdict == "none" for judgement in judgements)
    counts = {"pairs": len(new.pairs), "prompts": len(new.to_rank)}
    what = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    lines = [
        f"{what}, {len(judgements)} judgements in the orders {' and '.join(ORDERS)}, {unread} of them "
        f"without a verdict; {len(new.unusable)} rows could not be used"
    ]
    if (flips := flip_rate(judgements)) is not None:
        lines.append(f"verdicts that change with the order: {flips:.1%}")
    labels = {pair_key(pair): pair.label for pair in new.pairs if pair.label}
    credits = both_orders_credits([j for j in judgements if j.pair_id in labels], labels)
    if credits:
        agrees = estimate_mean(credits, {pair_key(pair): pair.same_context for pair in new.pairs}, seed=0)
        interval = (
            "one context has no interval"
            if isnan(agrees.low)
            else f"95 % interval over contexts [{agrees.low:.1%}, {agrees.high:.1%}]"
        )
        lines.append(f"agrees with the label: {agrees.value:.1%} of {agrees.n}; {interval}")
    return lines


def write_output(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows as JSON lines, or as Parquet by the name of the file."""
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path, index=False)
    else:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help=f"exported folder with {JUDGE_NAME}")
    parser.add_argument("--pairs", type=Path, required=True, help="JSON, JSONL, CSV, TSV or Parquet")
    parser.add_argument("--output", type=Path, required=True, help="JSONL, or Parquet by its name")
    parser.add_argument("--columns", nargs="*", default=[], metavar="FIELD=NAME", help="names in your file")
    parser.add_argument(
        "--engine",
        choices=["transformers", "vllm_offline"],
        default="transformers",
        help="program that runs a generative judge",
    )
    parser.add_argument("--batch-size", type=int, help="comparisons at once; default: the run's")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if wrong := [pair for pair in arguments.columns if "=" not in pair]:
        sys.exit(f"error: --columns: {wrong} are not of the form FIELD=NAME")
    if not arguments.pairs.is_file():
        sys.exit(f"error: no such file: {arguments.pairs}")
    output: Path = arguments.output
    if output.is_dir():
        sys.exit(
            f"error: --output: {output} is a folder: name a file in it, such as {output / 'judged.jsonl'}"
        )
    try:
        section = section_of(arguments.model, arguments.engine, arguments.batch_size)
        new = read_new_rows(arguments.pairs, dict(pair.split("=", 1) for pair in arguments.columns))
        comparisons = comparisons_of_pairs(new.pairs) + comparisons_to_rank(new.to_rank)
        for line in not_used(new):
            log.info("not used: %s", line)
        if not comparisons:
            raise InputError(f"{arguments.pairs}: no row can be judged, of {len(new.unusable)}")
        output.parent.mkdir(parents=True, exist_ok=True)
        judgements, kept = judge_all(arguments.model, section, comparisons, output.parent)
        write_output(output_rows(new, judgements), output)
    except (InputError, OSError) as error:
        sys.exit(f"error: {error}")
    shutil.rmtree(kept)
    print("\n".join(summary(new, judgements)))
    print(f"written to {output}")


if __name__ == "__main__":
    main()
