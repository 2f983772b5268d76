"""The code hash changes where the code that runs changes, and only there."""

import ast
import os
import re
import shutil

import pytest

from paths import SCRIPTS
from rlcs.stages import codehash

SCRIPT = '''"""Reads and writes."""

from rlcs import used
from rlcs.package.inner import VALUE


def main(n: int) -> int:
    """Adds."""
    from rlcs.late import late

    return used.add(n, VALUE) + late()
'''
LIBRARY = {
    "__init__.py": '"""The library."""\n\nimport os\n\nos.environ.setdefault("A", "1")\n',
    "used.py": '"""Used"""\n\nfrom rlcs import indirect, options, templates\n\n\n'
    "def add(a, b):\n    return a + b\n",
    "indirect.py": "import json\n\n\ndef add(a, b):\n    return a + b\n",
    "late.py": "def late():\n    return 3\n",
    "unused.py": "UNUSED = 1\n",
    "package/__init__.py": "",
    "package/inner.py": "VALUE = 1\n",
    "package/other.py": "OTHER = 1\n",
    "options.py": "from pydantic import Field\n\n"
    'STEPS = Field(1, ge=0, description="Steps.", examples=[5])\n',
    "templates.py": 'PAGE = "page.j2"\n',
    "package/page.j2": "<p>",
    "package/unnamed.j2": "<p>",
}


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A script and its library, both small."""
    for name, text in LIBRARY.items():
        path = tmp_path / "rlcs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(codehash, "LIBRARY", tmp_path / "rlcs")
    codehash._parsed.cache_clear()
    (tmp_path / "script.py").write_text(SCRIPT)
    yield tmp_path / "script.py"
    codehash._parsed.cache_clear()


def edited(script, name, old, new):
    """The hashes before and after an edit of a file."""
    before = codehash.code_hash(script)
    path = script if name == "script.py" else script.parent / "rlcs" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    codehash._parsed.cache_clear()
    return before, codehash.code_hash(script)


def test_the_closure_holds_direct_indirect_and_late_imports_and_packages(script):
    names = {"used", "indirect", "late", "options", "package", "package.inner", "templates"}
    assert codehash.closure(script) == {"rlcs"} | {f"rlcs.{name}" for name in names}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("script.py", '"""Adds."""', '"""Subtracts."""'),
        ("script.py", '"""Reads and writes."""', ""),
        ("script.py", "import VALUE", "import (\n    VALUE,  # one\n)"),
        ("used.py", "return a + b", "return  (a+b)  # sum"),
        ("indirect.py", "import json\n", "\n\nimport json\n# a remark\n"),
        ("package/inner.py", "VALUE = 1", 'VALUE = 1\n"""What is added."""'),
        ("options.py", '"Steps."', '"Number of steps."'),
        ("options.py", ', description="Steps."', ""),
        ("options.py", "[5]", "[6]"),
        ("unused.py", "UNUSED = 1", "UNUSED = 2"),
        ("package/other.py", "OTHER = 1", "OTHER = 2"),
        ("package/unnamed.j2", "<p>", "<b>"),
    ],
)
def test_edits_that_change_nothing(script, name, old, new):
    before, after = edited(script, name, old, new)
    assert before == after


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("script.py", "+ late()", "- late()"),
        ("__init__.py", '"1"', '"2"'),
        ("used.py", "add(a, b)", "add(b, a)"),
        ("indirect.py", "a + b", "a - b"),
        ("late.py", "3", "4"),
        ("options.py", "Field(1,", "Field(2,"),
        ("options.py", "ge=0", "ge=1"),
        ("package/inner.py", "VALUE = 1", "VALUE = 2"),
        ("package/page.j2", "<p>", "<b>"),
        ("package/__init__.py", "", "VALUE = 2\n"),
        ("used.py", "import indirect, options", "import indirect, options, unused"),
    ],
)
def test_edits_that_change_what_runs(script, name, old, new):
    before, after = edited(script, name, old, new)
    assert before != after


def test_the_file_system_is_not_asked_for_each_import(script, monkeypatch):
    asked = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **how: asked.append(path) or stat(path, **how))
    codehash.code_hash(script)
    assert len(asked) < len(LIBRARY)


def test_the_place_of_the_library_is_no_part_of_the_hash(script, tmp_path, monkeypatch):
    before = codehash.code_hash(script)
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copytree(tmp_path / "rlcs", clone / "rlcs")
    shutil.copy(script, clone)
    monkeypatch.setattr(codehash, "LIBRARY", clone / "rlcs")
    assert codehash.code_hash(clone / "script.py") == before


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: path.stem)
def test_imports_are_absolute_and_by_name(path):
    """What the closure cannot follow is not in the code: relative, star and computed imports.

    ``plugins`` alone imports by path: files of the user's, which have a hash of their own.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert all(alias.name != "*" for alias in node.names)
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] != "importlib" for alias in node.names)


