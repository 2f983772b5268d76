"""Every YAML block of the documentation is read by YAML and by the typed config, as a person would use it."""

import copy
import re

import pytest
import yaml
from snakemake.utils import update_config

from paths import ROOT
from rlcs.config import parsing
from rlcs.config.schema import Config
from rlcs.config.section import trl_options

PAGES = [ROOT / "README.md", ROOT / "config" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```ya?ml\n(.*?)^```", re.S | re.M)


def blocks():
    """Each block of each page, under the page's path and the block's line."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield pytest.param(match[1], id=f"{page.relative_to(ROOT)}:{line}")


def base():
    """The README's run, with the entries that other pages name."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    run = next(block for block in map(yaml.safe_load, BLOCK.findall(readme)) if "run" in block)
    run["judges"] |= {"teacher-b": run["judges"]["teacher"], "bt-large": run["judges"]["bt"]}
    run["bases"]["qwen-7b"] = run["bases"]["large"]
    return copy.deepcopy(run)


def registry(entry):
    """The registry whose entry this is."""
    if entry.get("kind") in ("world", "pretrained"):
        return "bases"
    return "judges" if "kind" in entry else "policies"


def completed(fragment):
    """The README's run with a fragment: sections of the top level, entries by name, or trainer options."""
    if "run" in fragment:
        return fragment
    run = base()
    if fragment.keys() <= Config.model_fields.keys():
        if "hub" in fragment.get("data", {}):
            del run["data"]  # which names a file
        update_config(run, fragment)
    elif fragment.keys() <= set(trl_options()["GRPOConfig"]):
        run["policies"]["rlcs"]["training"] |= fragment
    else:
        for name, entry in fragment.items():
            run[registry(entry)][name] = entry
    return run


@pytest.mark.parametrize("block", list(blocks()))
def test_a_block_is_part_of_a_config(block):
    parsing.parse(completed(yaml.safe_load(block)))


def test_blocks_are_found():
    pages = {param.id.split(":")[0] for param in blocks()}
    assert {"README.md", "docs/data.md", "docs/scale.md", "docs/tutorial.md"} <= pages


def test_a_misspelt_key_in_a_block_would_be_noticed():
    for block in ("human: {pair: 60}", "rlcs: {train: grpo, from: sft, rewards: {judge: genrm}}"):
        with pytest.raises(parsing.ConfigError, match="unknown key"):
            parsing.parse(completed(yaml.safe_load(block)))


def keys(schema):
    """Every key that some section of the config has."""
    yield from schema.get("properties", {})
    for section in schema.get("$defs", {}).values():
        yield from keys(section)


@pytest.mark.parametrize("key", sorted(set(keys(Config.model_json_schema()))))
def test_a_key_of_the_config_is_text_in_yaml(key):
    """YAML 1.1 reads false, no, off and y as booleans."""
    assert yaml.safe_load(f"{key}: 1") == {key: 1}
