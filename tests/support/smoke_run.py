"""A copy of the source in an empty folder, where tests run Snakemake as a user does."""

import json
import re
import shutil
import subprocess

import yaml

import forked
from paths import ROOT

SOURCE = ("Snakefile", "rules", "workflow_scripts", "config", "profiles", "slurm", "report", "envs")
SMOKE = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8"))


class Workflow:
    command = staticmethod(forked.snakemake)

    def __init__(self, folder):
        self.folder = folder
        self.results = folder / "results" / "smoke"

    @classmethod
    def of_source(cls, folder):
        """The source in ``folder``; results of an earlier run that are there stay."""
        folder.mkdir(exist_ok=True)
        for name in SOURCE:
            if (ROOT / name).is_dir():
                shutil.rmtree(folder / name, ignore_errors=True)
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, folder)
        return cls(folder)

    def snakemake(self, *arguments, config="config/smoke.yaml"):
        """Run Snakemake; ``config`` has spaces between several files."""
        configs = ["--configfile", *config.split()]
        return subprocess.run(
            self.command(*arguments, *configs, "--cores", "2"),
            cwd=self.folder,
            env=forked.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def planned(self, *targets, config="config/smoke.yaml"):
        """Number of jobs by rule."""
        done = self.snakemake("--dry-run", *(targets or ["all"]), config=config)
        assert done.returncode == 0, done.stdout
        if "Nothing to be done" in done.stdout:
            return {}
        table = done.stdout.rsplit("Job stats:", 1)[1]
        return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", table, re.M) if rule != "total"}

    def with_config(self, name, change):
        """The smoke run with a change, as a file of its own."""
        raw = json.loads(json.dumps(SMOKE))
        change(raw)
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(raw))
        return path.name


def judges_alone(raw):
    """Take the policies and all that speaks of them out of the smoke run."""
    for key in ("policies", "human"):
        del raw[key]
    for table in ("win_rates", "gains", "constraints"):
        del raw["tables"][table]
