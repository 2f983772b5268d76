"""``make bench``: what our code costs beside the libraries alone, side by side in one run.

Timings of one machine mean little and ratios mean more: every figure stands next to what it is compared with,
the two take turns, and medians are shown. Models have random weights, which take the time of trained ones.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from random import Random
from threading import Lock

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow_scripts"))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import pytest
import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from bench_report import compared, markdown
from configs import RUNS
from endpoint_server import Server, entry, ok
from judges import at_endpoint, in_process
from paths import ROOT
from rlcs.config.endpoints import ServingConfig
from rlcs.config.judging import JudgingConfig
from rlcs.config.story_rewards import StoryRewardConfig
from rlcs.config.training import ShapingConfig
from rlcs.config.world import WorldBaseConfig
from rlcs.models.generation import generate
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.models.vllm_server import start_server
from rlcs.records import Comparison
from rlcs.rewards.pivot_reward import PivotReward
from rlcs.stages.manifest import PACKAGES
from rlcs.training.examples import writing_prompts
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.options import build_options
from rlcs.training.pretraining import new_model
from rlcs.world.grammar import sample_context, write_story
from rlcs.world.literacy import JUDGE_TEMPLATE, POLICY_TEMPLATE, examples
from rlcs.world.tokenizer import train_tokenizer
from smoke_run import Workflow

STORED = ROOT / "docs" / "results" / "bench" / "bench.json"
JUDGING = JudgingConfig(
    template="$domain | $outline\n1: $story_1\n2: $story_2",
    scores={"low": 1, "high": 9},
    max_new_tokens=64,
    batch_size=250,
)
STEPS, TURNS, GROUP = 6, 3, 8
VLLM = os.environ.get("RLCS_VLLM")
# heads that vLLM has kernels for, and an engine that works for seconds, as one does at scale
VLLM_SHAPE = {"hidden_size": 576, "layers": 16, "heads": 9, "intermediate_size": 1536}
VLLM_ARGUMENTS = {
    "dtype": "float32",
    "max_model_len": 512,
    "kv_cache_memory_bytes": 2**30,
    "enforce_eager": True,
    "enable_chunked_prefill": False,  # cut prompts with a seed are an error of vLLM 0.31 on CPUs
    "enable_prefix_caching": False,  # each turn reads the same prompts
}


def model_of_the_default_run(folder):
    """Random weights in the default run's shape, with the tiny world's tokenizer."""
    texts = examples(Random(0), 200, 50, POLICY_TEMPLATE, JUDGE_TEMPLATE)
    tokenizer = train_tokenizer(m["content"] for e in texts for m in e["prompt"] + e["completion"])
    shape = {"hidden_size": 64, "layers": 3, "heads": 4, "intermediate_size": 176}
    new_model(WorldBaseConfig(kind="world", **shape), tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


class Timed:
    """A judge and the seconds that it took."""

    def __init__(self, judge):
        self.judge_of, self.name, self.seconds = judge, judge.name, 0.0

    def judge(self, comparisons):
        started = time.perf_counter()
        try:
            return self.judge_of.judge(comparisons)
        finally:
            self.seconds += time.perf_counter() - started


class Steps(TrainerCallback):
    """Seconds of every step, less what the judge took."""

    def __init__(self, judge=None):
        self.judge, self.seconds = judge, []

    def _now(self):
        return time.perf_counter() - (self.judge.seconds if self.judge else 0)

    def on_step_begin(self, *_, **__):
        self.started = self._now()

    def on_step_end(self, *_, **__):
        self.seconds.append(self._now() - self.started)


def policy_step(model, scratch):
    """TRL's trainer with a constant reward against ours with pivots, the judge's own time taken off."""
    contexts = [sample_context(Random(n), f"c{n}", "train") for n in range(64)]
    by_id = {context.context_id: context for context in contexts}
    prompts = writing_prompts(contexts, "$domain | $characters | $outline", seed=0)
    judge = Timed(in_process("genrm", model, JUDGING))
    reward = StoryRewardConfig(judge="genrm", orders="random", max_failure_share=1)

    def trainer(kind, reward_function, **more):
        own = {
            "per_device_train_batch_size": 64,
            "num_generations": GROUP,
            "max_completion_length": 64,
            "max_steps": STEPS,
            "save_steps": 1000,
        }
        shared = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "shuffle_dataset": False}
        return kind(
            model=load_causal(model),
            reward_funcs=reward_function,
            args=build_options(GRPOConfig, shared, own, seed=0, output_dir=scratch),
            train_dataset=Dataset.from_list(prompts),
            processing_class=load_tokenizer(model),
            **more,
        )

    def constant(completions, **_):
        return [0.0] * len(completions)

    def pivots():
        return PivotReward(judge, by_id, reward, group_size=GROUP, seed=0)

    makers = {
        "TRL's GRPOTrainer, constant reward": (lambda: trainer(GRPOTrainer, constant), None),
        "ours, uniform": (lambda: trainer(ShapedGRPOTrainer, pivots()), judge),
        "ours, entropy shaping, exact": (
            lambda: trainer(ShapedGRPOTrainer, pivots(), shaping=ShapingConfig(shaping="entropy")),
            judge,
        ),
    }
    seconds = {name: [] for name in makers}
    for _ in range(TURNS):
        for name, (make, asked) in makers.items():
            made, steps = make(), Steps(asked)
            made.add_callback(steps)
            made.train()
            seconds[name] += steps.seconds[1:]  # the first one warms up
    return {name: statistics.median(values) for name, values in seconds.items()}


def some_comparisons(count):
    contexts = [sample_context(Random(n), f"c{n}", "test") for n in range(count)]
    return [
        Comparison(
            f"p{n}", context, *(write_story(Random(f"{n} {side}"), context, 0.5) for side in "ab"), "ab"
        )
        for n, context in enumerate(contexts)
    ]


def judging(model, folder, pairs=120):
    """Comparisons a second, the same ones: in batches, one by one, and one by one over HTTP."""
    comparisons = some_comparisons(pairs)
    judge = in_process("genrm", model, JUDGING)
    busy = Lock()

    def behave(prompt, attempt):
        with busy:
            (answer,) = generate(
                judge.backend.model,
                judge.backend.tokenizer,
                [[{"role": "user", "content": prompt}]],
                max_new_tokens=JUDGING.max_new_tokens,
                batch_size=1,
            )
        return ok(answer.text or ".")

    seconds = {}

    def timed(name, act):
        started = time.perf_counter()
        act()
        seconds[name] = time.perf_counter() - started

    judge.judge(comparisons[:2])  # warms up
    timed("in batches (ours)", lambda: judge.judge(comparisons))
    timed("one generate per comparison", lambda: [judge.judge([c]) for c in comparisons])
    with Server(behave) as server:
        far = entry(server, concurrency=2, api_key_env=None)
        endpoint = at_endpoint("far", far, JUDGING, folder / "answers")
        timed("one HTTP call per comparison", lambda: endpoint.judge(comparisons))
    return {name: pairs / value for name, value in seconds.items()}


def planning(folder):
    """Seconds in which Snakemake plans all of a run from nothing, and in which it finds that all is made.

    Returns:
        These, and the milliseconds of one more job: of the papers' run beyond the default one.
    """
    workflow = Workflow.of_source(folder)
    workflow.command = lambda *words: [sys.executable, "-m", "snakemake", *words]  # as users start it
    seconds, planned = {}, {}
    for name in RUNS:
        if name == "smoke.yaml":
            continue
        config = f"config/{name}"
        for what, prepare in (("from nothing", lambda _: None), ("nothing to do", pretend_made)):
            prepare((workflow, config))
            started = time.perf_counter()
            jobs = workflow.planned(config=config)
            seconds[f"{name.removesuffix('.yaml')}, {what}"] = time.perf_counter() - started
            assert bool(jobs) == (what == "from nothing"), jobs
            planned[what, name] = sum(jobs.values()), time.perf_counter() - started
    (few, start), (many, all_of_them) = (
        planned["from nothing", name] for name in ("tiny.yaml", "paper.yaml")
    )
    job = {f"paper's {many} beyond the default run's {few}": 1000 * (all_of_them - start) / (many - few)}
    return seconds, job


def pretend_made(run):
    """Empty files for all outputs of a run, and Snakemake's records of them, as after the run itself."""
    workflow, config = run
    summary = workflow.snakemake("all", "--summary", config=config)
    assert summary.returncode == 0, summary.stdout
    listed = [line.split("\t")[0] for line in summary.stdout.splitlines() if line.count("\t") >= 4]
    for name in listed[1:]:  # the first one is the header
        path = workflow.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (0, 0))  # none is newer than another
    touched = workflow.snakemake("all", "--touch", config=config)
    assert touched.returncode == 0, touched.stdout


