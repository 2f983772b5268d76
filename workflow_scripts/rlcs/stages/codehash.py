"""A hash of the code that a script runs: itself and the library modules that it imports.

Hashed is the parsed code without docstrings and without the wording of config fields, so that comments,
docstrings, descriptions and formatting change nothing; and the library's data files (templates and the like)
that the code names. Only modules of this library count;
installed packages are pinned and recorded with every artifact.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).parents[1]
WORDING = ("description", "examples", "title")  # of pydantic's Field: what people read, not what runs


def code_hash(script: Path) -> str:
    """First 16 hex digits of the SHA-256 over the script's import closure, in the order of module names."""
    modules = _modules(LIBRARY)
    digest = hashlib.sha256(_parsed(script)[0].encode())
    for module in sorted(closure(script)):
        digest.update(f"\n{module}\n{_parsed(modules[module])[0]}".encode())
    return digest.hexdigest()[:16]


def closure(script: Path) -> set[str]:
    """Names of the library modules that a script imports, directly or through others."""
    modules, found = _modules(LIBRARY), set()
    waiting = list(_parsed(script)[1])
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(_parsed(modules[module])[1])
    return found


@cache
def _modules(library: Path) -> dict[str, Path]:
    """The library's files by module, listed at once: a network's file system is slow to answer for each."""
    found = {}
    for path in library.rglob("*.py"):
        name = ".".join([library.name, *path.relative_to(library).with_suffix("").parts])
        found[name.removesuffix(".__init__")] = path
    return found


@cache
def _parsed(path: Path) -> tuple[str, tuple[str, ...]]:
    """The code without wording, with the data files that it names, and the library modules imported."""
    reader = _Reader()
    reader.read(ast.parse(path.read_text(encoding="utf-8")))
    names = [name.split(".") for name in reader.imported if name in _modules(LIBRARY)]
    imports = {".".join(parts[:n]) for parts in names for n in range(1, len(parts) + 1)}
    data = [file.read_text(encoding="utf-8") for file in _data_files(LIBRARY) if file.name in reader.strings]
    return "\n".join(["".join(reader.code), *data]), tuple(sorted(imports))


class _Reader:
    """One pass over a parsed module, since every job and every plan reads many modules.

    Attributes:
        code: the module in pieces, as ``ast.dump`` writes it, but without wording.
        imported: names that may be modules; also of imports inside functions, since they run too.
        strings: all of the code.
    """

    def __init__(self) -> None:
        self.code: list[str] = []
        self.imported: set[str] = set()
        self.strings: set[str] = set()

    def read(self, node: object) -> None:
        if isinstance(node, ast.AST):
            self._read_node(node)
        elif isinstance(node, list):
            self.code.append("[")
            for child in node:
                self.read(child)
            self.code.append("]")
        else:
            self.code.append(f"{node!r},")

    def _read_node(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self.imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            self.imported.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.strings.add(node.value)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [s for s in node.body if not _is_docstring(s)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [k for k in node.keywords if k.arg not in WORDING]
        self.code.append(f"{type(node).__name__}(")
        for name in node._fields:
            if name != "ctx":  # load or store: the syntax around it says which
                self.code.append(f"{name}=")
                self.read(getattr(node, name, None))
        self.code.append(")")


@cache
def _data_files(library: Path) -> list[Path]:
    return sorted(path for path in library.rglob("*.*") if path.suffix in (".j2", ".json", ".jsonl", ".txt"))


def _is_docstring(statement: ast.stmt) -> bool:
    """True for the docstring of a module, class or function, and for one below an attribute."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
