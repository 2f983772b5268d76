"""The configs of the repository: runs, and the files that are added to one."""

import yaml
from snakemake.utils import update_config

from paths import ROOT

CONFIG = ROOT / "config"
ADDED = ("confirm.yaml",)  # beside those in folders of their own
RUNS = sorted(path.name for path in CONFIG.glob("*.yaml") if path.name not in ("default.yaml", *ADDED))

# Everything that the documentation gives to --configfile.
COMBINATIONS = [
    *([name] for name in RUNS),
    ["tiny.yaml", "confirm.yaml"],
    ["tiny-full.yaml", "confirm.yaml"],
    ["tiny-full.yaml", "fragments/labels.yaml"],
    ["tiny-full.yaml", "fragments/policies.yaml"],
    ["tiny-full.yaml", "fragments/policies.yaml", "fragments/main.yaml"],
    ["tiny-full.yaml", "fragments/sensitivity.yaml"],
    ["tiny-full.yaml", "fragments/rlmr.yaml"],
    ["tiny-full.yaml", "fragments/labels.yaml", "confirm.yaml"],
    ["tiny-full.yaml", "fragments/policies.yaml", "confirm.yaml"],
    ["tiny-full.yaml", "fragments/policies.yaml", "fragments/main.yaml", "confirm.yaml"],
    ["tiny-full.yaml", "fragments/sensitivity.yaml", "confirm.yaml"],
    ["tiny-full.yaml", "fragments/rlmr.yaml", "confirm.yaml"],
    ["smollm.yaml", "smollm/gpu.yaml"],
    ["smollm.yaml", "smollm/smoke.yaml"],
]


def merged(names):
    """Files of config/ as one dictionary, as Snakemake merges those behind --configfile."""
    config = {}
    for name in names:
        update_config(config, yaml.safe_load((CONFIG / name).read_text(encoding="utf-8")))
    return config
