"""The pinned environments: complete, in step with one another, and those that the rules name."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from paths import ROOT

ENVS = ROOT / "envs"


def requirements(name: str) -> list[Requirement]:
    lines = (ENVS / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pins(name: str) -> dict[str, str]:
    """Versions by package."""
    found = {}
    for requirement in requirements(name):
        (pin,) = requirement.specifier
        assert pin.operator == "==", requirement
        found[canonicalize_name(requirement.name)] = pin.version
    return found


def test_the_locks_pin_what_is_asked_for():
    run, dev, gpu = (pins(f"requirements{suffix}.txt") for suffix in ("", "-dev", "-gpu"))
    assert not run.keys() & dev.keys()
    for name, pinned in (
        ("requirements.in", run),
        ("requirements-dev.in", run | dev),
        ("requirements-gpu.in", gpu),
    ):
        for wanted in requirements(name):
            assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), wanted


def test_jobs_with_a_gpu_have_the_versions_that_were_tested_without_one():
    tested, gpu = pins("requirements.txt"), pins("requirements-gpu.txt")
    # vLLM holds transformers below 5.18; Snakemake runs no job
    imported = {canonicalize_name(wanted.name) for wanted in requirements("requirements.in")} - {
        "transformers",
        "snakemake",
        "snakemake-executor-plugin-slurm",
    }
    assert {name: gpu.get(name) for name in imported} == {name: tested[name] for name in imported}
    assert not any(name.startswith("snakemake") for name in gpu)


def test_the_lock_for_gpus_is_current_and_has_no_conflict(tmp_path):
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}")
    lock = Path(shutil.copy(ENVS / "requirements-gpu.txt", tmp_path))
    done = subprocess.run(
        [str(ENVS / "lock-gpu.sh"), str(lock)],
        env={**os.environ, "UV": str(uv)},
        capture_output=True,
        text=True,
    )
    if "error sending request" in done.stderr or "dns error" in done.stderr.lower():
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    assert lock.read_text() == (ENVS / "requirements-gpu.txt").read_text()


@pytest.mark.parametrize("name", ["rlcs", "rlcs-gpu"])
def test_conda_installs_the_locks(name):
    (pip,) = [
        entry["pip"] for entry in yaml.safe_load((ENVS / f"{name}.yaml").read_text())["dependencies"][2:]
    ]
    (lock,) = pip
    assert (ENVS / lock.removeprefix("--requirement ")).is_file()


def test_rules_with_a_gpu_have_its_environment():
    rules = {}
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for block in re.split(r"(?m)^rule ", path.read_text(encoding="utf-8"))[1:]:
            rules[block.split(":")[0]] = "rlcs-gpu.yaml" if "rlcs-gpu.yaml" in block else "rlcs.yaml" in block
    asking = {
        line.split(":")[0].strip()
        for line in (ROOT / "slurm" / "config.yaml").read_text(encoding="utf-8").splitlines()
        if "?training(" in line or ("?job(" in line and "rule=" in line)
    }
    assert {rule for rule, environment in rules.items() if environment == "rlcs-gpu.yaml"} == asking
