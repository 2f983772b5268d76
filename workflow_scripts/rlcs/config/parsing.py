"""From a merged dictionary to a typed config, or to a message that names every offending key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from rlcs.config.judges import JUDGE_TAGS, describe_judge_tag
from rlcs.config.policies import REWARD_TAGS, UNTRAINED_TAGS
from rlcs.config.references import reference_problems
from rlcs.config.schema import Config


class ConfigError(ValueError):
    """A config that cannot be run; the message names every offending key."""


def parse(raw: Mapping[str, Any]) -> Config:
    """The typed config of a merged dictionary.

    ``preferences``, a file or a list of them, stands for ``data.preferences``: a word that is quickly typed
    behind ``--config``.

    Raises:
        ConfigError: with one line per offending key.
    """
    given = dict(raw)
    if (files := given.pop("preferences", None)) is not None:
        listed = files if isinstance(files, list) else [files]
        given["data"] = {**(given.get("data") or {}), "preferences": listed}
    try:
        parsed = Config.model_validate(given)
    except ValidationError as error:
        problems = [_describe(problem) for problem in error.errors()]
    else:
        problems = reference_problems(parsed)
        if not problems:
            return parsed
    raise ConfigError("invalid config:\n" + "\n".join(f"  {line}" for line in problems))


def _describe(problem: Any) -> str:
    # pydantic puts the tag of a union's branch into the path; a person knows only the keys
    tags = {
        "world",
        "pretrained",
        "sft",
        "grpo",
        "transformers",
        "openai",
        *JUDGE_TAGS,
        *UNTRAINED_TAGS,
    }
    path = list(problem["loc"])
    path = [part for part in path if part not in REWARD_TAGS]
    if len(path) > 2 and path[0] in ("bases", "judges", "verifiers", "policies") and path[2] in tags:
        del path[2]
    key = ".".join(str(part) for part in path)
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key"
    if problem["type"].startswith("union_tag"):
        context = problem["ctx"]
        tag = context.get("tag")
        message = f"{tag!r} is none of {context['expected_tags']}" if tag else "Field required"
        if path[0] == "judges":
            field, message = describe_judge_tag(str(tag)) if tag else ("kind", message)
        elif path[0] == "policies":
            field = "train"
        else:
            field = context["discriminator"].strip("'")
        key = f"{key}.{field}"
    return f"{key}: {message}" if key else message
