"""A question to each endpoint of a run before its first job."""

from __future__ import annotations

from threading import Event

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.lineage import made_policies, used_judges
from rlcs.config.schema import Config
from rlcs.errors import InputError
from rlcs.judging.chat import ChatClient, RequestFailed
from rlcs.planning.stage_configs import used_verifiers

PATIENCE = 20.0  # seconds
_QUESTION = [{"role": "user", "content": "Answer with the word yes."}]


def endpoints(config: Config) -> dict[str, EndpointConfig]:
    """The endpoints that a run asks, by the key of their entry."""
    judges = {f"judges.{name}": config.judges[name] for name in used_judges(config)}
    policies = {f"policies.{name}": config.policies[name] for name in made_policies(config)}
    verifiers = {f"verifiers.{name}": config.verifiers[name] for name in used_verifiers(config)}
    return {
        key: entry
        for key, entry in [*judges.items(), *policies.items(), *verifiers.items()]
        if isinstance(entry, EndpointConfig)
    }


def endpoint_problems(config: Config) -> tuple[list[str], list[str]]:
    """Ask each endpoint of a run one short question.

    Returns:
        A line for each that refuses; and one for each that this machine could not ask, since it has no key or
        no network, or that did not answer just now.
    """
    refused, unasked = [], []
    for key, entry in endpoints(config).items():
        try:
            client = ChatClient(entry.model_copy(update={"timeout": min(entry.timeout, PATIENCE)}))
        except InputError as error:
            unasked.append(f"{key}: not asked here: {error}")
            continue
        try:
            client.ask(_QUESTION, Event())
        except InputError as error:
            refused.append(f"{key}: {error}")
        except RequestFailed as error:
            unasked.append(f"{key}: a question to {entry.model!r} got no answer: {error}")
    return refused, unasked
