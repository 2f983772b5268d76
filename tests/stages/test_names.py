"""A public name of the library means one thing: no two modules define it."""

import ast
from collections import defaultdict

from paths import LIBRARY

# Names that two modules may define.
MEANT = {
    "log",  # the library's one logger
}


def defined(path):
    """The public functions, classes and constants at the top of a module."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def test_no_public_name_is_defined_twice():
    modules = defaultdict(list)
    for path in sorted(LIBRARY.rglob("*.py")):
        for name in set(defined(path)):
            modules[name].append(path.relative_to(LIBRARY).as_posix())
    twice = {name: paths for name, paths in modules.items() if len(paths) > 1}
    assert {name: twice[name] for name in twice.keys() - MEANT} == {}
