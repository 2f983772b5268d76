"""What all rules share: the typed config, names and paths."""

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from rlcs.config import parsing
from rlcs.config.judges import ScalarJudgeConfig, ConsensusConfig, GenrmGRPOConfig, GenrmSFTConfig
from rlcs.config.lineage import trained_models
from rlcs.config.policies import BasePolicyConfig, ExternalPolicyConfig, GRPOPolicyConfig, SFTPolicyConfig
from rlcs.config.training import TrainedConfig
from rlcs.planning import stage_configs, table_configs
from rlcs.records import HUMAN
from rlcs.report import console
from rlcs.stages.codehash import code_hash

try:
    CONFIG = parsing.parse(config)
except parsing.ConfigError as error:
    raise WorkflowError(str(error)) from None

# "python" in the rules is that of `make gpu` where it was run, else the one that runs Snakemake, unless an
# environment is activated for a job.
PYTHONS = [Path(workflow.basedir) / ".venv-gpu" / "bin", Path(sys.executable).parent]
os.environ.update(PATH=os.pathsep.join([*(str(place) for place in PYTHONS), os.environ.get("PATH", "")]))

# Slurm sends SIGTERM to all processes of a job. Without a trap the shell ends at once, Slurm takes the job for done
# and kills what is left of it: a training in the midst of saving its state.
shell.prefix("set -euo pipefail; trap : TERM; ")


def keep_records_with_results():
    """Snakemake's records of what made each file are kept in results/, so that a copy of it is complete."""
    records, place = Path("results/.snakemake/metadata"), Path(".snakemake/metadata")
    records.mkdir(parents=True, exist_ok=True)
    (place.parent / "incomplete").mkdir(parents=True, exist_ok=True)  # else Snakemake migrates an old format
    if place.is_dir() and not place.is_symlink():
        shutil.copytree(place, records, dirs_exist_ok=True)
        shutil.rmtree(place)
    if not place.is_symlink():
        place.symlink_to(os.path.relpath(records, place.parent))


keep_records_with_results()

RESULTS = f"results/{CONFIG.run}"
LOGS = f"{RESULTS}/logs"
BENCHMARKS = f"{RESULTS}/benchmarks"
ANSWERS = f"{RESULTS}/answers"
PREFERENCES = f"{RESULTS}/preferences/manifest.json"
FIRST_SEED = CONFIG.seeds[0]


wildcard_constraints:
    seed=r"\d+",


def code(script):
    """Content hash of a script's import closure: Snakemake sees neither imports nor edits by content."""
    return code_hash(SCRIPTS / script)


def part(section):
    """A stage's part of the config as a param: builtins only, sorted."""
    return json.dumps(section, sort_keys=True)


def endpoint(judge_of):
    """Where and how fast an endpoint is asked, as a param that makes nothing run again.

    Snakemake compares no param of a function that takes "output". Another server or another rate gives no other
    answers, and those that were had are kept outside of the outputs: {ANSWERS}/{judge}.
    """
    return lambda wildcards, output: part(stage_configs.endpoint(CONFIG, judge_of(wildcards)))


def serving():
    """How vLLM is started beside a training, as a param that makes nothing run again, as ``endpoint``."""
    return lambda wildcards, output: part(stage_configs.plain(CONFIG.serving))


def names_of(models, *kinds):
    """A regular expression for the names of the models of some kinds; matches nothing where there are none."""
    names = [re.escape(name) for name, model in models.items() if isinstance(model, kinds)]
    return "|".join(names) or "(?!)"


def is_trained(judge):
    return isinstance(CONFIG.judges[judge], TrainedConfig)


def seeds_of(judge):
    """A judge that no training made answers the same for every seed: it is asked once."""
    trained = is_trained(judge) or CONFIG.judges[judge].parent_name
    return CONFIG.seeds if trained else [FIRST_SEED]


def base_of(base):
    return f"{RESULTS}/bases/{base}/manifest.json"


def judge_model(judge, seed):
    """The manifest of a judge's weights; none for a judge of the tiny world."""
    if is_trained(judge):
        return [f"{RESULTS}/judges/{judge}/seed{seed}/manifest.json"]
    parent, base = CONFIG.judges[judge].parent_name, CONFIG.judges[judge].base_name
    if parent:
        return judge_model(parent, seed)
    return [base_of(base)] if base else []


def chains_of(judge):
    """The manifest of the chains that a GenRM learns; none where it learns from labels or consensus alone."""
    if judge.teacher is None or HUMAN not in judge.label_sources:
        return []
    stage = "chains" if judge.chains == "filtered" else "teachers"
    return [f"{RESULTS}/{stage}/{judge.teacher}/manifest.json"]


def filtered_chains():
    """Manifests of all chains that the consistency filter kept for a GenRM."""
    learners = [judge for judge in CONFIG.judges.values() if isinstance(judge, GenrmSFTConfig)]
    return sorted({chains for judge in learners if judge.chains == "filtered" for chains in chains_of(judge)})


