"""The typed config, the paths and the helpers that all rules share."""

import json
import os
import re
import shlex
import shutil
import sys
import time
import uuid
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.jobs import Job

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from rlcs.config import parsing
from rlcs.config.data import ConsensusConfig
from rlcs.config.lineage import trained_models, training_seeds
from rlcs.config.policies import (
    BasePolicyConfig,
    BestOfPolicyConfig,
    DPOPolicyConfig,
    EndpointPolicyConfig,
    ExternalPolicyConfig,
    GRPOPolicyConfig,
    SFTPolicyConfig,
)
from rlcs.config.trained_judges import (
    GenrmGRPOConfig,
    GenrmProbeConfig,
    GenrmSFTConfig,
    GenrmVerdictsConfig,
    ScalarJudgeConfig,
)
from rlcs.config.training import LearnedConfig, TrainedConfig
from rlcs.config.untrained_judges import RecordedTeacherConfig
from rlcs.planning import at_hand, job_resources, plugin_files, stage_configs, table_configs
from rlcs.planning.findings import Finding, table
from rlcs.records import HUMAN
from rlcs.report import console
from rlcs.report.captions import FIGURES as FIGURE_CAPTIONS
from rlcs.report.captions import TABLES as TABLE_CAPTIONS
from rlcs.stages import fork_server, retries
from rlcs.stages.codehash import code_hash
from rlcs.stages.gpus import may_have_gpu
from rlcs.stages.sigterm import hand_on_sigterm
from rlcs.stages.tracking import Tracking

EACH = config.pop("each", 0)  # of `snakemake rehearse`: one job of each distinct kind
VLLM = config.pop("vllm", 0)  # as well: judges keep vLLM as their engine
# Of `snakemake push` and `snakemake compare`; for other targets they are unknown keys.
GIVEN = dict.fromkeys(("model", "repo", "public", "runs"))
if {"push", "compare"} & set(sys.argv):
    GIVEN = {key: config.pop(key, None) for key in GIVEN}
STRICT = config.pop("strict", 0)  # of `snakemake check`: what this machine lacks is an error
# `snakemake init` writes a config for these, and so has none of its own.
ASKED = {
    key: config.pop(key) for key in ("preferences", "for", "to") if key in config and "init" in sys.argv[1:]
}

try:
    parsing.check_keys(map(Path, workflow.configfiles))
    CONFIG = parsing.parse(config)
    parsing.refuse(plugin_files.unreadable_plugins(CONFIG))
except parsing.ConfigError as error:
    raise WorkflowError(str(error)) from None

job_resources.RUN[:] = [CONFIG]  # for the expressions of a profile

# A failure that would come again has no further attempt. Snakemake itself knows no causes; if another version of
# it counts attempts elsewhere, the stage still ends at once.
os.environ.setdefault(retries.RUN_VARIABLE, uuid.uuid4().hex)
Job.restart_times = property(
    lambda job: 0 if any(map(retries.has_failed_for_good, job.output)) else job.rule.restart_times
)

# The executor is not known yet; --jobs is for others than this machine.
ON_CLUSTER = workflow.is_main_process and workflow.resource_settings.nodes is not None


