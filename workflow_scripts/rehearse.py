"""Rehearse a run: derive a small one with the same graph from its config, run it, and say what was found.

``snakemake rehearse --configfile ANY.yaml`` calls this. The small run can be repeated by hand with the config
that it leaves: ``snakemake all --configfile results/RUN-rehearsal/config/run.yaml``.
"""

import argparse
import json
import logging
import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from rlcs.config import parsing
from rlcs.config.schema import Config
from rlcs.config.sources import SourceConfig
from rlcs.config.training import TrainedConfig
from rlcs.data.made_up import made_up_instructions, made_up_rows
from rlcs.evaluation.rehearsal import artifacts_made, at_scale, find_problems, stage_table, to_page
from rlcs.judging.stand_in_endpoint import Form, StandInEndpoint
from rlcs.planning.rehearsal import derive, rehearsal_name, replacements, unrehearsed
from rlcs.planning.run_plan import RunPlan
from rlcs.records import Row
from rlcs.stages import fork_server
from rlcs.stages.children import die_with_parent, reach_directly
from rlcs.training.planned import plans

log = logging.getLogger("rlcs")

ROWS = 160  # so that every split of them has the pairs that the rehearsal asks for


@dataclass(frozen=True)
class Failure:
    """The first job that failed.

    Attributes:
        artifact: what it should have made, as ``alignment/bt/seed1``; None if no job was begun.
    """

    message: str
    artifact: str | None = None


def main() -> int:
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    config = parsing.read(arguments.config)
    results = Path("results") / rehearsal_name(config.run)
    folder = results / "config"
    folder.mkdir(parents=True, exist_ok=True)
    pairs = None if is_at_hand(config) else folder / "pairs.jsonl"
    if pairs is not None:
        write_lines(pairs, made_up_pairs(config.data))
    benchmarks = {
        name: write_lines(folder / f"benchmark_{name}.jsonl", made_up_pairs(entry))
        for name, entry in config.benchmarks.items()
        if not has_files(entry)
    }
    prompts = None
    if config.tables.ifeval:  # a few: those of IFEval are hundreds
        prompts = write_lines(folder / "input_data.jsonl", made_up_instructions())
    host = socket.gethostname() if arguments.slurm else "127.0.0.1"
    reach_directly(host)
    with StandInEndpoint(forms(config), config.judging, host) as server:
        small = derive(
            config,
            folder=folder,
            server=server.address,
            pairs=pairs,
            prompts=prompts,
            benchmarks=benchmarks,
            each=arguments.each,
            slurm=arguments.slurm,
            vllm=arguments.vllm,
        )
        small["rehearses"] = str(arguments.config)
        parsed = parsing.parse(small)
        (folder / "run.yaml").write_text(yaml.safe_dump(small, sort_keys=False), encoding="utf-8")
        failure = run(
            [*targets(parsed, results, each=arguments.each), *parse_words(arguments.arguments)],
            folder / "run.yaml",
        )
    trained = [name for name, policy in parsed.policies.items() if isinstance(policy, TrainedConfig)]
    problems = find_problems(results, trained)
    page = to_page(
        f"Rehearsal of {config.run}",
        stage_table(results),
        replacements(config, made_up=pairs is not None, slurm=arguments.slurm, vllm=arguments.vllm),
        unrehearsed(config, vllm=arguments.vllm),
        problems,
        describe(failure, results, config) if failure else None,
    )
    (results / "rehearsal.md").write_text(page, encoding="utf-8")
    log.info("\n%s\nwritten to %s", page, results / "rehearsal.md")
    if failure or problems:
        log.error("error: %s", conclusion(failure, problems, results / "rehearsal.md"))
    return 1 if failure or problems else 0


def conclusion(failure: Failure | None, problems: Sequence[str], page: Path) -> str:
    """Say whether a job failed, or all ended well and something was found."""
    if failure:
        return f"a job of the rehearsal failed, so that not all was made; {page} says which and why"
    return f"all jobs of the rehearsal ended well, and {len(problems)} of what they made needs a look: {page}"


