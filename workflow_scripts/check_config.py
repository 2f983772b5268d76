"""Check a run before its first job: files, options, models, endpoints, GPUs, time and room, in one table."""

import argparse
import logging
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from accelerate.commands.config.config_args import load_config_from_file
from trl import GRPOConfig

from rlcs.config import parsing
from rlcs.config.data import DataConfig
from rlcs.config.policies import GRPOPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.trained_judges import GenrmGRPOConfig
from rlcs.config.training import TrainedConfig
from rlcs.config.untrained_judges import RecordedTeacherConfig
from rlcs.data.source_keys import name_keys
from rlcs.data.survey import survey
from rlcs.errors import InputError
from rlcs.judging.preflight import endpoint_problems, endpoints
from rlcs.judging.recorded import read_chains
from rlcs.models.embeddings import sentence_model_folder
from rlcs.planning import slurm_site, stage_configs
from rlcs.planning.at_hand import missing_files, named_files
from rlcs.planning.disk_plan import disk_problem
from rlcs.planning.findings import Finding, count, strictly, table
from rlcs.planning.job_resources import asked_gpus, gpu_lines
from rlcs.planning.plugin_files import plugin_problems
from rlcs.planning.run_plan import RunPlan
from rlcs.planning.trackers import tracker_problem
from rlcs.records import Split
from rlcs.stages.launch import Launch
from rlcs.training.grpo import assert_shaping, assert_whole_groups
from rlcs.training.planned import entry_options, plans, trainings
from rlcs.training.readiness import gpu_findings, model_findings
from rlcs.training.rollouts import rollouts_problem

READ_AT_ONCE = 100 * 10**6  # bytes of files
SITE = Path("slurm/site.yaml")  # names the price of a GPU hour, wherever jobs run


def problems(config: Config) -> list[str]:
    """List a line per file that is not there, and per model whose options TRL or its trainer refuses."""
    return [*missing_files(config), *tracking_problems(config), *option_problems(config)]


def tracking_problems(config: Config) -> list[str]:
    """List a line if the tracker of the trainings cannot be used."""
    problem = tracker_problem(config.tracking)
    return [f"tracking: {problem}"] if problem is not None else []


def option_problems(config: Config) -> list[str]:
    """List a line per model whose options TRL, its trainer or its launcher refuses."""
    lines = []
    with TemporaryDirectory() as scratch:
        for key, entry in trainings(config).items():
            try:
                options = entry_options(config, entry, scratch)
                if isinstance(entry, GenrmGRPOConfig | GRPOPolicyConfig):
                    assert_whole_groups(options, entry.groups_per_unit)
                    assert_shaping(options, entry)
            except (InputError, ValueError) as error:
                lines.append(f"{key}.training: {error}")
                continue
            if isinstance(entry, TrainedConfig) and entry.launch is not None:
                lines += [f"{key}.launch: {problem}" for problem in launch_problems(entry.launch, options)]
            if isinstance(entry, GRPOPolicyConfig) and (problem := sentence_model_problem(entry)):
                lines.append(f"{key}.diversity.sentence_model: {problem}")
            if isinstance(options, GRPOConfig) and (problem := rollouts_problem(options, config.serving)):
                lines.append(f"{key}.training: {problem}")
    return lines


def ineffective(config: Config) -> list[str]:
    """A line for each option under the shared ``training`` that every entry overrides."""
    entries = list(trainings(config).values())
    return [
        f"training.{name}: {value} has no effect: all {len(entries)} trainings have their own. Change these, "
        "or take it out of them; defaults.judges.training and defaults.policies.training reach a registry"
        for name, value in config.training.items()
        if entries and all(name in entry.training for entry in entries)
    ]


def sentence_model_problem(policy: GRPOPolicyConfig) -> str | None:
    """Say why the sentence model of a policy's diversity cannot be used; None if it can, or has none."""
    model = policy.diversity.sentence_model if policy.diversity else None
    if model is not None:
        try:
            sentence_model_folder(model.package, model.model)
        except InputError as error:
            return str(error)
    return None


