"""What the README shows is what the code takes and what the artifacts say."""

import re
import subprocess

import pandas as pd
import pytest
import yaml
from pydantic import TypeAdapter

import publish_results
from paths import ROOT
from rlcs.config import judges, parsing

README = (ROOT / "README.md").read_text(encoding="utf-8")
YAML_BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.S)]


def test_the_example_of_an_own_run_is_a_config():
    (own,) = [block for block in YAML_BLOCKS if "run" in block]
    assert not parsing.parse(own).synthetic


def test_the_example_of_an_endpoint_is_a_judge():
    (block,) = [block for block in YAML_BLOCKS if set(block) == {"teacher"}]
    assert TypeAdapter(judges.JudgeConfig).validate_python(block["teacher"]).backend == "openai"


def test_the_results_are_those_that_were_published():
    shown = README.split(publish_results.BEGIN)[1].split(publish_results.END)[0]
    assert shown.strip() == publish_results.readme_section(publish_results.Path("docs/results/tiny"))


WHAT_HOLDS = README.split("**What holds")[1].split("**Tested on**")[0]
COUNTED = {"three": 3, "five": 5}


@pytest.mark.parametrize("bullet", [b for b in WHAT_HOLDS.split("\n- ") if "/effects.md" in b])
def test_what_holds_is_what_the_published_tables_say(bullet):
    words = r"\((\w+) seeds\): (\d+) of\s+(\d+)\s+\[.*?\]\((docs/results/[^/]+)/effects\.md\)"
    seeds, holding, claims, folder = re.search(words, bullet).groups()
    effects = pd.read_csv(ROOT / folder / "effects.csv")
    assert (int(holding), int(claims)) == (effects["holds"].str.startswith("holds").sum(), len(effects))
    assert effects["seeds"].max() == COUNTED[seeds]
    tables = [pd.read_csv(path) for path in (ROOT / folder).glob("*.csv")]
    published = {f"{100 * value:.1f}" for t in tables for value in t.select_dtypes("number").stack()}
    assert set(re.findall(r"\d+\.\d", bullet)) <= published


@pytest.mark.parametrize("target", re.findall(r"make (\w+)  ", README))
def test_make_knows_the_targets(target):
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", re.findall(r"\]\(((?!http)[^)]+)\)", README))
def test_links_lead_somewhere(path):
    assert (ROOT / path).exists()
