"""The page on the layout names what is there: paths, packages, functions."""

import importlib
import re

import pytest

from paths import LIBRARY, ROOT, SCRIPTS, modules_named

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
REPOSITORY, PACKAGES = re.findall(r"^```\n(.*?)^```", TEXT, re.M | re.S)
GLOSSARY = TEXT.partition("## Glossary")[2]
INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", TEXT, flags=re.M | re.S))
FILES = [name for name in INLINE if re.fullmatch(r"[\w./]+(/|\.(py|smk|md))", name)]
FUNCTIONS = [name for name in INLINE if re.fullmatch(r"\w+\.\w+", name) and name not in FILES]
MADE_BY_STAGES = {"manifest.json"}


def names_of_tree(tree):
    return [
        name for line in tree.splitlines() for name in re.split(r" {2,}", line)[0].strip().split(", ") if name
    ]


@pytest.mark.parametrize("name", names_of_tree(REPOSITORY))
def test_the_tree_of_the_repository_is_there(name):
    assert (ROOT / name).exists()


def test_the_tree_of_the_library_is_the_library():
    packages = {f"{path.parent.name}/" for path in LIBRARY.glob("*/__init__.py")}
    modules = {path.name for path in LIBRARY.glob("*.py") if path.name != "__init__.py"}
    assert set(names_of_tree(PACKAGES)) == packages | modules


def test_every_package_has_its_floor():
    rule = TEXT.partition("**The import rule.**")[2].partition("## ")[0]
    floors = re.findall(r"`(\w+)`", rule)
    assert sorted(floors) == sorted(
        name.removesuffix("/").removesuffix(".py") for name in names_of_tree(PACKAGES)
    )


@pytest.mark.parametrize("name", FILES)
def test_a_named_path_is_there(name):
    assert any((folder / name).exists() for folder in (ROOT, SCRIPTS, LIBRARY))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_named_function_is_there(name):
    if name in MADE_BY_STAGES:
        return
    module, attribute = name.split(".")
    assert any(hasattr(importlib.import_module(one), attribute) for one in modules_named(module))


def test_the_page_names_files_and_functions():
    assert len(FILES) > 20
    assert len(FUNCTIONS) > 10


def test_the_glossary_is_short_and_sorted():
    terms = re.findall(r"^\| ([\w ]+) \| [A-Z]", GLOSSARY, re.M)
    assert 20 <= len(terms) <= 25
    assert terms == sorted(terms, key=str.lower)
    assert len(terms) == len(re.findall(r"^\|", GLOSSARY, re.M)) - 2


def test_it_is_one_page():
    assert len(TEXT.splitlines()) <= 120