def launch_problems(file: Path, options: Any) -> list[str]:
    """Check the config file of a training's ``accelerate launch`` with accelerate itself."""
    try:
        launch = Launch.of_file(file)
        load_config_from_file(str(file))
    except (OSError, TypeError, ValueError) as error:
        return [str(error)]
    together = getattr(options, "vllm_tensor_parallel_size", 1)
    if getattr(options, "use_vllm", False) and options.vllm_mode == "colocate" and launch.per_node % together:
        return [
            f"{launch.per_node} processes on each node must be a multiple of vllm_tensor_parallel_size = "
            f"{together}: vLLM is colocated with so many of them"
        ]
    return []


def find(config: Config, results: Path | None, site_file: Path | None) -> list[Finding]:
    """Find all that can be known of a run before its first job.

    Args:
        results: the run's folder, whose file system must hold its models.
        site_file: the site's file, if jobs run on Slurm; this machine's GPUs are then not theirs.
    """
    files, plugins, options = missing_files(config), plugin_problems(config), option_problems(config)
    lines = [*files, *plugins, *tracking_problems(config), *options]
    found = [Finding.of_line("error", line) for line in lines]
    site = read_site(site_file or SITE)
    asked = {} if options else asked_gpus(config)
    if site_file is not None:
        lines = slurm_site.all_problems(site, asked)
        found += [Finding.of_line("error", f"{site_file}: {line}") for line in lines]
        found += [] if lines else [Finding("ok", str(site_file), "complete")]
    found += [Finding.of_line("warning", line) for line in ineffective(config)]
    found += endpoint_findings(config) + model_findings(config)
    if not options:
        found += [Finding("ok", "training", f"{len(trainings(config))} trainings, all accepted by TRL")]
        found += plan_findings(config, asked, results, site, site_file)
    if not files and not plugins:
        found += data_findings(config) + benchmark_findings(config) + chain_findings(config)
        found.append(
            Finding("ok", "files", f"{len(list(named_files(config)))} named by the config, all there")
        )
    return found


def plan_findings(
    config: Config,
    asked: Mapping[str, tuple[int, str]],
    results: Path | None,
    site: Mapping[str, Any],
    site_file: Path | None,
) -> list[Finding]:
    """Compare the plan of a run with this machine, or with the site.

    Args:
        asked: GPUs of each node that jobs ask for, and their sum in words, by the job's key.
    """
    planned, unknown = plans(config)
    run_plan = RunPlan.of(config, planned)
    found = []
    if config.training.get("use_cpu"):  # hours are those of a GPU
        found.append(Finding("ok", "time", "not planned on a CPU; docs/own_data.md has what was measured"))
        run_plan = replace(run_plan, answered=[plan for plan in run_plan.answered if plan.money])
    shown = [*(f"gpus: {line}" for line in gpu_lines(asked)), *(f"memory: {plan}" for plan in planned)]
    if planned or run_plan.answered:
        lines = [*(shown if planned else []), *run_plan.lines(site.get("gpu_hour_price"))]
        found += [Finding.of_line("ok", line) for line in lines]
    found += [Finding.of_line("ok", f"memory: {line}") for line in unknown]
    full = disk_problem(run_plan.models, results) if results else None
    if site_file is None:
        most = max((gpus for gpus, _ in asked.values()), default=0)
        found += gpu_findings(config, planned, most)
        return [*found, *([Finding.of_line("warning", full, here=True)] if full else [])]
    # what is not enough here is not enough for the jobs
    gigabytes = site.get("gpu_gigabytes")
    lines = [full] if full else []
    if isinstance(gigabytes, int):
        lines += [problem for plan in planned if (problem := plan.problem(gigabytes))]
    profile = site_file.with_name("config.yaml").read_text(encoding="utf-8")
    cannot, may_not = run_plan.late(slurm_site.time_limits(profile, site))
    found += [Finding.of_line("error", line) for line in [*lines, *cannot]]
    return [*found, *(Finding.of_line("warning", line) for line in may_not)]