def vllm(folder):
    """Tokens/s of vLLM, if it is installed: alone, as judges and policies run it, and as a judge's server."""
    model = folder / "model"
    torch.manual_seed(0)
    tokenizer = load_tokenizer(model_of_the_default_run(model))
    new_model(WorldBaseConfig(kind="world", **VLLM_SHAPE), tokenizer).save_pretrained(model)
    judging = JUDGING.model_copy(update={"vllm": VLLM_ARGUMENTS, "engine": "vllm"})
    comparisons = some_comparisons(24)
    request = {
        "folder": str(model),
        "judging": judging.model_dump(mode="json"),
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "samples": 2,
    }
    (folder / "request.json").write_text(json.dumps(request))
    environment = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "TORCHDYNAMO_DISABLE": "1"}
    subprocess.run(
        [
            Path(VLLM).parent / "python",
            Path(__file__).with_name("bench_vllm.py"),
            *(folder / "request.json", folder / "said.json", Path(pytest.__file__).parents[1]),
        ],
        env=os.environ | environment | {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"},
        check=True,
    )
    said = json.loads((folder / "said.json").read_text())
    serving = ServingConfig(command=[VLLM], environment=environment, startup_timeout=300)
    url = start_server(model, "bench", VLLM_ARGUMENTS, serving)
    asked = {"temperature": 0, "max_tokens": judging.max_new_tokens}
    served_at = entry(
        f"{url}/v1", model="bench", sampling=asked, timeout=300, concurrency=64, api_key_env=None
    )
    seconds = []
    for turn in range(TURNS + 1):
        judge = at_endpoint("judge", served_at, judging, folder / f"answers{turn}")
        started = time.perf_counter()
        judge.judge(comparisons)
        seconds.append(time.perf_counter() - started)
    served = said["tokens"]["judging"] / statistics.median(seconds[1:])  # the first turn warms up
    return {
        "judging by vLLM": said["judging"] | {"served (ours)": served},
        "sampling by vLLM": said["sampling"],
    }


def versions():
    freeze = [sys.executable, "-m", "pip", "freeze"]
    lines = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout.split()
    return dict(line.split("==") for line in lines if line.split("==")[0] in {*PACKAGES, "snakemake"})


def commit():
    described = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(described, capture_output=True, text=True, check=False).stdout.strip()


def main():
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = model_of_the_default_run(folder / "model")
        figures = {
            "policy step": policy_step(model, str(folder / "checkpoints")),
            "judging": judging(model, folder),
        }
        figures["planning"], figures["a job of a plan"] = planning(folder / "workflow")
        if VLLM:
            figures |= vllm(folder / "vllm")
    made_by = {
        "command": "make bench",
        "commit": commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, 1 thread",
        "versions": versions(),
    }
    text = markdown(figures, stored.get("figures", {}))
    text += f"\n\n{made_by['machine']}, commit {made_by['commit']}.\n{compared(made_by, stored)}"
    out = ROOT / "results" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench.md").write_text(text + "\n", encoding="utf-8")
    (out / "bench.json").write_text(
        json.dumps(made_by | {"figures": figures}, indent=2) + "\n", encoding="utf-8"
    )
    print(
        f"{text}\n\nWritten to {out}; copy both files to {STORED.parent} to compare later runs with this one."
    )


if __name__ == "__main__":
    main()