def describe(failure: Failure, results: Path, config: Config) -> str:
    """Write the failure with its job at full scale, as far as the run's plan knows it."""
    if failure.artifact is None:
        return failure.message
    jobs = RunPlan.of(config, plans(config)[0]).jobs()
    return f"{failure.message}. {at_scale(failure.artifact, artifacts_made(results), jobs)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=Path, help="JSON file with the whole config")
    parser.add_argument("--each", type=int, choices=(0, 1, 2), default=0, help="1, 2: one entry of each kind")
    parser.add_argument("--slurm", action="store_true", help="jobs run on a cluster")
    parser.add_argument("--vllm", action="store_true", help="judges keep vLLM as their engine")
    parser.add_argument("--arguments", type=json.loads, default=[], help="those of Snakemake, as JSON")
    return parser.parse_args()


def is_at_hand(config: Config) -> bool:
    """True if the run's pairs are files that are there, or the tiny world's."""
    return config.synthetic or has_files(config.data)


def has_files(source: SourceConfig) -> bool:
    """True if a source is files that are there."""
    files = source.input_files if source.preferences else []
    return bool(files) and all(file.is_file() for file in files)


def made_up_pairs(source: SourceConfig) -> Sequence[Row]:
    """Made-up rows in a source's columns."""
    return made_up_rows(source, ROWS, random.Random(source.seed))


def write_lines(file: Path, rows: Sequence[Row]) -> Path:
    """Write rows as JSON lines; return the file."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def forms(config: Config) -> dict[str, Form]:
    """The form of answer that each endpoint is asked for, by the place of its entry."""
    asked: dict[str, Form] = {f"verifiers/{name}": "verdict" for name in config.verifiers}
    asked |= {f"policies/{name}": "text" for name in config.policies}
    for name, judge in config.judges.items():
        asked[f"judges/{name}"] = "story" if getattr(judge, "reads", "pair") == "story" else "pair"
    return asked


def targets(config: Config, results: Path, *, each: int) -> list[str]:
    """Everything of the run, and the exports of all trained models, or of one judge and one policy."""
    if not each:
        return ["all", "export"]
    chosen = []
    for registry, rows in (
        ("judges", config.tables.alignment.rows),
        ("policies", config.tables.win_rates.rows),
    ):
        trained = [row for row in rows if isinstance(config.models(registry)[row], TrainedConfig)]
        chosen += [
            f"{results}/export/{registry}/{name}/seed{config.seeds[0]}/manifest.json" for name in trained[-1:]
        ]
    return ["all", *chosen]


def run(words: list[str], file: Path) -> Failure | None:
    """Run Snakemake on the small run and show what it says; the first failure, or None."""
    line = [sys.executable, "-m", "snakemake", *words, "--configfile", str(file)]
    said: list[str] = []
    with subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={fork_server.VARIABLE: "1", **os.environ},  # its jobs take seconds
        text=True,
        preexec_fn=die_with_parent,
    ) as child:
        assert child.stdout is not None
        for text in child.stdout:
            sys.stderr.write(text)
            said.append(text)
    return first_failure("".join(said)) if child.returncode else None


def first_failure(said: str) -> Failure:
    """Find the first failed job in what the run said (``console.describe_failure``)."""
    block = re.search(r"^(error: .*)\n    log: (.*)\n((?:    .*\n)+)", said, re.MULTILINE)
    if block is None:
        lines = [line for line in said.splitlines() if line.strip()]
        return Failure(f"the rehearsal did not start: {' '.join(lines[-3:])}")
    line, log_file, about = block.groups()
    rule = re.search(r"^    rule: (\w+)", about, re.MULTILINE)
    output = re.search(r"^    output: results/[^/]+/(\S+)/manifest.json", about, re.MULTILINE)
    message = f"{rule[1] if rule else 'a stage'} failed ({log_file}): {line}"
    return Failure(message, output[1] if output else None)


def parse_words(words: list[str]) -> list[str]:
    """Snakemake's arguments without the target, the config files and the values given for them."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+")
    parser.add_argument("--config", "-C", nargs="*")
    _, rest = parser.parse_known_args(words)
    return [word for word in rest if word != "rehearse"]


if __name__ == "__main__":
    sys.exit(main())
