"""What the Slurm profile makes of a site's file: resources of a rule's jobs, as Snakemake evaluates them."""

import contextlib
import functools
import io
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace

import yaml
from snakemake.iocontainers import Namedlist
from snakemake.profiles import ProfileConfigFileParser
from snakemake.resources import Resource

from paths import ROOT
from rlcs.planning import job_resources

PROFILE = ROOT / "slurm" / "config.yaml"


def options(site, *, several_nodes=False):
    """The command line options that the profile stands for, at a site; ``several_nodes``: as who trains on
    several edits it."""
    return _options(yaml.safe_dump(site), several_nodes)


@functools.cache
def _options(site, several_nodes):
    text = PROFILE.read_text()
    if several_nodes:
        text = re.sub(r"(\?training\(.*)\)$", r"\1, several_nodes=True)", text, flags=re.M)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("slurm").mkdir()
        Path("slurm/site.yaml").write_text(site)
        stream = io.StringIO(text)
        stream.name = str(PROFILE)
        return ProfileConfigFileParser().parse(stream)


def own_resources(site, *, several_nodes=False):
    """The expressions of each rule that has resources of its own."""
    rules = {}
    for line in options(site, several_nodes=several_nodes)["set-resources"]:
        rule, _, resource = line.partition(":")
        name, _, expression = resource.partition("=")
        rules.setdefault(rule, {})[name] = expression
    return rules


def asked(rule, attempt, site, run, *, launch=None, several_nodes=False, **wildcards):
    """The resources of a job of a run; ``launch``: the file that the run's entry names."""
    default = dict(line.split("=", 1) for line in options(site)["default-resources"])
    expressions = default | own_resources(site, several_nodes=several_nodes).get(rule, {})
    given = {"wildcards": SimpleNamespace(**wildcards), "async_run": None, "attempt": attempt}
    given["input"] = SimpleNamespace(launch=Namedlist([str(launch)] if launch else []))
    job_resources.RUN[:] = [run]  # as the Snakefile does
    values = {name: Resource.cli_evaluator(name, value, **given) for name, value in expressions.items()}
    # as Snakemake does; a constraint of None says nothing to sbatch
    return {name: value for name, value in values.items() if value is not None or name == "constraint"}
