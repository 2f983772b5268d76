"""What the Slurm profile makes of a site's file: resources of a rule's jobs, as Snakemake evaluates them."""

import contextlib
import functools
import tempfile
from pathlib import Path
from types import SimpleNamespace

import yaml
from smoke_run import ROOT
from snakemake.iocontainers import Namedlist
from snakemake.profiles import ProfileConfigFileParser
from snakemake.resources import Resource

PROFILE = ROOT / "slurm" / "config.yaml"


def options(site):
    """The command line options that the profile stands for, at a site."""
    return _options(yaml.safe_dump(site))


@functools.cache
def _options(site):
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), PROFILE.open() as stream:
        Path("slurm").mkdir()
        Path("slurm/site.yaml").write_text(site)
        return ProfileConfigFileParser().parse(stream)


def own_resources(site):
    """The expressions of each rule that has resources of its own."""
    rules = {}
    for line in options(site)["set-resources"]:
        rule, _, resource = line.partition(":")
        name, _, expression = resource.partition("=")
        rules.setdefault(rule, {})[name] = expression
    return rules


def asked(rule, attempt, site, *, weights=True, launch=None):
    """The resources of a job; ``weights``: whether its judge has any, and is not behind an endpoint;
    ``launch``: the file of its training's launch."""
    default = dict(line.split("=", 1) for line in options(site)["default-resources"])
    expressions = default | own_resources(site).get(rule, {})
    given = {"wildcards": None, "async_run": None, "attempt": attempt}
    given["input"] = SimpleNamespace(
        model=["manifest.json"] if weights else [], launch=Namedlist([str(launch)] if launch else [])
    )
    values = {name: Resource.cli_evaluator(name, value, **given) for name, value in expressions.items()}
    # as Snakemake does; a constraint of None says nothing to sbatch
    return {name: value for name, value in values.items() if value is not None or name == "constraint"}
