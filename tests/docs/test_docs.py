"""The docs at their word: commands run, configs parse, names and messages are those of the code."""

import copy
import importlib
import json
import re
import shlex
from types import SimpleNamespace

import pytest
import yaml
from snakemake.exceptions import LockException

import document_graph
from paths import ROOT, modules_named
from rlcs.config import parsing
from rlcs.errors import InputError
from rlcs.models import loading
from rlcs.report.captions import TABLES
from rlcs.training.checkpointing import check_save_steps
from rlcs.training.grpo import assert_whole_groups
from rlcs.training.options import build_options
from smoke_run import Workflow

DOCS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
PAGES = {"tutorial", "tables", "extending", "troubleshooting"}
TINY = yaml.safe_load((ROOT / "config" / "tiny.yaml").read_text(encoding="utf-8"))
SCHEMA = (ROOT / "config" / "schema.json").read_text(encoding="utf-8")
TUTORIAL = re.search(r"```yaml\n(run: mine.*?)```", DOCS["tutorial"], re.S)[1]
ROW = json.loads(re.search(r"```json\n(.*?)```", DOCS["tutorial"], re.S)[1])
COMMANDS = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", DOCS["tutorial"], re.S)
    for line in block.splitlines()
]


@pytest.mark.parametrize("page", sorted(DOCS))
def test_links_lead_somewhere(page):
    for path in re.findall(r"\]\(((?!http)[^)#]+)\)", DOCS[page]):
        assert (ROOT / "docs" / path).exists(), path


@pytest.mark.parametrize("page", sorted(PAGES))
def test_what_is_named_in_code_is_there(page):
    for name in re.findall(r"`(\w+\.(?:py|smk))`", DOCS[page]):
        assert list((ROOT / "workflow_scripts").rglob(name)) or (ROOT / "rules" / name).exists(), name
    for module, attribute in re.findall(r"`(\w+)\.(\w+)`", DOCS[page]):
        if attribute not in ("py", "smk", "md", "csv", "yaml") and (modules := modules_named(module)):
            is_code = any(hasattr(importlib.import_module(one), attribute) for one in modules)
            assert is_code or f'"{attribute}": {{' in SCHEMA, f"{module}.{attribute}"  # a key of the config


@pytest.mark.parametrize(
    "exception", ["number of threads", "another CPU", "GPU", "use_vllm", "judging.engine", "temperature 0"]
)
def test_the_same_bytes_have_their_limits(exception):
    (section,) = re.findall(r"^## The same bytes\n(.*?)^## ", DOCS["reruns"], re.S | re.M)
    assert exception in section


def test_every_table_has_its_row():
    assert set(re.findall(r"^\| `(\w+)` \|", DOCS["tables"], re.M)) == set(TABLES)


def test_every_output_in_snakemakes_report_has_its_caption():
    rules = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    shown = set(re.findall(r'(?:table|figure|page)_file\("(\w+)"', rules))
    shown |= set(re.findall(r'report_file\(f"[^"]+", "(\w+)"', rules))
    assert {path.stem for path in (ROOT / "report").glob("*.rst")} == shown | {"workflow"}


def test_the_tutorials_config_is_one_and_its_row_is_a_pair():
    parsed = parsing.parse(yaml.safe_load(TUTORIAL))
    assert not parsed.synthetic
    assert {"prompt", "story_a", "story_b", "label"} <= set(ROW)


@pytest.mark.slow
def test_the_tutorials_commands_run(tmp_path):
    """With 200 pairs: check and ingest for real, all that needs the models as a dry run."""
    workflow = Workflow.of_source(tmp_path / "copy")
    rows = [{**ROW, "prompt": f"{ROW['prompt']} {n}", "label": "ab"[n % 2]} for n in range(200)]
    (workflow.folder / "my_pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (workflow.folder / "config" / "mine.yaml").write_text(TUTORIAL)
    assert len(COMMANDS) == 6
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        assert program == ".venv/bin/snakemake"
        if "slurm" in arguments:  # no Slurm here: the same without its profile
            at = arguments.index("--profile")
            del arguments[at : at + 2]
        config_at = arguments.index("--configfile")
        path = arguments[config_at + 1]
        del arguments[config_at : config_at + 2]
        dry = [] if "check" in arguments or "-n" in arguments else ["--dry-run"]
        done = workflow.snakemake(*arguments, *dry, config=path)
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}"
    done = workflow.snakemake("results/mine/preferences/manifest.json", config="config/mine.yaml")
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_workflow_catalog_can_show_it():
    catalog = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
    assert catalog["usage"]["report"] is True
    assert catalog["usage"]["software-stack-deployment"]["conda"] is True
    assert all((ROOT / path).exists() for path in ("LICENSE", "README.md", "config/README.md", "Snakefile"))


