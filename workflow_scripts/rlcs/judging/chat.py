"""One request to an OpenAI-compatible HTTP endpoint, and the errors of its response."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from threading import Event, Lock

import openai
from pydantic import BaseModel, Field, ValidationError

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.prompts import Messages
from rlcs.errors import InputError
from rlcs.judging.answers import Answer
from rlcs.judging.soft_verdict import last_numbers

for name in ("httpcore2", "httpx2", "openai"):
    logging.getLogger(name).setLevel(logging.WARNING)  # else lines for each request

TRANSIENT = {408, 409, 429}  # and every 5xx
# They concern the question, not the endpoint: it is too long for the model, or a vendor's filter refused it.
ABOUT_THE_QUESTION = {400, 413, 422}
SHORTEST_SECRET = 8  # a shorter key, such as vLLM's customary EMPTY, may be a word and is not a secret


@dataclass(frozen=True)
class Usage:
    """Tokens of one or several responses, and their cost at the entry's prices."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost + other.cost,
        )


class RequestFailed(Exception):
    """A request that brought no answer.

    Args:
        reason: a short text, by which failures are counted.
        retry: True if another attempt can help.
        of_question: True if the endpoint answers, but not this question.
        usage: tokens that were paid for all the same.
    """

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        retry: bool = True,
        of_question: bool = False,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(f"{reason} ({detail})" if detail else reason)
        self.reason = reason
        self.retry = retry
        self.of_question = of_question
        self.usage = usage or Usage()


class ChatClient:
    """A model behind an endpoint; safe among threads, which share the rate limit.

    Raises:
        InputError: on construction, if the environment variable holds no key.
    """

    def __init__(self, entry: EndpointConfig) -> None:
        self.entry = entry
        self._pace = RateLimiter(entry.requests_per_minute)
        self._key = read_key(entry.api_key_env)
        self._client = openai.OpenAI(
            api_key=self._key, base_url=entry.base_url, timeout=entry.timeout, max_retries=0
        )

    def ask(self, messages: Messages, stopping: Event) -> Answer:
        """Send one request; none is sent once ``stopping`` is set.

        Raises:
            RequestFailed: the attempt failed.
            InputError: the endpoint would not answer any other question either.
        """
        self._pace.wait(stopping)
        if stopping.is_set():
            raise RequestFailed("not asked any more", retry=False, of_question=True)
        try:
            response = self._client.chat.completions.with_raw_response.create(
                model=self.entry.model,
                messages=messages,  # type: ignore[arg-type]
                extra_body=dict(self.entry.sampling),
            )
        # "from None": the client's errors hold the request, and that holds the key
        except openai.APITimeoutError:
            raise RequestFailed(f"silent for {self.entry.timeout:g} s") from None
        except openai.APIConnectionError as error:
            raise RequestFailed("connection failed", self._redacted(str(error.__cause__ or error))) from None
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        return read_completion(self._redacted(response.text), self.entry)

    def _refusal(self, error: openai.APIStatusError) -> RequestFailed | InputError:
        status, detail = error.status_code, self._redacted(error.message)[:300]
        if status in TRANSIENT or status >= 500:
            wait = retry_after(error.response.headers)
            if wait > self.entry.max_wait:
                return RequestFailed(f"HTTP {status}", f"asks to wait {wait:.0f} s, > max_wait", retry=False)
            self._pace.hold(wait)
            return RequestFailed(f"HTTP {status}", detail)
        if status in ABOUT_THE_QUESTION:
            return RequestFailed(f"HTTP {status}", detail, retry=False, of_question=True)
        variable = self.entry.api_key_env
        key = (
            f"the key in the environment variable {variable}" if variable else "api_key_env (no key is sent)"
        )
        return InputError(
            f"the endpoint refuses model {self.entry.model!r} with HTTP {status}: {detail}; "
            f"check model, base_url and {key}"
        )

    def _redacted(self, text: str) -> str:
        """The text without the key: servers echo requests, and the key must reach no log and no file."""
        return text.replace(self._key, "[key]") if len(self._key) >= SHORTEST_SECRET else text


