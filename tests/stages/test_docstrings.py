"""Docstrings begin with a verb or a noun, and cite what a reader can open."""

import ast
import re

import pytest

from paths import SCRIPTS

OPENING = re.compile(r"(Of|By|As|What|Whether|Which|How|Where|When|Also|For|From)\b")
ELSEWHERE = re.compile(r"DESIGN|our choice")


def docstrings(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: path.stem)
def test_docstrings_are_plain(path):
    for text in docstrings(path):
        assert not OPENING.match(text), text
        assert not ELSEWHERE.search(text), text
