"""Plug-ins: Python files of the user's that entries of the config name.

A file defines one function of a fixed name for each use: ``reward``, ``judge``, ``score`` or ``read``; a kind
of constraint is the class ``Kind`` (``constraints.plugin_kinds``). It is loaded from its path and no part of
the library: its hash is in the config of the stages that use it (``planning.plugin_files``).
"""

from __future__ import annotations

import hashlib
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from numbers import Real
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

from rlcs.errors import InputError


@dataclass(frozen=True)
class PluginRole:
    """The contract of a file for one use: the function's name, its parameters, and what it returns."""

    name: str
    parameters: tuple[str, ...]
    returns: str

    def __str__(self) -> str:
        return f"def {self.name}({', '.join(self.parameters)}), which returns {self.returns}"


REWARD = PluginRole("reward", ("stories", "contexts"), "a number or None for each story")
SCORE = PluginRole("score", ("stories", "contexts"), "a number or None for each story")
JUDGE = PluginRole(
    "judge", ("comparisons",), 'for each comparison "a", "b", "tie", (score_a, score_b) or None'
)
READ = PluginRole(
    "read", ("text",), "a mapping with winner, with score_1 and score_2, or with score; None if unread"
)


KIND_FILES: dict[str, Path] = {}
"""Files of the kinds of constraints that are the run's own, by name; ``constraints.registry`` loads them."""


@dataclass(frozen=True)
class PluginFunction:
    """A plug-in's function with its options. An error that it raises names the file."""

    file: Path
    role: PluginRole
    function: Callable[..., Any]
    options: Mapping[str, Any]

    def __call__(self, *arguments: Any) -> Any:
        """Call the function.

        Raises:
            InputError: it raises an error.
        """
        try:
            return self.function(*arguments, **self.options)
        except Exception as error:
            raise InputError(
                f"{self.file}: {self.role.name} raises {_describe(error, self.file)}; mend it, or return "
                "None for what cannot be had"
            ) from error

    def values(self, number: int, *arguments: Any) -> list[Any]:
        """Call the function, which returns a list of ``number`` values.

        Raises:
            InputError: it raises an error, or returns no list, or one of another length.
        """
        returned = self(*arguments)
        if isinstance(returned, str | Mapping) or not hasattr(returned, "__len__"):
            raise InputError(
                f"{self.file}: {self.role.name} returned {returned!r:.200}, not a list; write {self.role}"
            )
        values = list(returned)
        if len(values) != number:
            raise InputError(
                f"{self.file}: {self.role.name} returned {len(values)} values for {number} "
                f"{self.role.parameters[0]}; write {self.role}"
            )
        return values

    def numbers(self, number: int, *arguments: Any) -> list[float | None]:
        """Call the function, which returns a list of ``number`` finite numbers; None for a failed one.

        Raises:
            InputError: as ``values``, or a value is neither.
        """
        return [
            None if value is None else self.finite(value, place)
            for place, value in enumerate(self.values(number, *arguments))
        ]

    def finite(self, value: Any, place: int | str) -> float:
        """Check one number.

        Args:
            place: its place, or its name, in what the function returned, for the message.

        Raises:
            InputError: it is not a number, or not a finite one.
        """
        if not isinstance(value, Real) or not math.isfinite(value):
            raise InputError(
                f"{self.file}: {self.role.name} returned {value!r:.200} at {place}, which is no finite "
                f"number; write {self.role}"
            )
        return float(value)


def load_function(file: Path, role: PluginRole, options: Mapping[str, Any] | None = None) -> PluginFunction:
    """Load a plug-in's function.

    Args:
        options: further arguments, by name.

    Raises:
        InputError: there is no such file, it raises an error at import, it has no such function, or the
            function cannot be called with these arguments.
    """
    options = options or {}
    function = getattr(load_module(file), role.name, None)
    if not callable(function):
        raise InputError(f"{file}: it has no function {role.name!r}; write {role}")
    signature = inspect.signature(function)
    try:
        signature.bind(*role.parameters, **options)
    except TypeError as error:
        given = ", ".join([*role.parameters, *(f"{name}={value!r}" for name, value in options.items())])
        raise InputError(
            f"{file}: {role.name}{signature} cannot be called as {role.name}({given}): {error}; write {role}"
            ", with a parameter for each of the options"
        ) from None
    return PluginFunction(file, role, function, options)


@cache
def load_module(file: Path) -> ModuleType:
    """Load a Python file as a module of its own; its folder is not searched for other modules.

    What it prints meanwhile goes to standard error.

    Raises:
        InputError: there is no such file, or it raises an error at import.
    """
    if not file.is_file():
        raise InputError(missing(file))
    # as a module that is known: dataclasses and pydantic look their names up there
    name = f"rlcs_plugin_{hashlib.sha256(str(file.absolute()).encode()).hexdigest()[:16]}"
    loader = _SourceLoader(name, str(file))
    spec = spec_from_file_location(name, file, loader=loader)
    assert spec is not None, "a loader is given"
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with redirect_stdout(sys.stderr):  # standard output is that of the script: a table, or JSON
            loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InputError(
            f"{file}: it raises at import {_describe(error, file)}; mend the file, or take it out of the "
            "config"
        ) from error
    return module


class _SourceLoader(SourceFileLoader):
    """A loader without compiled files: they would lie in artifacts, and miss an edit of the same second."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def missing(file: Path) -> str:
    """The message about a file that is not there."""
    return (
        f"{file}: no such file in {Path.cwd()}, the folder of the run, which a plug-in's path starts from; "
        "write it, or correct the path"
    )


def _describe(error: BaseException, file: Path) -> str:
    """The last line of an error's traceback, with the last line of the file that it went through."""
    line = error.lineno if isinstance(error, SyntaxError) else _last_line(error.__traceback__, file)
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    where = f" (line {line})" if line else ""
    return f"{type(error).__name__}: {said}{where}"


def _last_line(traceback: TracebackType | None, file: Path) -> int | None:
    line = None
    while traceback is not None:
        if Path(traceback.tb_frame.f_code.co_filename).absolute() == file.absolute():
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
