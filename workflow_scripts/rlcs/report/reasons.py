"""Reasons why a stage runs again, by name: keys of the config, inputs, the script."""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_SHOWN = 3  # changes that are named; design choice
_WIDTH = 40  # characters of a value


def config_changes(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """Yield each key whose value differs between two sections of a config, with both values."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in sorted({*before, *now}):
            inner = f"{key}.{name}" if key else str(name)
            if name not in before:
                yield f"{inner} is new: {_short(now[name])}"
            elif name not in now:
                yield f"{inner} is gone"
            else:
                yield from config_changes(before[name], now[name], inner)
    elif before != now:
        yield f"{key}: {_short(before)} → {_short(now)}"


def param_changes(before: Iterable[str], now: Iterable[str], script: str) -> list[str]:
    """Name what differs between the params of a rule, as Snakemake records them (``repr``).

    Args:
        before: params that only the last execution had.
        now: params that only this one has.
        script: of the rule, whose ``code`` param is a hash.
    """
    (old, old_texts), (new, new_texts) = (_split(params) for params in (before, now))
    changes = []
    if old and new:
        (_, last), (_, this) = max(old.items()), max(new.items())
        changes += list(config_changes(last, this))
    elif old or new:
        changes.append("another section of the config")
    if old_texts or new_texts:
        changes.append(f"the code of {script}, or of what it imports")
    return changes


def _split(params: Iterable[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Params that are JSON objects, by their text, and the texts of the others."""
    sections = {text: _section(text) for text in map(_value, params)}
    objects = {text: section for text, section in sections.items() if section is not None}
    return objects, [text for text in sections if text not in objects]


def _value(param: str) -> str:
    return str(ast.literal_eval(param)) if param[:1] in ("'", '"') else param


def _section(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def input_changes(before: Iterable[str], now: Iterable[str]) -> list[str]:
    """Name inputs that were added or taken away."""
    old, new = set(before), set(now)
    return [f"new input {path}" for path in sorted(new - old)] + [
        f"{path} is no input any more" for path in sorted(old - new)
    ]


def join_changes(changes: list[str]) -> str:
    """Join changes to one line, the first few by name."""
    more = f", and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    return "; ".join(changes[:_SHOWN]) + more


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def describe_reason(job: Any, reason: Any, persistence: Any) -> tuple[str, bool]:
    """Say why a job runs, and whether the reason is a change.

    Args:
        job: Snakemake's ``Job``.
        reason: Snakemake's ``Reason`` of it.
        persistence: Snakemake's records of what was made.
    """
    changes = []
    if reason.params_changed:
        command = (job.rule.shellcmd or "").split()
        script = next((word.rsplit("/", 1)[-1] for word in command if word.endswith(".py")), job.rule.name)
        changed = reason.params_changed
        changes += param_changes(changed.only_old, changed.only_new, script)
    if reason.input_changed:
        before: list[str] = next((known for path in job.output if (known := persistence.input(path))), [])
        changes += input_changes(before, map(str, job.input))
    updated = {str(path) for path in reason.updated_input} - {str(path) for path in reason.updated_input_run}
    changes += [f"{path} has changed" for path in sorted(updated)]
    if reason.code_changed:
        changes.append(f"the rule {job.rule.name} has changed")
    if changes:
        return join_changes(changes), True
    if reason.forced:
        return "it is forced", True
    if reason.incomplete_output:
        return "a killed run left it unfinished", True
    if reason.missing_output:
        return "not made yet", False
    if reason.updated_input_run:
        made = sorted(str(path).removesuffix("/manifest.json") for path in reason.updated_input_run)
        return f"made anew before it: {join_changes(made)}", False
    return str(reason), False
