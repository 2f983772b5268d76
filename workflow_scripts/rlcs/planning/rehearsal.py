"""The small run that rehearses a large one: the same graph, rules, rewards and launches, in minutes on a CPU.

It is derived from the parsed config, so that anchors, merged files and defaults are what the large run has.
What differs is listed by ``replacements``; what cannot be rehearsed on a CPU, by ``unrehearsed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml

from rlcs.answer_formats import STRICT
from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.judging import LARGEST_DIGIT
from rlcs.config.lineage import lineage
from rlcs.config.schema import Config
from rlcs.config.section import ModelConfig
from rlcs.config.story_rewards import StoryRewardConfig
from rlcs.config.training import TrainedConfig
from rlcs.config.untrained_judges import AnswersConfig, UntrainedJudgeConfig
from rlcs.planning.gpu_plan import shards_weights
from rlcs.planning.stage_configs import policy_engine
from rlcs.stages.launch import Launch

_Raw = dict[str, Any]
Each = Literal[0, 1, 2]

# Sizes of a rehearsal (design choice): enough that filters, groups and tables have something in them.
SUBSET = {"labelled": 48, "unlabelled": 24, "validation": 8, "test": 16}
STORY_CONTEXTS, STEPS, ANSWER_TOKENS, STORY_TOKENS, STORY_WORDS = 8, 2, 32, 40, 60
PROCESSES = 2
WORLD_TOKENS = (100, 80)  # of an answer and a story of the tiny world's models, which count every slot
# Steps are few, so that at the config's rates all models would stay equal, and a mixed-up path unseen.
RATE_FACTOR, LARGEST_RATE, UNSTATED_RATE = 100, 2e-3, 1e-3
CLUSTER_NODES = 2

# Options of TRL that are left out: schedules that are longer than the rehearsal.
_LEFT_OUT = (
    "num_train_epochs",
    "warmup_ratio",
    "warmup_steps",
    "lr_scheduler_type",
    "save_total_limit",
)
_EVERY_STEP = ("logging_steps", "save_steps", "eval_steps")

# Arguments of vLLM that speak of a large model's GPUs, and those of a small one that takes any machine.
_OF_GPUS = {"tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "gpu_memory_utilization"}
_OF_GPUS |= {"quantization", "kv_cache_dtype"}
SMALL_ENGINE = {"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": 2**28}


def rehearsal_name(run: str) -> str:
    """Name of the run that rehearses a run."""
    return f"{run}-rehearsal"


def derive(
    config: Config,
    *,
    folder: Path,
    server: str,
    pairs: Path | None = None,
    prompts: Path | None = None,
    benchmarks: Mapping[str, Path] = MappingProxyType({}),
    each: Each = 0,
    slurm: bool = False,
    vllm: bool = False,
) -> _Raw:
    """Derive the config of the rehearsal, as ``parsing.parse`` reads it.

    Args:
        folder: for the launch files of the rehearsal.
        server: address of the server that stands in for endpoints.
        pairs: file with made-up pairs, in place of data that is not at hand.
        prompts: file with made-up prompts for ``tables.ifeval``, in place of its own.
        benchmarks: files with made-up rows, in place of benchmarks that are not at hand.
        each: 0 keeps all entries; 1 one of each distinct kind, and what it needs; 2 counts launches apart
            from other kinds, so that one training of each kind of launch has several processes.
        slurm: jobs run on a cluster, so that launches of several nodes have ``CLUSTER_NODES``.
        vllm: judges keep their engine; ``serving.command`` is a vLLM for the machine of the jobs.
    """
    raw: _Raw = config.model_dump(mode="json", by_alias=True)
    raw["run"], raw["seeds"] = rehearsal_name(config.run), config.seeds[:1]
    _shrink_data(raw, config, pairs)
    _shrink_benchmarks(raw, benchmarks)
    raw["bases"] = {name: _stand_in(base) for name, base in raw["bases"].items()}
    answer, story = WORLD_TOKENS if config.synthetic else (ANSWER_TOKENS, STORY_TOKENS)
    raw["judging"]["max_new_tokens"] = answer
    raw["max_cost"] = None
    for section in ("judging", "sampling"):
        if not vllm:
            raw[section]["engine"] = "transformers"
        elif (arguments := raw[section]["vllm"]) is not None:
            kept = {name: value for name, value in arguments.items() if name not in _OF_GPUS}
            raw[section]["vllm"] = kept | SMALL_ENGINE
    raw["judging"]["batch_size"] = min(raw["judging"]["batch_size"], 16)
    raw["serving"] |= {"gpus": 0, "rollouts": {"gpus": 0, "arguments": {}}}
    raw["sampling"] |= {
        "max_new_tokens": story,
        "contexts": STORY_CONTEXTS,
        "batch_size": STORY_CONTEXTS,
    }
    unstated = {"learning_rate": UNSTATED_RATE}  # TRL's own, as low as 1e-6
    raw["training"] = unstated | _shrink_options(raw["training"], 1, answer) | {"use_cpu": True}
    entries = [*config.judges.values(), *config.policies.values()]
    numbers = sorted({number for entry in entries if (number := getattr(entry, "human_labels", None))})
    for registry in ("judges", "policies"):
        for name, entry in raw[registry].items():
            _redirect(entry, f"{server}/{registry}/{name}/v1")
            _shrink_entry(entry, config.models(registry)[name], numbers, answer, folder, slurm)
    for name, verifier in raw["verifiers"].items():
        _redirect(verifier, f"{server}/verifiers/{name}/v1")
        if "max_new_tokens" in verifier:
            verifier["max_new_tokens"] = ANSWER_TOKENS
    if raw["gate"]:
        raw["gate"] = {
            "pairs": SUBSET["validation"],
            "min_accuracy": None,
            "max_flip_rate": 1,
            "max_unparsed_share": 1,
        }
    _shrink_tables(raw)
    if raw["tables"]["ifeval"] and prompts is not None:
        raw["tables"]["ifeval"] |= {"hub": None, "prompts": str(prompts)}
    if each:
        keep_each(raw, config, launches=each == 1)
    if each == 2:
        _launch_once(raw, config)
    return raw


def _shrink_data(raw: _Raw, config: Config, pairs: Path | None) -> None:
    raw["data"]["max_quarantine_share"] = 1.0
    if config.synthetic:
        raw["world"] |= {
            "train_pairs": SUBSET["labelled"],
            "validation_pairs": SUBSET["validation"],
            "test_pairs": SUBSET["test"],
            "unlabelled_pairs": min(SUBSET["unlabelled"], config.world.unlabelled_pairs),
        }
        return
    if pairs is not None:
        raw["data"] |= {"hub": None, "preferences": [str(pairs)]}
    raw["data"]["contexts"] = [path for path in raw["data"]["contexts"] if Path(path).is_file()]
    raw["data"]["story_length"] = {"max_words": STORY_WORDS, "too_long": "truncate"}
    raw["data"]["subset"] = SUBSET | {"unlabelled": SUBSET["unlabelled"] if config.consensus else 0}
    if config.data.subset.labelled is None:  # files with splits of their own have as many as they have
        raw["data"]["subset"]["unlabelled"] = 0


def _shrink_benchmarks(raw: _Raw, made_up: Mapping[str, Path]) -> None:
    for name, entry in raw["benchmarks"].items():
        entry |= {"max_quarantine_share": 1.0, "most_pairs": SUBSET["test"]}
        entry["story_length"] = {"max_words": STORY_WORDS, "too_long": "truncate"}
        if name in made_up:
            entry |= {"hub": None, "preferences": [str(made_up[name])]}


def _stand_in(base: _Raw) -> _Raw:
    if base["kind"] == "world":  # it is small; half of its texts teach it to write scores
        return base | {"single_examples": 2000, "pair_examples": 1000}
    return {"kind": "stand_in", "of": base}


def _redirect(entry: _Raw, address: str) -> None:
    """Send an endpoint's questions to the server of the rehearsal, which takes no key and no money.

    A recorded teacher knows none of the rehearsal's pairs, so the server stands in for it.
    """
    if entry.get("backend") == "file":
        entry |= {"backend": "openai", "model": "recorded", "sampling": {}}
        del entry["chains"], entry["columns"]
    if entry.get("backend") == "openai":
        entry |= {"base_url": address, "api_key_env": None, "prompt_price": 0.0, "completion_price": 0.0}
        entry |= {"max_failure_share": 1, "backoff": 0.05, "max_wait": 1.0, "requests_per_minute": None}
        entry["max_cost"] = None


def _shrink_entry(
    entry: _Raw, model: ModelConfig, numbers: list[int], tokens: int, folder: Path, slurm: bool
) -> None:
    """Shrink an entry to completions of ``tokens``.

    Args:
        numbers: all numbers of human labels, of which each stays another.
    """
    if isinstance(model, TrainedConfig):
        larger = Launch.of_file(model.launch) if model.launch else None
        fewer = larger.processes // PROCESSES if larger and larger.processes > PROCESSES else 1
        entry["training"] = _shrink_options(entry["training"], fewer, tokens) | {"max_steps": STEPS}
        if larger is not None and model.launch is not None:
            entry["launch"] = str(rehearsal_launch(model.launch, folder, slurm=slurm))
    for key, smaller in {
        "keep_better": {"pairs": 4},
        "headroom": {"pairs": 2},
        "select": {"every": 1, "contexts": 2},
        "snapshots": {"every": 1, "contexts": 2},
        "early_stopping": {"every": 1},
        "best_of": {"candidates": 2},
        "watch": {"action": "warn"},
        "constraints": {"max_failure_share": 1},
    }.items():
        if isinstance(entry.get(key), dict):
            entry[key] |= smaller
    if number := entry.get("human_labels"):
        entry["human_labels"] = 4 * (1 + numbers.index(number))
    if isinstance(model, UntrainedJudgeConfig):
        # greedily, a stand-in scores most pairs alike, and none is kept
        entry["temperature"] = 1.0
    if isinstance(model, AnswersConfig):  # a stand-in knows no form but the line of scores
        entry |= {"answer": STRICT, "scores": None, "max_unread_share": 1}
        entry |= {"template": None} if model.reads == "pair" else {}
    if "folds" in entry:
        entry["folds"] = 2
    rewards = entry["reward"] if isinstance(entry.get("reward"), list) else [entry.get("reward")]
    for reward in rewards:
        if isinstance(reward, dict):  # a stand-in's answers are often unreadable, which ends no training
            reward["max_failure_share"] = 1


def _shrink_options(options: Mapping[str, Any], fewer: int, tokens: int) -> _Raw:
    """Options of TRL for ``STEPS`` steps on a CPU.

    Args:
        fewer: how many times fewer processes there are; each takes as many more micro-batches, so that a step
            has as many rows.
        tokens: longest completion.
    """
    small = {name: value for name, value in options.items() if name not in _LEFT_OUT}
    small |= {name: 1 for name in _EVERY_STEP if name in options}
    if "learning_rate" in options:
        rate = options["learning_rate"]
        small["learning_rate"] = max(rate, min(RATE_FACTOR * rate, LARGEST_RATE))
    if options.get("use_vllm"):
        small["use_vllm"] = False
    if "max_completion_length" in options:
        small["max_completion_length"] = tokens
    if fewer > 1:
        small["gradient_accumulation_steps"] = fewer * options.get("gradient_accumulation_steps", 1)
    return small


def rehearsal_launch(file: Path, folder: Path, *, slurm: bool) -> Path:
    """Write accelerate's config file for two processes on a CPU, of the same kind as the run's.

    DeepSpeed's shards are rehearsed as those of FSDP2.
    """
    launch = yaml.safe_load(file.read_text(encoding="utf-8"))
    nodes = CLUSTER_NODES if slurm and launch["num_machines"] > 1 else 1
    sharded = shards_weights(file)
    small = {key: value for key, value in launch.items() if not key.startswith("deepspeed")}
    small |= {
        "distributed_type": "FSDP" if sharded else "MULTI_CPU",
        "use_cpu": True,
        "num_machines": nodes,
        "num_processes": max(PROCESSES, nodes),
    }
    if sharded:
        small["fsdp_config"] = FSDP2 | {
            **launch.get("fsdp_config", {}),
            "fsdp_cpu_ram_efficient_loading": False,
        }
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / file.name
    written.write_text(yaml.safe_dump(small, sort_keys=False), encoding="utf-8")
    return written


FSDP2 = {
    "fsdp_version": 2,
    "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
    "fsdp_reshard_after_forward": True,
    "fsdp_offload_params": False,
    "fsdp_state_dict_type": "SHARDED_STATE_DICT",
}


def _shrink_tables(raw: _Raw) -> None:
    tables = raw["tables"]
    for name, smaller in {"injections": {"pairs": 2}, "pivots": {"contexts": 2, "group_size": 5}}.items():
        if tables.get(name):
            tables[name] |= smaller
    raw["gallery"]["contexts"] = STORY_CONTEXTS
    if raw["human"]:
        raw["human"] |= {"pairs": 4, "annotations": []}


# ------------------------------------------------------------------------------------ one of each kind


def job_kind(config: Config, registry: str, name: str, *, launches: bool = True) -> tuple[str, ...]:
    """Kind, training, adapters, launch and reward of an entry. Entries of one kind have jobs of one kind.

    Args:
        launches: count the launch.
    """
    entry = config.models(registry)[name]
    said = [registry, type(entry).__name__, str(getattr(entry, "reads", ""))]
    if isinstance(entry, TrainedConfig):
        said += [str(entry.lora is not None), *([_launch_kind(entry.launch)] if launches else [])]
    reward = getattr(entry, "reward", None)
    if isinstance(reward, StoryRewardConfig):
        said += [reward.kind, reward.pivot, config.judges[reward.judge].kind]
    elif reward is not None:
        said.append("sum" if isinstance(reward, list) else str(reward))
    said += [str(getattr(entry, "train", "")), str(getattr(entry, "constraints", None) is not None)]
    return tuple(said)


ONE_PROCESS = "one process"


def _launch_kind(launch: Path | None) -> str:
    if launch is None:
        return ONE_PROCESS
    said = yaml.safe_load(launch.read_text(encoding="utf-8"))
    return f"{said['distributed_type']} on {'one node' if said['num_machines'] == 1 else 'several nodes'}"


def keep_each(raw: _Raw, config: Config, *, launches: bool) -> None:
    """Keep, in every table, the rows whose kind no earlier row has; what no table needs is never made.

    Args:
        launches: as in ``job_kind``.
    """
    tables = raw["tables"]
    for table, registry, least in (
        ("alignment", "judges", 1),
        ("win_rates", "policies", 2),
        ("constraints", "policies", 1),
        ("ifeval", "policies", 1),
        ("gains", "policies", 1),
        ("benchmarks", "judges", 1),
        ("injections", "judges", 1),
        ("pivots", "judges", 1),
    ):
        if not tables.get(table):
            continue
        rows = "judges" if table in ("injections", "pivots") else "rows"
        tables[table][rows] = _one_of_each(config, registry, tables[table][rows], least, launches=launches)
    wins = tables["win_rates"]
    if wins["reference"] is not None and wins["reference"] not in wins["rows"]:
        wins["rows"].insert(0, wins["reference"])
    for table in ("constraints", "ifeval", "gains"):
        if tables.get(table) and wins["rows"]:
            tables[table]["rows"] = [row for row in tables[table]["rows"] if row in wins["rows"]] or wins[
                "rows"
            ][-1:]
    shown = {*tables["alignment"]["rows"], *wins["rows"]}
    raw["effects"] = [effect for effect in raw["effects"] if shown.issuperset(effect["systems"])]
    raw["sweeps"] = {
        name: sweep
        for name, sweep in raw["sweeps"].items()
        if shown.issuperset([*(row for rows in sweep["series"].values() for row in rows), *sweep["lines"]])
    }


def _launch_once(raw: _Raw, config: Config) -> None:
    """Leave a launch to the first row of each kind of launch alone; all others have one process."""
    launched: set[str] = set()
    tables = raw["tables"]
    for registry, rows in (
        ("judges", tables["alignment"]["rows"]),
        ("policies", tables["win_rates"]["rows"]),
    ):
        kept = set()
        for row in rows:
            kind = _launch_kind(getattr(config.models(registry)[row], "launch", None))
            if kind != ONE_PROCESS and kind not in launched:
                launched.add(kind)
                kept.add(row)
        for name, entry in raw[registry].items():
            if entry.get("launch") and name not in kept:
                entry["launch"] = None


def _one_of_each(
    config: Config, registry: str, rows: Iterable[str], least: int, *, launches: bool
) -> list[str]:
    """Rows whose chain of trainings has a step of a kind that no earlier row has; ``least`` rows at least."""
    seen: set[tuple[str, ...]] = set()
    kept: list[str] = []
    left: list[str] = []
    models = config.models(registry)
    for row in rows:
        kinds = {job_kind(config, registry, name, launches=launches) for name in lineage(models, row)}
        (left if kinds <= seen else kept).append(row)
        seen |= kinds
    return kept + left[: max(0, least - len(kept))]


# ------------------------------------------------------------------------------------ what it says of itself


def replacements(config: Config, *, made_up: bool, slurm: bool, vllm: bool = False) -> dict[str, str]:
    """Describe what a rehearsal puts in the place of each part of the run."""
    found = {
        f"base {name}: {base.model}": "random weights of its architecture, two layers of width 64"
        for name, base in config.bases.items()
        if isinstance(base, PretrainedBaseConfig)
    }
    if config.benchmarks:
        found["benchmarks"] = f"{SUBSET['test']} pairs of each, or made-up ones in their columns"
    if not config.synthetic:
        rows = "made-up rows in its columns" if made_up else f"{SUBSET['labelled']} of its training pairs"
        found["data"] = f"{rows}, stories of {STORY_WORDS} words at most"
    endpoints = [
        f"{registry}.{name}"
        for registry, entries in (
            ("judges", config.judges),
            ("policies", config.policies),
            ("verifiers", config.verifiers),
        )
        for name, entry in entries.items()
        if getattr(entry, "backend", "") == "openai"
    ]
    if endpoints:
        found[", ".join(endpoints)] = "a server that makes its answers up, and fails at times"
    for launch in sorted({model.launch for model in _trained(config) if model.launch}):
        nodes = " on two nodes" if slurm and Launch.of_file(launch).nodes > 1 else ""
        kind = "FSDP2" if shards_weights(launch) else "DDP"
        found[str(launch)] = f"{kind} of {PROCESSES} processes (gloo){nodes}"
    if _has_vllm(config):
        found["vLLM of judges and policies"] = "vLLM with the stand-ins' weights" if vllm else "transformers"
    if any(model.training.get("use_vllm") for model in _trained(config)):
        found["vLLM of rollouts"] = "transformers"
    if any(isinstance(judge, AnswersConfig) and judge.answer != STRICT for judge in config.judges.values()):
        found["answers in other forms"] = "the run's own line of scores"
    lengths = f"{STEPS} steps, {ANSWER_TOKENS} tokens an answer, rates times {RATE_FACTOR}"
    if any(isinstance(judge, UntrainedJudgeConfig) for judge in config.judges.values()):
        found["decoding of untrained judges"] = "temperature 1, so that their scores differ"
    return found | {"lengths and steps": lengths, f"seeds {list(config.seeds)}": f"seed {config.seeds[0]}"}


def unrehearsed(config: Config, *, vllm: bool = False) -> list[str]:
    """List what a rehearsal on a CPU says nothing about."""
    missing = ["GPU memory and speed: `snakemake check` plans them", "NCCL and the network between GPUs"]
    if _has_vllm(config) and not vllm:
        missing.append(
            "vLLM as the engine of judges and policies: add `vllm=1` where a vLLM for the jobs' machine is "
            "installed"
        )
    if any(model.training.get("use_vllm") for model in _trained(config)):
        missing.append("vLLM for rollouts, and TRL's updates of its weights during training")
    if any("DEEPSPEED" in _launch_kind(model.launch) for model in _trained(config)):
        missing.append("DeepSpeed, whose shards FSDP2 stands in for")
    if config.judging.scores.high > LARGEST_DIGIT:
        missing.append(f"scores above {LARGEST_DIGIT} in the tokenizer of the model itself")
    missing.append("quality: a stand-in's answers mean nothing, and no number of its tables does")
    return missing


def _has_vllm(config: Config) -> bool:
    return {config.judging.engine, policy_engine(config)} != {"transformers"}


def _trained(config: Config) -> list[TrainedConfig]:
    return [
        entry
        for registry in ("judges", "policies")
        for entry in config.models(registry).values()
        if isinstance(entry, TrainedConfig)
    ]
