"""``make gpu-check``: a few steps of each kind of training on one GPU, beside what is planned.

The models have the shapes of Qwen2.5 0.5B (full) and 7B (LoRA) and random weights. Trainings run one by one,
the small ones first, until the minutes are over; what did not run is said. Prints a table for
docs/performance.md. ``--cpu`` tries the script itself with small shapes.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow_scripts"))

import pandas as pd
import torch
import yaml
from transformers import AutoConfig, AutoModelForCausalLM

from rlcs.config import parsing
from rlcs.config.bases import StandInBaseConfig
from rlcs.data.made_up import made_up_rows
from rlcs.models.stand_in import stand_in
from rlcs.planning import gpu_memory
from rlcs.stages.manifest import read_run
from rlcs.training.planned import plans

ROWS, STEPS, TOKENS = 400, 4, 256
SMALL = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
SMALL |= {"intermediate_size": 128, "vocab_size": 2000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--trainings", nargs="*", help="these alone, such as policies/grpo-0.5B")
    parser.add_argument("--folder", type=Path, default=Path("results/gpu-check-inputs"))
    arguments = parser.parse_args()
    if not arguments.cpu and not torch.cuda.is_available():
        sys.exit("error: torch sees no GPU: run `make gpu` on a machine that has one, or give --cpu")
    ends = time.monotonic() + 60 * arguments.minutes
    arguments.folder.mkdir(parents=True, exist_ok=True)
    raw = run_of(arguments.folder, cpu=arguments.cpu)
    file = arguments.folder / "run.yaml"
    file.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    print(
        table(raw, [train(key, file, ends) for key in arguments.trainings or trainings(raw)]).to_markdown(
            index=False
        )
    )


def make_model(model: str, folder: Path, *, cpu: bool) -> str:
    """Write a model of random weights with a known shape, and a made-up tokenizer; its folder."""
    if (folder / "tokenizer.json").exists():
        return str(folder)
    _, files = stand_in(
        StandInBaseConfig(kind="stand_in", of={"kind": "pretrained", "model": model}), model, [model]
    )
    shape = gpu_memory.known_shape(model, None)
    assert shape is not None, model
    config = files.config.to_dict() | (SMALL if cpu else shape.model_dump(exclude_none=True))
    for derived in ("layer_types", "head_dim", "max_window_layers"):
        config.pop(derived, None)
    torch.manual_seed(0)
    with torch.device("cpu" if cpu else "cuda"):
        made = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config), dtype=torch.bfloat16)
    made.save_pretrained(folder)
    files.generation.save_pretrained(folder)
    files.tokenizer.save_pretrained(folder)
    return str(folder)


def run_of(folder: Path, *, cpu: bool) -> dict:
    """The run: both shapes, three kinds of trainings, on made-up pairs."""
    tokens = 16 if cpu else TOKENS
    batch = {"per_device_train_batch_size": 8, "max_steps": STEPS, "logging_steps": 1}
    grpo = batch | {"num_generations": 8, "max_completion_length": tokens}
    lora = {"r": 16, "alpha": 32}
    raw = {
        "run": "gpu-check",
        "seeds": [1],
        "data": {"preferences": [str(folder / "pairs.jsonl")]},
        "judging": {
            "template": '$outline\n1: $story_1\n2: $story_2\nEnd with "Scores: X Y", from 1 to 9.',
            "scores": {"low": 1, "high": 9},
            "max_new_tokens": tokens,
        },
        "writing": {"template": "Write a story. $outline"},
        "sampling": {"max_new_tokens": tokens, "contexts": 4},
        "training": {"use_cpu": True, "bf16": False} if cpu else {"bf16": True},
        "bases": {
            name: {
                "kind": "pretrained",
                "model": make_model(f"Qwen/Qwen2.5-{name}-Instruct", folder / name, cpu=cpu),
            }
            for name in ("0.5B", "7B")
        },
        "judges": {
            "length": {"kind": "length"},
            "bt-0.5B": {"kind": "scalar", "base": "0.5B", "training": batch},
            "bt-7B": {"kind": "scalar", "base": "7B", "lora": lora, "training": batch},
        },
        "policies": {
            "sft-0.5B": {"train": "sft", "base": "0.5B", "training": batch},
            "sft-7B": {"train": "sft", "base": "7B", "lora": lora, "training": batch},
            "grpo-0.5B": {
                "train": "grpo",
                "from": "sft-0.5B",
                "reward": {"judge": "bt-0.5B", "kind": "scalar"},
                "training": grpo,
            },
            "grpo-7B": {
                "train": "grpo",
                "from": "sft-7B",
                "reward": {"judge": "bt-0.5B", "kind": "scalar"},
                "lora": lora,
                "training": grpo,
            },
        },
        "tables": {
            "alignment": {"rows": ["bt-0.5B", "bt-7B"]},
            "win_rates": {
                "rows": ["sft-0.5B", "sft-7B", "grpo-0.5B", "grpo-7B"],
                "reference": "sft-0.5B",
                "judges": ["length"],
            },
        },
    }
    rows = made_up_rows(parsing.parse(raw).data, ROWS, Random(0))
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return raw


def trainings(raw: dict) -> list[str]:
    """The trainings in the order in which they run: small ones first, and what others come from."""
    keys = [f"judges/{name}" for name in raw["judges"] if name != "length"]
    keys += [f"policies/{name}" for name in raw["policies"]]
    return sorted(keys, key=lambda key: key.endswith("7B"))


def train(key: str, file: Path, ends: float) -> dict:
    """Train one, unless the time is over; its row of the table, without the plan."""
    artifact = Path("results/gpu-check") / key / "seed1"
    left = ends - time.monotonic()
    if left <= 0:
        return {"training": key, "problem": "no time left"}
    command = [
        sys.executable,
        "-m",
        "snakemake",
        str(artifact / "manifest.json"),
        "-c",
        "1",
        "--nolock",
        "--configfile",
        str(file),
    ]
    try:
        done = subprocess.run(
            command, timeout=left, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
    except subprocess.TimeoutExpired:
        return {"training": key, "problem": "not done in time"}
    if done.returncode:
        return {"training": key, "problem": f"failed, see results/gpu-check/logs/{key}/seed1.log"}
    run = read_run(artifact)
    log = Path(f"results/gpu-check/logs/{key}/seed1.log").read_text(encoding="utf-8")
    runtime, tokens = (
        float(re.findall(rf"'{name}': '?([\d.e+]+)", log)[-1]) for name in ("train_runtime", "num_tokens")
    )
    pace = {"seconds a step": round(runtime / STEPS, 2), "tokens/s": round(tokens / runtime)}
    return {"training": key, "peak GB": run["gpu_gigabytes"], "seconds": run["seconds"], **pace}


def table(raw: dict, rows: list[dict]) -> pd.DataFrame:
    """The measurements beside the plan's memory."""
    config = parsing.parse(raw | {"training": {"bf16": True}})
    planned = {plan.key: round(plan.total / 1e9, 1) for plan in plans(config)[0]}
    return pd.DataFrame(rows).assign(
        **{"planned GB": [planned.get(row["training"].replace("/", ".")) for row in rows]}
    )


if __name__ == "__main__":
    if shutil.which("nvidia-smi"):
        subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv"], check=False
        )
    main()
