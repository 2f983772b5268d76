"""What a card says of a base: its id on a hub and its license, known or left out."""

import json
import re
from pathlib import Path

import pytest

from rlcs.config import parsing
from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.data import DataConfig
from rlcs.planning import table_configs
from rlcs.planning.origins import dataset_ids, hub_id, license_of
from smoke_run import SMOKE

README = "---\nlicense: {license}\nbase_model: other/parent\n---\n# A model\n"


def pretrained(model, **more):
    return PretrainedBaseConfig(kind="pretrained", model=str(model), **more)


@pytest.fixture
def folder(tmp_path):
    """A folder with a model, as a person has it."""
    made = tmp_path / "janes-model"
    made.mkdir()
    return made


def config_with(model, **more):
    raw = json.loads(json.dumps(SMOKE))
    raw["bases"]["small"] = {"kind": "pretrained", "model": str(model)}
    return parsing.parse(raw | more)


def test_a_hub_id_is_that_of_the_entry_or_of_what_a_folder_was_loaded_from(folder, tmp_path):
    assert hub_id(pretrained("org/name")) == "org/name"
    assert hub_id(pretrained("inside", package="p==1")) is None
    assert hub_id(pretrained("no-such-folder")) is None
    assert hub_id(pretrained(folder)) is None
    for stated, expected in (
        ({"_name_or_path": "org/name"}, "org/name"),
        ({"_name_or_path": "/home/jane/model"}, None),
        ({"_name_or_path": ""}, None),
        ({}, None),
        ([], None),
    ):
        (folder / "config.json").write_text(json.dumps(stated))
        assert hub_id(pretrained(folder)) == expected
    (folder / "config.json").write_text("{")
    assert hub_id(pretrained(folder)) is None
    snapshot = tmp_path / "hub" / "models--org--my--model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    assert hub_id(pretrained(snapshot)) == "org--my/model"


def test_a_license_is_the_configs_or_that_of_the_bases_readme_and_never_invented(
    folder, tmp_path, monkeypatch
):
    assert license_of(config_with(folder), "small") == {}
    (folder / "README.md").write_text("# A model under the MIT license, it says\n")
    assert license_of(config_with(folder), "small") == {}
    (folder / "README.md").write_text(README.format(license="mit"))
    assert license_of(config_with(folder), "small") == {"license": "mit"}
    (folder / "README.md").write_text(
        README.format(license="other\nlicense_name: research\nlicense_link: a/b")
    )
    assert license_of(config_with(folder), "small") == {
        "license": "other",
        "license_name": "research",
        "license_link": "a/b",
    }
    named = config_with(folder, sharing={"licenses": {"small": "gpl-3.0"}})
    assert license_of(named, "small") == {"license": "gpl-3.0"}
    cached = tmp_path / "README.md"
    cached.write_text(README.format(license="apache-2.0"))
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache",
        lambda name, file, revision: str(cached) if (name, file) == ("org/name", "README.md") else None,
    )
    assert license_of(config_with("org/name"), "small") == {"license": "apache-2.0"}
    assert license_of(config_with("org/other"), "small") == {}


def test_a_license_of_no_base_is_refused(folder):
    with pytest.raises(parsing.ConfigError, match=r"sharing.licenses: 'big' is not under bases \(small"):
        config_with(folder, sharing={"licenses": {"big": "mit"}})


def test_a_card_says_nothing_of_where_files_lie(folder):
    section = table_configs.card(config_with(folder), "judges", "genrm")
    assert section["recipe"]["base small"]["model"] == "janes-model"
    assert str(folder.parent) not in json.dumps(section)
    assert section["base_model"] is None
    assert section["datasets"] == []
    assert table_configs.card(config_with("org/name"), "judges", "bt")["base_model"] == "org/name"


@pytest.mark.parametrize(
    "model", ["/home/jane/models/start", "models/of/jane/start", "jane/base/start", "~/start"]
)
def test_a_card_has_no_path_of_a_base_that_is_elsewhere(model):
    section = table_configs.card(config_with(model), "judges", "genrm")
    assert section["recipe"]["base small"]["model"] == "start"
    assert model not in json.dumps(section)


@pytest.mark.parametrize("path", ["{folder}/mine.py", "jane/mine.py"])
def test_a_card_names_plugins_and_files_of_options_without_their_folders(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jane").mkdir()
    file = Path(path.replace("{folder}", str(tmp_path / "jane")))
    file.write_text("def reward(stories, contexts, lexicon):\n    return [0] * len(stories)\n")
    raw = json.loads(json.dumps(SMOKE))
    raw["policies"]["rlcs"]["reward"] = {"function": str(file), "options": {"lexicon": "/home/jane/words"}}
    raw["tables"]["gains"] = None
    raw["policies"]["rlcs"]["training"]["deepspeed"] = "/home/jane/zero.json"
    raw["policies"]["rlcs"]["training"]["vllm_server_host"] = "janes-laptop"
    section = table_configs.card(parsing.parse(raw), "policies", "rlcs")
    told = section["recipe"]["rlcs"]
    assert told["reward"] | {"function": "mine.py", "options": {"lexicon": "words"}} == told["reward"]
    assert told["training"]["deepspeed"] == "zero.json"
    (plugin,) = told["plugins"]
    assert re.fullmatch(r"mine\.py [0-9a-f]+", plugin)
    assert "jane" not in json.dumps(section)


@pytest.mark.parametrize(("name", "expected"), [("org/pairs", ["org/pairs"]), ("{folder}", []), (None, [])])
def test_data_sets_are_those_of_a_hub(folder, name, expected):
    hub = name and {"name": name.replace("{folder}", str(folder))}
    data = DataConfig.model_validate({"hub": hub})
    assert dataset_ids(config_with(folder).model_copy(update={"data": data})) == expected
