"""The import rule of the library, as the docstring of ``rlcs`` states it, holds for every module."""

import ast
from graphlib import TopologicalSorter

import pytest

import rlcs
from paths import LIBRARY
from rlcs.stages import codehash

FLOORS = [line.split(" | ") for line in rlcs.__doc__.replace("    ", "").splitlines()[4:]]
FLOOR = {package: number for number, packages in enumerate(FLOORS) for package in packages}
MODULES = {
    ".".join(("rlcs", *path.relative_to(LIBRARY).with_suffix("").parts)): path
    for path in sorted(LIBRARY.rglob("*.py"))
    if path.name != "__init__.py"
}
# imports in functions and for the type checker count too
IMPORTS = {module: MODULES.keys() & codehash._parsed(path)[1] for module, path in MODULES.items()}


def package_of(module):
    """The package of a module, or the module itself where it belongs to none."""
    return module.split(".")[1]


def test_every_package_has_a_floor():
    assert FLOOR.keys() == {package_of(module) for module in MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards(module):
    package = package_of(module)
    elsewhere = {other for other in IMPORTS[module] if package_of(other) != package}
    assert {other for other in elsewhere if FLOOR[package_of(other)] <= FLOOR[package]} == set()


def test_no_modules_import_each_other():
    TopologicalSorter(IMPORTS).prepare()  # raises a CycleError that names them


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*/**/__init__.py")), ids=lambda path: path.parent.name)
def test_packages_hold_no_code(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert tree.body == [] or (ast.get_docstring(tree) and len(tree.body) == 1)


def test_the_library_itself_sets_environment_variables_and_no_more():
    body = ast.parse((LIBRARY / "__init__.py").read_text(encoding="utf-8")).body[1:]
    code = [ast.unparse(statement) for statement in body]
    assert code[0] == "import os"
    assert all(line.startswith("os.environ.setdefault(") for line in code[1:])