def judges_asked(policy, seed):
    """The manifests of the weights of a policy's judges, in their order."""
    return [
        model for judge in stage_configs.policy_judges(CONFIG, policy) for model in judge_model(judge, seed)
    ]


def launch_of(model):
    """The config file of `accelerate launch`; none for a training in one process."""
    return [str(model.launch)] if model.launch else []


def consensus_of(judge):
    """The consensus pairs that a judge is trained on, source by source."""
    sources = [source for source in CONFIG.judges[judge].label_sources if source != HUMAN]
    return [f"{RESULTS}/consensus/{source}/manifest.json" for source in sources]


def verifier_model(verifier):
    """The manifest of a verifier's weights; none for an endpoint, or where no verifier is named."""
    base = CONFIG.verifiers[verifier].base_name if verifier else None
    return [base_of(base)] if base else []


def table_verifier():
    """The verifier that reads stories for the constraint table; None where none is named."""
    return CONFIG.tables.constraints.verifier if CONFIG.tables.constraints else None


def verified_policies():
    """Of the policies in the win rates, those whose stories the table's verifier reads."""
    if table_verifier() is None:
        return []
    read = {*CONFIG.tables.constraints.rows, CONFIG.tables.win_rates.reference}
    return [policy for policy in CONFIG.tables.win_rates.rows if policy in read]


def of_seeds(stage, names):
    """The manifests of a stage for some models, each of all seeds."""
    return expand(
        f"{RESULTS}/{stage}/{{name}}/seed{{seed}}/manifest.json", name=dict.fromkeys(names), seed=CONFIG.seeds
    )


def policy_model(policy, seed):
    """The manifest of a policy's weights."""
    model = CONFIG.policies[policy]
    if isinstance(model, BasePolicyConfig):
        return base_of(model.base)
    return f"{RESULTS}/policies/{policy}/seed{seed}/manifest.json"


def start_of(registry, models, name, seed):
    """The manifest of the weights that a GRPO training starts from."""
    model = models[name]
    return (
        f"{RESULTS}/{registry}/{model.parent}/seed{seed}/manifest.json"
        if model.parent
        else base_of(model.base)
    )


def preference_files(_):
    """The user's files, none of a hub, or the tiny world's; the world's manifest stands for its file."""
    if CONFIG.synthetic:
        return [f"{RESULTS}/world/manifest.json"]
    return [str(path) for path in CONFIG.data.preferences or []]


def alignment_of(judges):
    """The judgements of held-out pairs."""
    return [
        f"{RESULTS}/alignment/{judge}/seed{seed}/manifest.json"
        for judge in judges
        for seed in seeds_of(judge)
    ]


def injections_of(_):
    return [
        f"{RESULTS}/injections/{judge}/seed{seed}/manifest.json"
        for judge in CONFIG.tables.injections.judges
        for seed in seeds_of(judge)
    ]


def matches_of(_):
    return expand(
        f"{RESULTS}/matches/{{judge}}/seed{{seed}}/manifest.json",
        judge=CONFIG.tables.win_rates.judges,
        seed=CONFIG.seeds,
    )


def stories_of(_):
    return expand(
        f"{RESULTS}/stories/{{policy}}/seed{{seed}}/manifest.json",
        policy=CONFIG.tables.win_rates.rows,
        seed=CONFIG.seeds,
    )


def groups_of(_):
    return expand(
        f"{RESULTS}/groups/{{judge}}/seed{{seed}}/manifest.json",
        judge=CONFIG.tables.pivots.judges if CONFIG.tables.pivots else [],
        seed=CONFIG.seeds,
    )


def trained(registry):
    """The manifests of all models of a registry that the run trains, or bases that it starts from."""
    names = trained_models(CONFIG, registry)
    return [base_of(base) for base in names] if registry == "bases" else of_seeds(registry, names)


def effect_systems(*metrics):
    return table_configs.effect_systems(CONFIG, *metrics)


def tables():
    """Manifests of the run's tables: alignment and win rates, and those that the config gives reason for."""
    some = {
        "filter": filtered_chains(),
        "consensus": CONFIG.consensus,
        "injections": CONFIG.tables.injections,
        "pivots": CONFIG.tables.pivots,
        "human_win_rates": CONFIG.human and CONFIG.human.annotations,
        "gains": CONFIG.tables.gains,
        "constraints": CONFIG.tables.constraints,
        "ifeval": CONFIG.tables.ifeval,
        "effects": CONFIG.effects,
    }
    names = ["alignment", "win_rates", *(name for name, there in some.items() if there)]
    return [f"{RESULTS}/tables/{name}/manifest.json" for name in names]


TABLES = tables()


def figures_of(registry):
    """The tables whose rows a card shows."""
    names = {"judges": ["alignment"], "policies": ["win_rates", "constraints"]}[registry]
    return [manifest for name in names for manifest in TABLES if f"/{name}/" in manifest]