def put_first_in_path(*folders: Path) -> None:
    """Let jobs find the programs of these folders before others."""
    os.environ.update(PATH=os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")]))


# "python" in a rule is the one of `make gpu` if that was run, else the one that runs Snakemake. An environment
# that is activated for a job comes first.
FOLDERS = [Path(workflow.basedir) / ".venv-gpu" / "bin", Path(sys.executable).parent]
if ON_CLUSTER:  # an sbatch that is tried again
    FOLDERS.insert(0, Path(workflow.basedir) / "slurm" / "bin")
put_first_in_path(*FOLDERS)

# Slurm sends SIGTERM to a job's Snakemake alone, which hands it on to the stage, or to all processes of the job. In the
# second case the shell ends at once without a trap. Slurm then believes that the job is over and kills the rest of it:
# a training that is just saving its state.
shell.prefix("set -euo pipefail; trap : TERM; ")
if not workflow.is_main_process:
    hand_on_sigterm()


def keep_records_with_results():
    """Keep Snakemake's records of what made each file in results/, so that a copy of the folder is complete."""
    records, link = Path("results/.snakemake/metadata"), Path(".snakemake/metadata")
    records.mkdir(parents=True, exist_ok=True)
    (link.parent / "incomplete").mkdir(parents=True, exist_ok=True)  # else Snakemake migrates an old format
    if link.is_dir() and not link.is_symlink():
        shutil.copytree(link, records, dirs_exist_ok=True)
        shutil.rmtree(link)
    if not link.is_symlink():
        link.symlink_to(os.path.relpath(records, link.parent))


keep_records_with_results()

RESULTS = f"results/{CONFIG.run}"
LOGS = f"{RESULTS}/logs"
ANSWERS = f"{RESULTS}/answers"
FIRST_SEED = CONFIG.seeds[0]

# In the jobs' environment, which no stage depends on; jobs on Slurm come here too.
TRACKING = Tracking(CONFIG.tracking, CONFIG.run, Path(RESULTS))
os.environ.update(TRACKING.to_environment())


def refuse(findings):
    """Stop before the first job if there are errors."""
    if findings:
        raise WorkflowError(f"\n{table(findings)}\n`snakemake check` says more, and what is fine.")


def refuse_missing_files():
    """Stop a run that has not begun if files that its config names are not there.

    Snakemake would say so of the files that its first jobs read, without the keys. A run that has begun needs no more
    than the jobs that are left.
    """
    if not Path(PREFERENCES).exists():
        refuse([Finding.of_line("error", line) for line in at_hand.missing_files(CONFIG)])


def look_for_jobs_when_one_ends():
    """Take Snakemake's default limit of 100 jobs a second away; one that the user gave stays.

    With a limit Snakemake looks for jobs again after each second, and for each job that has ended once more in each
    (snakemake/snakemake#3744). In a run of hundreds of jobs that keeps a core and the file system busy.
    """
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit is not None and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def needs_of(job):
    """The rule, the wildcards and the endpoints of a job."""
    endpoint = job.params.get("endpoint") if job.rule.params else None
    return job.rule.name, dict(job.wildcards.items()), json.loads(endpoint or "{}")


def share_gpus():
    """Let one job at a time use the GPUs of this machine: a job takes the first, or all that its launch names."""
    if may_have_gpu() and "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", 1)
        for stage in workflow.rules:
            stage.resources["gpu"] = lambda wildcards, name=stage.name: job_resources.gpus_of_job(
                name, wildcards
            )


wildcard_constraints:
    seed=r"\d+",


# ------------------------------------------------------------------------------------------- paths


def artifact(name):
    """The manifest of an artifact. A stage writes it last, so it stands for all files of the folder."""
    return f"{RESULTS}/{name}/manifest.json"


def log_file(name):
    return f"{LOGS}/{name}.log"


def benchmark_file(name):
    return f"{RESULTS}/benchmarks/{name}.tsv"


def report_file(path, caption, category, **labels):
    """An output that Snakemake's report shows, with the words of report/{caption}.rst below it."""
    return report(f"{RESULTS}/{path}", caption=f"../report/{caption}.rst", category=category, labels=labels)


def table_file(name, folder=None):
    """The CSV of a table; `folder` names the table whose stage writes it, if that is another one."""
    title = TABLE_CAPTIONS[name].title.lower()
    return report_file(f"tables/{folder or name}/{name}.csv", name, "Tables", table=title)


def figure_file(name, folder=None):
    """The SVG of the table with that name; `folder` as in `table_file`."""
    title = TABLE_CAPTIONS[name].title.lower()
    return report_file(f"tables/{folder or name}/{name}.svg", name, "Figures", figure=title)


def curve_figures():
    """The SVG of each kind of training."""
    return [
        report_file(f"figures/{name}.svg", "curves", "Figures", figure=FIGURE_CAPTIONS[name].title.lower())
        for name in table_configs.curve_figures(CONFIG)
    ]


def matrix_figures():
    """The SVG of each judge's matrix of win rates."""
    return [
        report_file(
            f"tables/win_rates/win_rate_matrix-panel{number}.svg",
            "win_rate_matrix",
            "Figures",
            figure=f"every policy against every other, by {judge}",
        )
        for number, judge in enumerate(CONFIG.tables.win_rates.judges)
    ]


def sweep_files(suffix, category):
    """The file of each sweep with that suffix."""
    return [
        report_file(f"tables/sweeps/sweep_{name}.{suffix}", "sweeps", category, sweep=name)
        for name in CONFIG.sweeps
    ]


def page_file(name, label):
    """An HTML page."""
    return report_file(f"{name}/{name}.html", name, "Report", page=label)


PREFERENCES = artifact("preferences")

# ------------------------------------------------------------------------------------------- params


def code(script):
    """Content hash of a script's import closure: Snakemake sees neither imports nor edits by content."""
    return code_hash(SCRIPTS / script)


def as_param(values):
    """Values as JSON with sorted keys: equal values are the same param."""
    return json.dumps(values, sort_keys=True)


def config_file(_):
    """A file with the whole config, since a command line has room for 128 KiB, and an error shows it."""
    file = Path(LOGS) / "config.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(config, indent=1), encoding="utf-8")
    return str(file)


