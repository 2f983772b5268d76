"""``make rehearse-paper``: rehearses config/paper.yaml, or another, on a real Slurm of this machine.

Prints the rehearsal's page, and writes it with what made it to docs/results/rehearsal.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow_scripts"))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import yaml

from paths import ROOT
from slurm_cluster import Slurm, unavailable
from slurm_run import SITE
from smoke_run import Workflow

PUBLISHED = ROOT / "docs" / "results" / "rehearsal"


def stage_seconds(results: Path) -> float:
    """CPU-seconds of all stages, without the further processes of launches."""
    return sum(json.loads(run.read_text())["cpu_seconds"] for run in results.rglob("run.json"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", default="config/paper.yaml")
    parser.add_argument("--each", default="0")
    parser.add_argument("--folder", type=Path, help="for the run, so that one that was killed goes on")
    arguments = parser.parse_args()
    if reason := unavailable():
        sys.exit(f"error: no Slurm: {reason}")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "workflow"
        workflow = Workflow.of_source(folder)
        (folder / "slurm" / "site.yaml").write_text(yaml.safe_dump(SITE))
        command = ["snakemake", "rehearse", "--profile", "slurm", "--configfile", arguments.configfile]
        command += ["--config", f"each={arguments.each}"]
        # looks at its jobs soon: they take seconds, and wait for Slurm and for Snakemake as long
        quick = ["--slurm-init-seconds-before-status-checks", "2", "--jobs", str(3 * (os.cpu_count() or 1))]
        started = time.time()
        with Slurm(Path(scratch) / "slurm"):
            code = subprocess.run(
                [sys.executable, "-m", *command, *quick], cwd=workflow.folder, check=False
            ).returncode
        (page,) = folder.glob("results/*-rehearsal/rehearsal.md")
        PUBLISHED.mkdir(parents=True, exist_ok=True)
        (PUBLISHED / "rehearsal.md").write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
        made = {
            "command": " ".join(command),
            "commit": commit,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "minutes": round((time.time() - started) / 60, 1),
            "cpu_seconds of stages": round(stage_seconds(page.parent)),
            "exit code": code,
        }
        (PUBLISHED / "provenance.json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
        print(json.dumps(made, indent=2))
        return code


if __name__ == "__main__":
    sys.exit(main())
