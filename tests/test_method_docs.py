"""The functions that the method page names are there."""

import importlib
import re

import pytest
from smoke_run import ROOT

METHOD = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
MODULES = {path.stem for path in (ROOT / "workflow_scripts" / "rlcs").glob("*.py")}
NAMED = [(module, name) for module, name in re.findall(r"[`(](\w+)\.(\w+)[`)]", METHOD) if module in MODULES]


def test_the_page_names_functions():
    assert len(NAMED) > 20


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_a_named_function_is_there(module, name):
    assert callable(getattr(importlib.import_module(f"rlcs.{module}"), name))


@pytest.mark.parametrize("path", re.findall(r"\]\(((?!http)[^)]+)\)", METHOD))
def test_links_lead_somewhere(path):
    assert (ROOT / "docs" / path).exists()