def config_param(section, *wildcard_names):
    """A stage's own part of the config: `section(CONFIG, ...)`, called with the job's values of the wildcards."""
    return lambda wildcards: as_param(section(CONFIG, *(getattr(wildcards, name) for name in wildcard_names)))


def endpoint_param(wildcard_name, registry="judges"):
    """Address and rate of the endpoint of the judge or policy that the wildcard names.

    A change of them makes no stage run again, because Snakemake does not compare a param whose function takes
    "output". Another server or another rate gives the same answers, and the answers so far are kept outside of
    the outputs, in {ANSWERS}/{judge} or {ANSWERS}/policies/{policy}.
    """
    return lambda wildcards, output: as_param(
        stage_configs.endpoint(CONFIG, getattr(wildcards, wildcard_name), registry)
    )


def serving_param():
    """How vLLM is started beside a job. A change makes nothing run again, as in `endpoint_param`."""
    return lambda wildcards, output: as_param(stage_configs.plain(CONFIG.serving))


# ------------------------------------------------------------------------------------------- models


def names_of(models, *kinds):
    """A regular expression for the names of the models of some kinds; it matches nothing if there are none."""
    names = [re.escape(name) for name, model in models.items() if isinstance(model, kinds)]
    return "|".join(names) or "(?!)"


def is_trained(judge):
    return isinstance(CONFIG.judges[judge], LearnedConfig)


def seeds_of(judge):
    """The seeds that a judge answers for: the first alone if the judge does not come from a training."""
    trained = is_trained(judge) or CONFIG.judges[judge].parent_name
    return CONFIG.seeds if trained else [FIRST_SEED]


def base_of(base):
    return artifact(f"bases/{base}")


def judge_model(judge, seed):
    """The manifest of a judge's weights, or a recorded teacher's file; none for a judge of the tiny world."""
    if isinstance(CONFIG.judges[judge], RecordedTeacherConfig):
        return [str(CONFIG.judges[judge].chains)]
    if is_trained(judge):
        return [f"{RESULTS}/judges/{judge}/seed{seed}/manifest.json"]
    parent, base = CONFIG.judges[judge].parent_name, CONFIG.judges[judge].base_name
    if parent:
        return judge_model(parent, seed)
    return [base_of(base)] if base else []


def chains_of(judge):
    """The manifest of the chains that a GenRM learns, or that check its evidence; none if there are no such."""
    if judge.teacher is None or HUMAN not in judge.label_sources:
        return []
    stage = "chains" if judge.chains == "filtered" else "teachers"
    return [artifact(f"{stage}/{judge.teacher}")]


def filtered_chains():
    """The manifests of all chains that the consistency filter kept for a GenRM."""
    learners = [
        judge for judge in CONFIG.judges.values() if isinstance(judge, GenrmSFTConfig | GenrmGRPOConfig)
    ]
    return sorted({chains for judge in learners if judge.chains == "filtered" for chains in chains_of(judge)})


def reward_judges(policy, seed):
    """The manifests of the weights of the judges that answer during a policy's training, in their order."""
    judges = stage_configs.policy_judges(CONFIG, policy)
    return [manifest for judge in judges for manifest in judge_model(judge, seed)]


def gates_of(policy, seed):
    """The manifests that say that a policy's judges passed the gate; none without a gate."""
    judges = stage_configs.gated_judges(CONFIG, policy)
    return [
        artifact(f"gates/{judge}/seed{seed if int(seed) in seeds_of(judge) else FIRST_SEED}")
        for judge in judges
    ]


def chooser(policy):
    """The judge that chooses a policy's stories."""
    return CONFIG.policies[policy].best_of.judge


def launch_of(model):
    """The config file of `accelerate launch`; none for a training in one process."""
    return [str(model.launch)] if model.launch else []


def consensus_of(model):
    """The consensus pairs that a model is trained on, source by source."""
    sources = [source for source in model.label_sources if source != HUMAN]
    return [artifact(f"consensus/{source}") for source in sources]


def verifier_model(verifier):
    """The manifest of a verifier's weights; none for an endpoint, or if no verifier is named."""
    base = CONFIG.verifiers[verifier].base_name if verifier else None
    return [base_of(base)] if base else []


def instruction_prompts():
    """The file of prompts with instructions: the user's, or what is made of a hub's data set."""
    prompts = CONFIG.tables.ifeval.prompts
    return str(prompts) if prompts else f"{RESULTS}/instructions/input_data.jsonl"


def table_verifier():
    """The verifier that reads stories for the constraint table; None if the config names none."""
    return CONFIG.tables.constraints.verifier if CONFIG.tables.constraints else None