def endpoint_findings(config: Config) -> list[Finding]:
    """Ask each endpoint of the run one short question."""
    refused, unasked = endpoint_problems(config)
    told = [
        *(Finding.of_line("error", line) for line in refused),
        *(Finding.of_line("warning", line, here=True) for line in unasked),
    ]
    answers = endpoints(config).keys() - {finding.subject for finding in told}
    return [*told, *(Finding("ok", key, "the endpoint answers") for key in sorted(answers))]


def data_findings(config: Config) -> list[Finding]:
    """Read the pairs of the run, if they are in files that are read in seconds."""
    return source_findings("data", config.data, ("train", "test"))


def benchmark_findings(config: Config) -> list[Finding]:
    """Read the pairs of each benchmark, as its stage does."""
    found = []
    for name, entry in config.benchmarks.items():
        section = stage_configs.benchmark(config, name)["data"] | {"preferences": entry.preferences}
        found += source_findings(f"benchmarks.{name}", DataConfig.model_validate(section), ("test",))
    return found


def source_findings(key: str, data: DataConfig, needed: Sequence[Split]) -> list[Finding]:
    """Read a source of pairs, if it is in files that are there and are read in seconds.

    Args:
        key: of the source in the config.
        needed: splits that must have pairs.
    """
    files, subject = data.input_files if data.preferences else [], f"{key}.preferences"
    if not files or not all(file.is_file() for file in files):
        return []  # a missing file that the run needs is named already
    if sum(file.stat().st_size for file in files) > READ_AT_ONCE:
        return []
    try:
        read = survey(data)
    except InputError as error:
        return [Finding("error", subject, name_keys(str(error), key))]
    if problem := read.problem(needed):
        return [Finding("error", subject, name_keys(problem, key))]
    found = [Finding("ok", subject, name_keys(line, key)) for line in read.lines()]
    if warning := read.warning():
        found.append(Finding("warning", subject, name_keys(warning, key)))
    return found


def chain_findings(config: Config) -> list[Finding]:
    """Read the chains that other systems wrote, if they are in files that are read in seconds."""
    told = []
    for name, judge in config.judges.items():
        if not isinstance(judge, RecordedTeacherConfig) or not judge.chains.is_file():
            continue  # a missing file that the run needs is named already
        if judge.chains.stat().st_size > READ_AT_ONCE:
            continue
        try:
            chains = read_chains(judge.chains, judge)
        except InputError as error:
            told.append(Finding("error", f"judges.{name}.chains", str(error)))
        else:
            told.append(Finding("ok", f"judges.{name}.chains", f"pairs with a chain: {len(chains)}"))
    return told


def read_site(file: Path) -> Mapping[str, Any]:
    """The keys of a site's file; none if it is not there."""
    return (yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.exists() else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=Path, help="JSON file with the whole config")
    parser.add_argument(
        "--results", type=Path, help="the run's folder, whose file system must hold its models"
    )
    parser.add_argument("--site", type=Path, help="the site's file, if jobs run on Slurm")
    parser.add_argument("--strict", action="store_true", help="what this machine lacks is an error")
    arguments = parser.parse_args()
    config = parsing.read(arguments.config)
    found = find(config, arguments.results, arguments.site)
    if arguments.strict:
        found = strictly(found)
    print(f"{table(found)}\n\nrun {config.run!r}: {count(found)}")
    errors = [finding for finding in found if finding.level == "error"]
    if errors:  # again: the end of a failed job's log is what the console shows
        sys.stdout.flush()
        sys.exit("\n".join(f"error: {error.subject}: {error.said}" for error in errors))


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # words of libraries would stand in the table
    warnings.simplefilter("ignore", FutureWarning)
    main()
