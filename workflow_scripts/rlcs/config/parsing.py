"""Parsing of a merged dictionary to a typed config; an error names every offending key."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rlcs.config.judges import JUDGE_TAGS, describe_judge_tag
from rlcs.config.plugins import ANSWER_TAGS
from rlcs.config.policies import UNTRAINED_TAGS
from rlcs.config.references import reference_problems
from rlcs.config.schema import Config, DefaultsConfig
from rlcs.config.section import did_you_mean
from rlcs.config.story_rewards import REWARD_TAGS

# Sections whose keys are names that the user gives.
NAMED = ("bases", "benchmarks", "judges", "consensus", "verifiers", "policies", "sweeps")


class ConfigError(ValueError):
    """A config that cannot be run; the message names every offending key."""


def check_keys(files: Iterable[Path]) -> None:
    """Refuse YAML files that have a key twice in one section, or a section that holds itself.

    YAML keeps the last one of two keys and says nothing.

    Raises:
        ConfigError: with one line per key.
    """
    problems = [
        f"{file}: {problem}"
        for file in files
        for problem in _wrong_keys(yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader))
    ]
    refuse(problems)


def refuse(problems: Sequence[str]) -> None:
    """Refuse a config for its problems, if there are any.

    Raises:
        ConfigError: with one line per problem.
    """
    if problems:
        raise _refusal(problems)


def _refusal(problems: Sequence[str]) -> ConfigError:
    return ConfigError("invalid config:\n" + "\n".join(f"  {line}" for line in problems))


def _wrong_keys(node: yaml.Node | None, path: str = "", around: Sequence[yaml.Node] = ()) -> Iterator[str]:
    """A line for each key that is there twice, and each section that an alias puts into itself.

    Args:
        around: the sections that the node is in.
    """
    if any(node is section for section in around):
        assert node is not None
        yield (
            f"line {node.start_mark.line + 1}: the section of this anchor holds its own alias, at "
            f"{path.rstrip('.')}: take the alias out"
        )
    elif isinstance(node, yaml.MappingNode):
        count = Counter(key.value for key, _ in node.value)
        for key, value in node.value:
            name = f"{path}{key.value}"
            if count[key.value] > 1:
                yield f"line {key.start_mark.line + 1}: {name} is there {count[key.value]} times: join them"
            yield from _wrong_keys(value, f"{name}.", (*around, node))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _wrong_keys(value, f"{path}{index}.", (*around, node))


def parse(raw: Mapping[str, Any]) -> Config:
    """Parse a merged dictionary to a typed config.

    ``preferences``, a file or a list of them, stands for ``data.preferences``: a word that is quickly typed
    behind ``--config``. Keys of the top level that begin with ``x-`` are free, for YAML anchors. An entry of
    ``NAMED`` that is empty is left out, so that a later file can remove what an earlier one has. ``defaults``
    is filled into the entries that are trained.

    Raises:
        ConfigError: with one line per offending key.
    """
    given = {key: value for key, value in raw.items() if not str(key).startswith("x-")}
    if (files := given.pop("preferences", None)) is not None:
        listed = files if isinstance(files, list) else [files]
        given["data"] = {**(given.get("data") or {}), "preferences": listed}
    for section in NAMED:
        if isinstance(entries := given.get(section), Mapping):
            given[section] = {name: entry for name, entry in entries.items() if entry is not None}
    given |= _filled(given)
    keys: dict[int, list[str]] = {}
    try:
        parsed = Config.model_validate(given, context=keys)
    except ValidationError as error:
        problems = [_describe(problem, given, keys) for problem in error.errors()]
    else:
        problems = reference_problems(parsed)
        if not problems:
            return parsed
    raise _refusal(problems)


def _filled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Registries whose trained entries have the ``defaults`` of the registry where they say nothing.

    Options under ``training`` are filled in one by one, all other keys as a whole.
    """
    defaults, filled = given.get("defaults"), {}
    for registry in DefaultsConfig.model_fields:
        entries = given.get(registry)
        default = defaults.get(registry) if isinstance(defaults, Mapping) else None
        if isinstance(entries, Mapping) and isinstance(default, Mapping):
            filled[registry] = {
                name: _fill(entry, default) if _is_trained(entry) else entry
                for name, entry in entries.items()
            }
    return filled


TRAINED = ("sft", "dpo", "grpo", "verdicts")


def _is_trained(entry: object) -> bool:
    return isinstance(entry, Mapping) and (
        entry.get("train") != "none" if entry.get("kind") == "scalar" else entry.get("train") in TRAINED
    )


def _fill(entry: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    both = {**default, **entry}
    options = default.get("training"), entry.get("training")
    if all(isinstance(given, Mapping) for given in options):
        both["training"] = {**default["training"], **entry["training"]}
    return both


def read(file: Path) -> Config:
    """Parse a JSON file with a merged dictionary, as the Snakefile's ``config_file`` writes it.

    Raises:
        ConfigError: as ``parse``.
    """
    return parse(json.loads(file.read_text(encoding="utf-8")))


def _describe(problem: Any, given: Mapping[str, Any], keys: Mapping[int, Sequence[str]]) -> str:
    """One line of an error.

    Args:
        problem: as pydantic describes it.
        given: what was validated.
        keys: by the id of each mapping in ``given``, the keys that its section has.
    """
    # pydantic puts the tag of a union's branch into the path; a person knows only the keys
    tags = {
        "world",
        "pretrained",
        "sft",
        "grpo",
        "dpo",
        "transformers",
        "openai",
        *JUDGE_TAGS,
        *UNTRAINED_TAGS,
    }
    path = list(problem["loc"])
    path = [part for part in path if part not in (*REWARD_TAGS, *ANSWER_TAGS)]
    if len(path) > 2 and path[0] in ("bases", "judges", "verifiers", "policies") and path[2] in tags:
        del path[2]
    key = ".".join(str(part) for part in path)
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        section: Any = given
        for part in path[:-1]:
            section = section[part]
        message = f"unknown key{did_you_mean(str(path[-1]), keys[id(section)])}"
        if len(path) == 1 and message == "unknown key":
            message += "; a block of YAML anchors has a name that begins with x-"
    if problem["type"].startswith("union_tag"):
        context = problem["ctx"]
        tag = context.get("tag")
        message = f"{tag!r} is not one of {context['expected_tags']}" if tag else "Field required"
        if path[0] == "judges":
            field, message = describe_judge_tag(str(tag)) if tag else ("kind", message)
        elif path[0] == "policies":
            field = "train"
        else:
            field = context["discriminator"].strip("'")
        key = f"{key}.{field}"
    return f"{key}: {message}" if key else message