def verified_policies():
    """The policies of the win rates whose stories the table's verifier reads."""
    if table_verifier() is None:
        return []
    read = {*CONFIG.tables.constraints.rows, CONFIG.tables.win_rates.reference}
    return [policy for policy in CONFIG.tables.win_rates.rows if policy in read]


def of_seeds(stage, names, seeds=lambda name: CONFIG.seeds):
    """The manifests of a stage for some models, each for all seeds or for those that `seeds` names."""
    return [artifact(f"{stage}/{name}/seed{seed}") for name in dict.fromkeys(names) for seed in seeds(name)]


def policy_model(policy, seed):
    """The manifest of a policy's weights; none for an endpoint."""
    model = CONFIG.policies[policy]
    if isinstance(model, EndpointPolicyConfig):
        return []
    if isinstance(model, BasePolicyConfig):
        return base_of(model.base)
    return artifact(f"policies/{policy}/seed{seed}")


def start_of(registry, model, seed):
    """The manifest of the weights that a GRPO or DPO training starts from."""
    return artifact(f"{registry}/{model.parent}/seed{seed}") if model.parent else base_of(model.base)


def preference_files(_):
    """The user's files or the manifest of the tiny world; none if the preferences come from the network."""
    refuse_missing_files()
    if CONFIG.synthetic:
        return [artifact("world")]
    return [str(path) for path in CONFIG.data.input_files]


def benchmark_files(wildcards):
    """The files of a benchmark; none if it comes from the network."""
    return [str(path) for path in CONFIG.benchmarks[wildcards.name].input_files]


def benchmark_judgements():
    """The manifests of all judgements of benchmarks."""
    return [
        manifest
        for judge in CONFIG.benchmark_judges
        for manifest in of_seeds(
            f"benchmark_judgements/{judge}", CONFIG.benchmarks, lambda _: seeds_of(judge)
        )
    ]


def trained(registry):
    """The manifests of all models of a registry that the run trains, or of the bases that it starts from."""
    names = trained_models(CONFIG, registry)
    if registry == "bases":
        return [base_of(base) for base in names]
    return of_seeds(registry, names, lambda name: training_seeds(CONFIG, registry, name))


def pushed_manifest(_):
    """The manifest of the exported model that `push` uploads; what is missing is said before anything runs."""
    from huggingface_hub import get_token  # here: no other target needs it

    seeds = {
        f"{registry}/{name}": training_seeds(CONFIG, registry, name)
        for registry in ("judges", "policies")
        for name in trained_models(CONFIG, registry)
    }
    model, seed = re.fullmatch(r"(.*?)(?:/seed(\d+))?", str(GIVEN["model"])).groups()
    said = None
    if model not in seeds or (seed and int(seed) not in seeds[model]):
        given = f"{GIVEN['model']} is none of" if GIVEN["model"] else "name one:"
        said = f"--config model=...: {given} {', '.join(seeds)}"
    elif not GIVEN["repo"]:
        said = "--config repo=NAME or repo=ORGANIZATION/NAME names the repository"
    elif get_token() is None:
        said = "no token: set HF_TOKEN in the environment, or run `hf auth login`"
    if said:
        raise WorkflowError(f"\n{table([Finding('error', 'push', said)])}")
    return artifact(f"export/{model}/seed{seed or seeds[model][0]}")


def effect_systems(*metrics):
    return table_configs.effect_systems(CONFIG, *metrics)


# ------------------------------------------------------------------------------------------- tables


def tables():
    """The manifests of the run's tables: alignment, and those that the config names."""
    optional = {
        "win_rates": CONFIG.tables.win_rates.rows,
        "benchmarks": CONFIG.benchmarks,
        "filter": filtered_chains(),
        "consensus": CONFIG.consensus,
        "gates": table_configs.gates(CONFIG)["judges"],
        "injections": CONFIG.tables.injections,
        "pivots": CONFIG.tables.pivots,
        "human_win_rates": CONFIG.human and CONFIG.human.annotations,
        "gains": CONFIG.tables.gains,
        "constraints": CONFIG.tables.constraints,
        "ifeval": CONFIG.tables.ifeval,
        "effects": CONFIG.effects,
        "sweeps": CONFIG.sweeps,
    }
    names = ["alignment", *(name for name, needed in optional.items() if needed)]
    return [artifact(f"tables/{name}") for name in names]


TABLES = tables()


def card_tables(registry):
    """The tables whose rows a model card shows."""
    names = {"judges": ["alignment"], "policies": ["win_rates", "constraints"]}[registry]
    return [manifest for name in names for manifest in TABLES if f"/{name}/" in manifest]
