"""The plug-ins of docs/extending.md, word for word, through the whole workflow, and what is planned then."""

import copy
import json
import re

import pandas as pd
import pytest
import yaml

from endpoint_server import Server, always, ok
from paths import ROOT
from rlcs.data.artifacts import HISTORY_FILE, JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences
from rlcs.stages.manifest import read_provenance
from smoke_run import SMOKE, Workflow

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8").split("\n## A domain")[0]
FILES = dict(re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, re.S | re.M))
ENTRIES = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.S | re.M)]
SAID = "Both are good. On the whole I prefer the second story."


def config_of(server):
    """The smallest run with the page's entries: no judge is trained, and a policy by the page's reward."""
    raw = copy.deepcopy(SMOKE)
    raw["run"], raw["training"]["logging_steps"] = "plugins", 1
    for key in ("consensus", "effects", "human"):
        del raw[key]
    raw["judges"] = {"oracle": raw["judges"]["oracle"]}
    training = raw["policies"]["rlcs"]["training"]
    raw["policies"] = {"sft": raw["policies"]["sft"]}
    for entry in copy.deepcopy(ENTRIES):
        for section, values in entry.items():
            raw.setdefault(section, {}).update(values)
    raw["data"]["contexts"] = ["fairs.jsonl"]
    raw["policies"]["measured"] |= {"training": training, "constraints": {"mode": "none"}}
    raw["judges"]["guest"]["base_url"] = server
    raw["tables"] = {
        "alignment": {"rows": ["dialogue", "guest"]},
        "win_rates": {"rows": ["sft", "measured"], "reference": "sft", "judges": ["dialogue"]},
        "constraints": {"rows": ["measured"]},
    }
    return raw


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The run, its config file, and its raw config."""
    workflow = Workflow.of_source(tmp_path_factory.mktemp("plugins") / "copy")
    workflow.results = workflow.folder / "results" / "plugins"
    for name, text in FILES.items():
        (workflow.folder / name).write_text(text, encoding="utf-8")
    # the world's contexts have constraints of their own
    rows = [{"outline": f"A fair, number {n}.", "split": "train"} for n in range(8)]
    (workflow.folder / "fairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.MonkeyPatch.context() as patch, Server(always(ok(SAID))) as server:
        patch.setenv("NO_PROXY", "127.0.0.1")
        raw = config_of(server.url)
        config = write(workflow, "plugins", raw)
        done = workflow.snakemake(
            "all", "results/plugins/export/policies/measured/seed1/manifest.json", config=config
        )
    assert done.returncode == 0, done.stdout[-5000:]
    return workflow, config, raw


def write(workflow, name, raw):
    (workflow.folder / f"{name}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return f"{name}.yaml"


def test_the_page_has_a_file_and_an_entry_of_each():
    assert FILES.keys() == {"my_reward.py", "my_judge.py", "my_kind.py", "my_format.py"}
    named = json.dumps(ENTRIES)
    assert all(name in named for name in FILES)


def test_each_plug_in_has_its_say(made):
    workflow, _, _ = made
    by_dialogue = JUDGEMENTS_FILE.read(workflow.results / "alignment" / "dialogue" / "seed1")
    assert {judgement.score_a for judgement in by_dialogue} != {None}
    by_guest = JUDGEMENTS_FILE.read(workflow.results / "alignment" / "guest" / "seed1")
    assert all(judgement.verdict == {"ab": "b", "ba": "a"}[judgement.order] for judgement in by_guest)
    history = pd.DataFrame(HISTORY_FILE.read(workflow.results / "policies" / "measured" / "seed1"))
    assert "function/my_reward/failed" in " ".join(history["metric"])
    contexts = Preferences(workflow.results / "preferences").contexts.values()
    stated = [constraint.kind for context in contexts for constraint in context.constraints]
    assert stated.count("colours") == 8
    table = pd.read_csv(workflow.results / "tables" / "constraints" / "constraints.csv")
    assert "measured" in set(table["policy"])


def test_the_hash_of_a_plug_in_is_in_the_provenance_and_on_the_card(made):
    workflow, _, _ = made
    policy = read_provenance(workflow.results / "policies" / "measured" / "seed1")
    ((file, code),) = policy["config"]["plugins"].items()
    assert file == "my_reward.py"
    card = (workflow.results / "export" / "policies" / "measured" / "seed1" / "README.md").read_text()
    assert f"my_reward.py {code}" in card
    judged = read_provenance(workflow.results / "alignment" / "dialogue" / "seed1")
    assert judged["config"]["plugins"].keys() == {"my_judge.py"}
    assert "plugins" not in read_provenance(workflow.results / "policies" / "sft" / "seed1")["config"]


REPORT = {"write_report": 1, "all": 1}
BELOW_MATCHES = {"tabulate_win_rates": 1, "tabulate_constraints": 1}
BELOW_JUDGE = {"judge_test_pairs": 1, "tabulate_alignment": 1, "judge_matches": 1, "write_gallery": 1}
BELOW_FORMAT = {"judge_test_pairs": 1, "tabulate_alignment": 1} | REPORT
BELOW_REWARD = {
    "train_policy_grpo": 1,
    "sample_stories": 1,
    "judge_matches": 1,
    "plot_curves": 1,
    "write_gallery": 1,
}


@pytest.mark.parametrize(
    ("file", "old", "new", "jobs"),
    [
        ("my_reward.py", "- words", "- 2 * words", BELOW_REWARD | BELOW_MATCHES | REPORT),
        ("my_reward.py", "1 for a story", "A number for a story", {}),
        (
            "my_judge.py",
            "c.story_b.count(mark))",
            "c.story_b.count(mark) + 1)",
            BELOW_JUDGE | BELOW_MATCHES | REPORT,
        ),
        ("my_format.py", "[-1]", "[0]", BELOW_FORMAT),
    ],
)
def test_an_edit_plans_what_uses_the_file_and_what_is_below(made, file, old, new, jobs):
    workflow, config, _ = made
    assert old in FILES[file]
    (workflow.folder / file).write_text(FILES[file].replace(old, new), encoding="utf-8")
    try:
        assert workflow.planned(config=config) == jobs
        if "train_policy_grpo" in jobs:
            said = workflow.snakemake("--dry-run", "all", config=config).stdout
            (reason,) = re.findall(r"^Policy GRPO: measured, seed 1 \((.*)\)$", said, re.M)
            assert re.search("plugins.*my_reward.py", reason), reason
    finally:
        (workflow.folder / file).write_text(FILES[file], encoding="utf-8")
    assert workflow.planned(config=config) == {}


def test_a_kind_is_part_of_the_preferences(made):
    workflow, config, _ = made
    path = workflow.folder / "my_kind.py"
    path.write_text(FILES[path.name].replace('"white", ', ""), encoding="utf-8")
    jobs = workflow.planned(config=config)
    path.write_text(FILES[path.name], encoding="utf-8")
    assert jobs["ingest"] == jobs["train_policy_grpo"] == 1
    assert "generate_world" not in jobs
    assert "prepare_base" not in jobs


def test_a_new_entry_plans_its_own_jobs_and_the_table_that_names_it(made):
    workflow, _, raw = made
    (workflow.folder / "other.py").write_text(
        "def score(stories, contexts):\n    return [1.0 for _ in stories]\n"
    )
    new = copy.deepcopy(raw)
    new["judges"]["other"] = {"kind": "plugin", "file": "other.py", "reads": "story"}
    new["tables"]["alignment"]["rows"].append("other")
    assert workflow.planned(config=write(workflow, "new", new)) == BELOW_FORMAT


def test_what_is_missing_is_refused_before_anything_is_planned(made):
    workflow, _, raw = made
    new = copy.deepcopy(raw)
    new["judges"]["dialogue"]["file"] = "nowhere.py"
    done = workflow.snakemake("--dry-run", "all", config=write(workflow, "missing", new))
    assert done.returncode != 0
    assert "judges.dialogue.file: nowhere.py: no such file in" in done.stdout
    assert "Traceback" not in done.stdout


def test_check_shows_the_last_line_of_a_file_that_raises_at_import(made):
    workflow, config, _ = made
    (workflow.folder / "my_judge.py").write_text(FILES["my_judge.py"] + "\n1 / 0\n")
    done = workflow.snakemake("check", config=config)
    (workflow.folder / "my_judge.py").write_text(FILES["my_judge.py"])
    assert done.returncode != 0
    assert "error: judges.dialogue.file: my_judge.py: it raises at import ZeroDivisionError:" in done.stdout
    assert "Traceback" not in done.stdout