def test_a_graph_without_shortcuts_leads_to_the_same_places():
    pairs = {("a", "b"), ("b", "c"), ("a", "c"), ("b", "d"), ("a", "d"), ("c", "d")}
    assert document_graph.without_shortcuts(pairs) == {("a", "b"), ("b", "c"), ("c", "d")}


@pytest.mark.slow
def test_the_rule_graph_in_the_docs_is_that_of_the_rules(tmp_path):
    workflow = Workflow.of_source(tmp_path / "copy")
    done = workflow.snakemake("--rulegraph", "mermaid-js", config="config/tiny.yaml")
    assert done.returncode == 0, done.stdout
    assert document_graph.mermaid_block(document_graph.read_edges(done.stdout)) in DOCS["graph"]


# ------------------------------------------------------------------------------------------- messages

MESSAGES = re.findall(r"^> `(.*)`$", DOCS["troubleshooting"], re.M)


def refused(*path, **change):
    """What the tiny run's config says after a change."""
    raw = copy.deepcopy(TINY)
    section = raw
    for key in path:
        section = section[key]
    section |= change
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    return str(error.value)


def said(act, *errors):
    with pytest.raises(errors) as error:
        act()
    return str(error.value)


def no_chat_template(monkeypatch):
    tokenizer = SimpleNamespace(from_pretrained=lambda *_, **__: SimpleNamespace(chat_template=None))
    monkeypatch.setattr(loading, "AutoTokenizer", tokenizer)
    return said(lambda: loading.load_tokenizer("some/base"), ValueError)


def options(**values):
    given = {"logging_steps": 5, "eval_on_start": False, "gradient_accumulation_steps": 1}
    return SimpleNamespace(**given | values)


def text_for_a_number(tmp_path):
    from trl import SFTConfig

    own = {"learning_rate": "1e-3"}
    return said(
        lambda: build_options(SFTConfig, {"use_cpu": True}, own, seed=0, output_dir=str(tmp_path)), InputError
    )


CAUSES = {
    "unknown key": lambda **_: refused("judges", "genrm-grpo", shapping="entropy"),
    "is not under judges": lambda **_: refused("policies", "rlcs", reward={"judge": "genrn"}),
    "cycle": lambda **_: refused("judges", "genrm", **{"from": "genrm"}),
    "is not an option of": lambda **_: refused("judges", "genrm-grpo", "training", num_generation=3),
    "is set by the workflow": lambda **_: refused("judges", "genrm", "training", seed=3),
    "is refused by SFTConfig": lambda tmp_path, **_: text_for_a_number(tmp_path),
    "must be a multiple of logging_steps": lambda **_: said(
        lambda: check_save_steps(options(save_steps=7)), ValueError
    ),
    "split across processes": lambda **_: said(
        lambda: assert_whole_groups(
            options(
                per_device_train_batch_size=12, steps_per_generation=1, num_generations=8, eval_strategy="no"
            )
        ),
        ValueError,
    ),
    "chat template": lambda monkeypatch, **_: no_chat_template(monkeypatch),
    "Directory cannot be locked": lambda **_: str(LockException()),
}
# these are said by stages: which test causes them, and by which words it knows them
ELSEWHERE = {
    "rows (7.0%) cannot be used": ("test_workflow_plans.py", "3 of 43 rows (7.0%) cannot be used"),
    "none of them in the split": ("test_bad_input.py", "none of them in the split"),
    "leaves none of 60 pairs": ("test_workflow_plans.py", "leaves none of 60 pairs"),
    "must not reward a policy": ("test_policy_stages.py", "must not reward a policy: the accuracy is"),
    "cannot be read, more than": ("test_first_replies.py", "judges.guest.max_unread_share = 50%"),
    "named by api_key_env, is not set": ("test_chat.py", "is not set"),
    "No space left on device": ("test_stage.py", "cannot be made: No space left on device"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_messages_are_those_that_the_code_says(cause, monkeypatch, tmp_path):
    (message,) = [message for message in MESSAGES if cause in message]
    heard = " ".join(CAUSES[cause](monkeypatch=monkeypatch, tmp_path=tmp_path).split())
    assert message in heard, heard


def test_every_message_is_caused_by_some_test():
    for message in MESSAGES:
        known = [part for part in (*CAUSES, *ELSEWHERE) if part in message]
        assert len(known) == 1, message
    for file, words in ELSEWHERE.values():
        (path,) = (ROOT / "tests").rglob(file)
        assert words in path.read_text(encoding="utf-8"), (words, file)
