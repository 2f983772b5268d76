"""The plug-ins of a run: the files that its entries name, their hashes, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from rlcs.config.data import DataConfig
from rlcs.config.plugins import AnswerFileConfig, PluginJudgeConfig
from rlcs.config.policies import GRPOPolicyConfig
from rlcs.config.untrained_judges import AnswersConfig
from rlcs.constraints.plugin_kinds import load_kind
from rlcs.constraints.registry import parse_constraint
from rlcs.errors import InputError
from rlcs.plugins import JUDGE, KIND_FILES, READ, REWARD, SCORE, PluginRole, load_function, missing
from rlcs.stages.codehash import code_hash

if TYPE_CHECKING:
    from rlcs.config.schema import Config


@dataclass(frozen=True)
class PluginUse:
    """A file that an entry names.

    Attributes:
        key: key of the entry that names it.
        role: the function that the file defines; None if it defines a kind of constraint.
    """

    key: str
    file: Path
    role: PluginRole | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> None:
        """Load what the file defines.

        Raises:
            InputError: as ``load_function`` and ``load_kind``.
        """
        if self.role is None:
            load_kind(self.file)
        else:
            load_function(self.file, self.role, self.options)


def plugins_of(entry: BaseModel, key: str = "") -> Iterator[PluginUse]:
    """The plug-ins that an entry names, or the section data.

    Args:
        key: key of the entry.
    """
    if isinstance(entry, PluginJudgeConfig):
        yield PluginUse(f"{key}.file", entry.file, SCORE if entry.reads == "story" else JUDGE, entry.options)
    elif isinstance(entry, AnswersConfig) and isinstance(entry.answer, AnswerFileConfig):
        yield PluginUse(f"{key}.answer.file", entry.answer.file, READ)
    elif isinstance(entry, GRPOPolicyConfig):
        for reward in entry.function_rewards:
            yield PluginUse(f"{key}.reward.function", reward.function, REWARD, reward.options)
    elif isinstance(entry, DataConfig):
        for name, file in entry.constraint_kinds.items():
            yield PluginUse(f"{key}.constraint_kinds.{name}", file)


def plugin_hashes(entry: BaseModel) -> dict[str, dict[str, str]]:
    """The hash of each plug-in of an entry by its path, under ``plugins``; empty if it has none.

    The hash is that of the code, with the library modules that it imports (``codehash.code_hash``): a comment
    changes nothing.
    """
    hashes = {str(use.file): code_hash(use.file) for use in plugins_of(entry)}
    return {"plugins": hashes} if hashes else {}


def run_plugins(config: Config) -> list[PluginUse]:
    """All plug-ins of a run."""
    named: list[tuple[str, BaseModel]] = [("data", config.data)]
    for registry in ("judges", "policies"):
        named += [(f"{registry}.{name}", entry) for name, entry in config.models(registry).items()]
    return [use for key, entry in named for use in plugins_of(entry, key)]


def unreadable_plugins(config: Config) -> list[str]:
    """A line for each plug-in that is not there or is no Python; nothing of it is run."""
    return _refusals(config, lambda use: _assert_python(use.file))


def plugin_problems(config: Config) -> list[str]:
    """A line for each plug-in that cannot be loaded, and each constraint of the pool that is refused."""
    problems = _refusals(config, PluginUse.load)
    if problems or not config.data.constraint_kinds:
        return problems
    KIND_FILES.update(config.data.constraint_kinds)  # for the data's own constraints too
    if (drawn := config.data.draw_constraints) is None:
        return problems
    for constraint in drawn.constraints:
        try:
            parse_constraint(constraint)
        except ValueError as error:
            problems.append(f"data.draw_constraints.pool: {error}")
    return problems


def _refusals(config: Config, check: Callable[[PluginUse], None]) -> list[str]:
    problems = []
    for use in run_plugins(config):
        try:
            check(use)
        except InputError as error:
            problems.append(f"{use.key}: {error}")
    return problems


def _assert_python(file: Path) -> None:
    if not file.is_file():
        raise InputError(missing(file))
    try:
        compile(file.read_bytes(), str(file), "exec")
    except (SyntaxError, ValueError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        raise InputError(f"{file}: it is no Python: {error.args[0]}{line}; mend the file") from None