def read_key(variable: str | None) -> str:
    """The key in an environment variable; a placeholder if no key is needed.

    Raises:
        InputError: the variable is not set, or holds characters that no HTTP header may have.
    """
    if variable is None:
        return "EMPTY"
    key = os.environ.get(variable, "").strip()
    if not key:
        raise InputError(f"the environment variable {variable}, named by api_key_env, is not set")
    if not (key.isascii() and key.isprintable()):
        raise InputError(f"the environment variable {variable} holds characters that no key has")
    return key


class RateLimiter:
    """Spaces requests evenly, and holds them back while the endpoint asks to wait."""

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 60 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._lock = Lock()

    def wait(self, stopping: Event) -> None:
        with self._lock:
            start = max(self._next, time.monotonic())
            self._next = start + self._interval
        stopping.wait(max(0.0, start - time.monotonic()))

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a response asks to wait, as a number or as a date (RFC 9110, 10.2.3); 0 if it does not."""
    value = headers.get("retry-after", "0")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return 0.0
    return max(0.0, seconds)


class _Message(BaseModel):
    content: str | None = None


class _Token(BaseModel):
    token: str
    logprob: float


class _Position(_Token):
    top_logprobs: list[_Token] = Field(default_factory=list)


class _Logprobs(BaseModel):
    content: list[_Position] | None = None


class _Choice(BaseModel):
    message: _Message
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Details(BaseModel):
    reasoning_tokens: int | None = None


class _ReportedUsage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_details: _Details | None = None


class _Bill(BaseModel):
    """The usage in a body whose other fields cannot be read."""

    usage: _ReportedUsage | None = None


class _Completion(BaseModel):
    """The fields of a chat completion that are read; servers add and leave out other fields."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _ReportedUsage | None = None


def read_completion(body: str, entry: EndpointConfig) -> Answer:
    """The answer in a response's body, with its cost at the entry's prices.

    The text is the message's content, without thoughts in a field of their own (``reasoning_content``).
    An empty text is a failure if the model claims that it finished. If a limit or a filter ended it before
    its first word, it is an answer: another attempt would cost as much and be empty again.

    Raises:
        RequestFailed: the body is malformed or the answer empty.
    """
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise RequestFailed(
            "malformed body",
            f"{where}: {problem['msg']}" if where else problem["msg"],
            usage=_usage_of_malformed(body, entry),
        ) from None
    choice, usage = completion.choices[0], _usage(completion.usage, entry)
    text = choice.message.content or ""
    if not text.strip() and choice.finish_reason in (None, "stop"):
        raise RequestFailed("empty answer", of_question=True, usage=usage)
    return Answer(
        text=text,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        finish_reason=choice.finish_reason,
        cost=usage.cost,
        reasoning_tokens=_reasoning_tokens(completion.usage),
        score_logprobs=last_numbers(
            {top.token: top.logprob for top in [position, *position.top_logprobs]}
            for position in (choice.logprobs.content or () if choice.logprobs else ())
        ),
    )


def _reasoning_tokens(reported: _ReportedUsage | None) -> int | None:
    details = reported.completion_tokens_details if reported else None
    return (details.reasoning_tokens or None) if details else None


def _usage(reported: _ReportedUsage | None, entry: EndpointConfig) -> Usage:
    prompt_tokens = reported.prompt_tokens or 0 if reported else 0
    completion_tokens = reported.completion_tokens or 0 if reported else 0
    cost = (prompt_tokens * entry.prompt_price + completion_tokens * entry.completion_price) / 1e6
    return Usage(prompt_tokens, completion_tokens, cost)


def _usage_of_malformed(body: str, entry: EndpointConfig) -> Usage:
    try:
        return _usage(_Bill.model_validate_json(body).usage, entry)
    except ValidationError:
        return Usage()