def test_no_description_of_a_config_field_is_in_any_hash(tmp_path, monkeypatch):
    """Each description of the real library is changed at once: every script keeps its hash."""
    before = {script.name: codehash.code_hash(script) for script in SCRIPTS.glob("*.py")}
    shutil.copytree(SCRIPTS, tmp_path / "scripts")
    changed = 0
    for path in (tmp_path / "scripts" / "rlcs").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "Field(" in text:  # argparse has descriptions too
            text, count = re.subn(r"(\bdescription=)", r"\1'Other words. ' ", text)
            path.write_text(text, encoding="utf-8")
            changed += count
    assert changed > 200
    monkeypatch.setattr(codehash, "LIBRARY", tmp_path / "scripts" / "rlcs")
    after = {script.name: codehash.code_hash(script) for script in (tmp_path / "scripts").glob("*.py")}
    assert after == before


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_every_script_has_a_hash(script):
    codehash.code_hash(script)


def test_what_a_stage_does_not_run_is_not_in_its_closure():
    assert codehash.closure(SCRIPTS / "generate_world.py").isdisjoint(
        {"rlcs.training.grpo", "rlcs.judging.generative", "rlcs.report.page"}
    )
    assert codehash.closure(SCRIPTS / "judge_pairs.py") >= {
        "rlcs.judging.generative",
        "rlcs.verdict",
        "rlcs.config.prompts",
    }
    assert "rlcs.rewards.pivots" in codehash.closure(SCRIPTS / "train_policy_grpo.py")


LEARNS = {"prompts", "section", "training"}
JUDGES = {"endpoints", "judging", "plugins", "prompts", "section", "untrained_judges"}
TRAINED_JUDGES = LEARNS | JUDGES | {"genrm", "trained_judges"}
POLICIES = {"endpoints", "plugins", "policies", "section", "sentence_model", "story_rewards", "training"}
TABLES = {"section", "sentence_model", "sources", "tables"}
WRITES = {"endpoints", "judging", "prompts", "section", "writing"}
# script -> modules of rlcs.config that it depends on: a key in any other makes no artifact of it anew
CONFIGS = {
    "choose_stories": JUDGES,
    "export_model": set(),
    "filter_chains": set(),
    "find_consensus": {"data", "section", "sources"},
    "gate_judge": {"gate", "section"},
    "generate_world": {"prompts", "section", "world"},
    "import_instructions": {"section", "sources"},
    "import_stories": set(),
    "ingest": {"data", "section", "sources"},
    "judge_groups": JUDGES,
    "judge_injections": JUDGES,
    "judge_matches": JUDGES,
    "judge_pairs": JUDGES,
    "plot_curves": POLICIES,
    "prepare_base": LEARNS | {"bases", "endpoints", "judging", "world"},
    "sample_responses": WRITES,
    "sample_stories": WRITES,
    "tabulate_alignment": set(),
    "tabulate_benchmarks": set(),
    "tabulate_consensus": set(),
    "tabulate_constraints": set(),
    "tabulate_effects": TABLES,
    "tabulate_filter": set(),
    "tabulate_gains": TABLES,
    "tabulate_gates": {"gate", "section"},
    "tabulate_human_win_rates": set(),
    "tabulate_ifeval": set(),
    "tabulate_injections": set(),
    "tabulate_pivots": set(),
    "tabulate_sweeps": set(),
    "tabulate_win_rates": set(),
    "train_bradley_terry": TRAINED_JUDGES,
    "train_genrm_grpo": TRAINED_JUDGES,
    "train_genrm_probe": TRAINED_JUDGES,
    "train_genrm_sft": TRAINED_JUDGES,
    "train_genrm_verdicts": TRAINED_JUDGES,
    "train_policy_dpo": LEARNS | POLICIES | {"endpoints", "judging"},
    "train_policy_grpo": JUDGES | POLICIES,
    "train_policy_sft": LEARNS | POLICIES | {"endpoints", "judging"},
    "verify_stories": {"endpoints", "judging", "prompts", "section"},
    "write_analyses": JUDGES | {"training"},
    "write_blind_sheet": set(),
    "write_gallery": LEARNS | POLICIES,
    "write_report": set(),
}
TOOLS = {
    "check_config",
    "clean_checkpoints",
    "compare_runs",
    "document_config",
    "document_graph",
    "fetch_inputs",
    "import_argilla",
    "import_label_studio",
    "judge",
    "init",
    "publish_results",
    "push_model",
    "rehearse",
}


def test_every_stage_states_the_config_that_it_depends_on():
    assert CONFIGS.keys() == {path.stem for path in SCRIPTS.glob("*.py")} - TOOLS


@pytest.mark.parametrize("script", CONFIGS)
def test_a_stage_depends_on_no_other_config(script):
    modules = codehash.closure(SCRIPTS / f"{script}.py")
    prefix = "rlcs.config."
    configs = {module.removeprefix(prefix) for module in modules if module.startswith(prefix)}
    assert configs == CONFIGS[script]
