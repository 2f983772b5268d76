"""Faults planted in the papers' run are found before its first job, with the message of docs/rehearsal.md.

Those that a rehearsal alone finds are in workflow/test_rehearse.py.
"""

import copy
import json
import re
import shutil
import sys
from contextlib import suppress

import pytest
import yaml

import check_config
from endpoint_server import Server, always, status
from paths import ROOT
from planted_faults import message
from rlcs.config import parsing
from rlcs.planning import disk_plan, slurm_site

PAPER = yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8"))
SITE = dict.fromkeys(("account", "gpu_partition", "cpu_partition", "max_hours", "max_gigabytes"), "default")


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Run `check` on the papers' run with a change; all that it says."""

    def run(change, site=None):
        raw = copy.deepcopy(PAPER)
        change(raw)
        (tmp_path / "config.json").write_text(json.dumps(raw))
        words = ["check_config.py", "--config", str(tmp_path / "config.json"), "--results", str(tmp_path)]
        if site is not None:
            (tmp_path / "site.yaml").write_text(yaml.safe_dump(SITE | site))
            shutil.copy(ROOT / "slurm" / "config.yaml", tmp_path)
            words += ["--site", str(tmp_path / "site.yaml")]
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.setattr(slurm_site.shutil, "which", lambda _: None)  # no Slurm here
        with suppress(SystemExit):
            check_config.main()
        return capsys.readouterr().out

    return run


def no_second_story(raw):
    raw["judging"]["template"] = raw["judging"]["template"].replace("$story_2", "")


def two_tokens(raw):
    raw["judging"]["scores"] = {"low": 1, "high": 12}


@pytest.mark.parametrize(
    ("fault", "change"), [("a template without", no_second_story), ("scores to 12", two_tokens)]
)
def test_a_config_that_cannot_work_is_refused_by_every_command(fault, change):
    raw = copy.deepcopy(PAPER)
    change(raw)
    with pytest.raises(parsing.ConfigError) as refused:
        parsing.parse(raw)
    assert message(fault) in str(refused.value)


def test_more_gpus_than_a_node_has_are_refused(check, tmp_path):
    launch = yaml.safe_load((ROOT / "config" / "accelerate" / "fsdp2-8.yaml").read_text())
    (tmp_path / "nine.yaml").write_text(yaml.safe_dump(launch | {"num_processes": 9}))

    def nine(raw):
        raw["policies"]["sft"]["launch"] = str(tmp_path / "nine.yaml")

    assert message("a launch of nine") in check(nine, {"gpus_per_node": 8})


def test_a_full_disk_is_told_here_and_refused_on_a_cluster(check, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=10**9)
    monkeypatch.setattr(disk_plan.shutil, "disk_usage", lambda _: usage)
    told = re.escape(message("a full disk"))
    assert re.search(rf"^warning  disk +{told}", check(lambda raw: None), re.M)
    assert re.search(rf"^error    disk +{told}", check(lambda raw: None, {"gpus_per_node": 8}), re.M)


def test_an_endpoint_that_refuses_is_found(check, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "a-secret-key")
    with Server(always(status(403))) as server:

        def refusing(raw):
            raw["judges"]["gemini"] |= {"base_url": server.url, "api_key_env": "GEMINI_API_KEY"}

        said = check(refusing)
    assert re.search(rf"^error    judges.gemini +{re.escape(message('an endpoint'))}", said, re.M)
    assert "a-secret-key" not in said
