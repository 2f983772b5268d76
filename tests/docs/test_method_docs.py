"""The functions that the method page names are there."""

import importlib
import re

import pytest

from paths import ROOT, modules_named

METHOD = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
NAMED = [
    (module, name) for module, name in re.findall(r"[`(](\w+)\.(\w+)[`)]", METHOD) if modules_named(module)
]


def test_the_page_names_functions():
    assert len(NAMED) > 20


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_a_named_function_is_there(module, name):
    assert any(hasattr(importlib.import_module(one), name) for one in modules_named(module))


@pytest.mark.parametrize("path", re.findall(r"\]\(((?!http)[^)]+)\)", METHOD))
def test_links_lead_somewhere(path):
    assert (ROOT / "docs" / path).exists()
