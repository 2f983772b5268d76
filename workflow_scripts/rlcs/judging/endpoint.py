"""A backend behind an OpenAI-compatible HTTP endpoint: ``vllm serve`` or a vendor.

Every answer is stored as soon as it arrives (``judging.answers``), and no question is asked twice. A failed
request is retried if that can help. A question without an answer has no reply, and is counted.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from threading import Event, Lock

import tenacity
from tqdm import tqdm

from rlcs.config.endpoints import EndpointConfig
from rlcs.config.judging import ScoresConfig
from rlcs.config.prompts import Messages, without_control_tokens
from rlcs.errors import InputError, TransientError
from rlcs.judging.answers import Answer, AnswerStore, answer_key
from rlcs.judging.backends import TOP_LOGPROBS, Reply
from rlcs.judging.budget import Budget, Reservation, largest_cost
from rlcs.judging.chat import ChatClient, RequestFailed, Usage
from rlcs.judging.failures import WINDOW, FailureLimit
from rlcs.judging.soft_verdict import distributions_of_text
from rlcs.reasoning import Markers, split_reasoning

log = logging.getLogger("rlcs")


LOGPROBS = {"logprobs": True, "top_logprobs": TOP_LOGPROBS}


class EndpointBackend:
    """Asks an endpoint, several questions at once.

    Args:
        name: name of the judge or verifier, for messages.
        role: ``judge``, ``verifier`` or ``policy``, for messages.
        scores: range of the scores whose log probabilities are requested; None requests none.
        identity: all that answers depend on beside prompt and sampling, as part of the keys of stored
            answers; None: the entry's model.
        budgets: limits on costs that hold for each request.
        markers: of thoughts that an endpoint leaves in its answers.
        count_reasoning: the number of tokens of thoughts, if the model's tokenizer is known.
    """

    shard_size = None  # every answer is stored by itself

    def __init__(
        self,
        name: str,
        entry: EndpointConfig,
        answers: AnswerStore,
        role: str = "judge",
        *,
        scores: ScoresConfig | None = None,
        identity: str | None = None,
        budgets: Sequence[Budget] = (),
        markers: Markers | None = Markers(),  # noqa: B008, a frozen constant
        count_reasoning: Callable[[str], int | None] | None = None,
    ) -> None:
        if scores is not None:
            entry = entry.model_copy(update={"sampling": {**entry.sampling, **LOGPROBS}})
        self.name = name
        self.role = role
        self.entry = entry
        self.answers = answers
        self.scores = scores
        self.identity = identity or entry.model
        self.budgets = budgets
        self.markers = markers
        self.count_reasoning = count_reasoning
        self.chat = ChatClient(entry)
        self.failures = FailureLimit(entry.max_failure_share, "max_failure_share")

    def answer(
        self, conversations: Sequence[Messages], samples: int = 1, seed: int = 0
    ) -> list[Reply | None]:
        """Replies as in ``Backend.answer``.

        Identical questions are asked once and share the answer.

        Raises:
            InputError: the endpoint refuses to serve, or leaves a larger share of the recent questions
                (``FailureLimit``) unanswered than the entry's ``max_failure_share``, or ``WINDOW`` of them in
                a row; answers that have arrived by then are kept.
        """
        prompts = [without_control_tokens(conversation) for conversation in conversations]
        keys = {
            (i, sample): answer_key(self.identity, prompt, self.entry.sampling, sample)
            for i, prompt in enumerate(prompts)
            for sample in range(samples)
        }
        answers = self._answer({key: prompts[i] for (i, _), key in keys.items()})
        return [self._reply(answers.get(key)) for key in keys.values()]

    def _reply(self, answer: Answer | None) -> Reply | None:
        if answer is None:
            return None
        written = split_reasoning(answer.text, self.markers, truncated=answer.finish_reason == "length")
        distributions = None
        if self.scores is not None and not written.truncated:
            distributions = distributions_of_text(
                written.text, answer.score_logprobs, self.scores.low, self.scores.high
            )
        reasoning = answer.reasoning_tokens
        if reasoning is None and written.reasoning and self.count_reasoning:
            reasoning = self.count_reasoning(written.reasoning)
        return Reply(written.text, answer.completion_tokens, written.truncated, distributions, reasoning)

    def _answer(self, questions: Mapping[str, Messages]) -> dict[str, Answer]:
        """Answers by key, stored and new ones; a question without an answer is left out."""
        answers = {key: stored for key in questions if (stored := self.answers.get(key)) is not None}
        missing = [key for key in questions if key not in answers]
        counts = RequestStats(f"{self.role} {self.name}", len(questions), list(answers.values()))
        stopping = Event()
        with counts.bar, ThreadPoolExecutor(self.entry.concurrency) as pool:
            try:
                futures = {
                    pool.submit(self._ask, key, questions[key], counts, stopping): key for key in missing
                }
                for future in as_completed(futures):
                    try:
                        answers[futures[future]] = answer = future.result()
                    except RequestFailed as error:
                        counts.add_failure(error)
                        self._check(counts)
                    else:
                        counts.add_answer(answer)
            finally:  # requests in flight are paid for: their answers are stored; nothing else is sent
                stopping.set()
        self.failures.add([key not in answers for key in questions])
        log.info("%s", counts)
        return answers

    def _ask(self, key: str, messages: Messages, counts: RequestStats, stopping: Event) -> Answer:
        """Ask until there is an answer, and store it on disk.

        Raises:
            RequestFailed: the last attempt's error.
            InputError: the endpoint refuses to serve, or the request could pass a limit on costs.
        """
        wasted = 0.0
        money = Reservation(self.budgets)

        def failed(state: tenacity.RetryCallState) -> None:
            nonlocal wasted
            error = _error(state)
            wasted += error.usage.cost
            money.put_aside(error.usage.cost)
            counts.add_retry(error)

        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, RequestFailed) and error.retry),
            stop=tenacity.stop_after_attempt(self.entry.attempts) | tenacity.stop_when_event_set(stopping),
            # no jitter: tenacity would draw it from the generator that a training draws from
            wait=tenacity.wait_exponential(self.entry.backoff, max=self.entry.max_wait),
            sleep=tenacity.sleep_using_event(stopping),
            before_sleep=failed,
            reraise=True,
        )
        try:
            if self.budgets:
                money.put_aside(largest_cost(messages, self.entry))
            answer = attempts(self.chat.ask, messages, stopping)
            self.answers.put(key, replace(answer, cost=answer.cost + wasted))
        except InputError:  # no question would be answered: no thread may ask another
            stopping.set()
            raise
        except RequestFailed as error:
            money.settle(lost=wasted + error.usage.cost)  # no answer is stored, which would count it
            raise
        money.settle()
        return answer

    def _check(self, counts: RequestStats) -> None:
        """Stop a batch of which too many questions failed, or whose endpoint has gone.

        A large batch may lose many questions, and those of an endpoint that has gone are waited for one by
        one: ``WINDOW`` of them in a row are enough to tell.
        """
        what = f"questions to {self.role} {self.name!r} got no answer"
        problem = self.failures.problem(what, counts.failed.total(), counts.questions)
        if problem is None and counts.silent >= WINDOW and self.failures.share < 1:
            problem = f"{counts.silent} {what} in a row"
        if problem is not None:
            raise TransientError(
                f"{problem}: {_listed(counts.failed)}; the last one: {counts.last}. "
                f"{counts.stored + counts.answered} answers are kept and will not be asked again"
            )


def _error(state: tenacity.RetryCallState) -> RequestFailed:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, RequestFailed)  # nothing else is tried again
    return error


class RequestStats:
    """Counts and costs of one batch of questions: a progress bar while it runs, a text when it has ended."""

    def __init__(self, asker: str, questions: int, stored: Sequence[Answer]) -> None:
        self.asker = asker
        self.questions = questions
        self.stored = len(stored)
        self.answered = 0
        self.silent = 0  # failures in a row that are the endpoint's, not the question's
        self.cost = 0.0  # of answers and of failures
        self.paid_failures = 0
        self.wasted = Usage()
        self.stored_cost = sum(answer.cost for answer in stored)
        self.retried: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.last = ""
        self._lock = Lock()
        self.bar = tqdm(
            desc=asker,
            total=questions,
            initial=self.stored,
            unit=" answers",
            delay=3,  # no bar for the short batches of a training
            mininterval=1 if sys.stderr.isatty() else 30,
        )

    def add_answer(self, answer: Answer) -> None:
        self.answered += 1
        self.silent = 0
        with self._lock:
            self.cost += answer.cost
        self.bar.set_postfix_str(
            f"kept {self.stored / self.questions:.0%}, retries {self.retried.total()}, "
            f"failed {self.failed.total()}, cost {self.cost:.4g}",
            refresh=False,
        )
        self.bar.update()

    def add_failure(self, error: RequestFailed) -> None:
        with self._lock:
            self._add_usage(error.usage)
        self.failed[error.reason] += 1
        self.silent = 0 if error.of_question else self.silent + 1
        self.last = str(error)
        self.bar.update()

    def add_retry(self, error: RequestFailed) -> None:
        """Count a retry, from any thread; log the first of a kind at once, since waiting can be long."""
        with self._lock:
            self._add_usage(error.usage)
            self.retried[error.reason] += 1
            first = self.retried[error.reason] == 1
        if first:
            log.warning("%s: %s; trying again", self.asker, error)

    def _add_usage(self, usage: Usage) -> None:
        self.paid_failures += usage != Usage()
        self.wasted += usage
        self.cost += usage.cost

    def __str__(self) -> str:
        wasted = ""
        if self.paid_failures:
            wasted = (
                f"; {self.paid_failures} empty or malformed answers were paid for: "
                f"{self.wasted.prompt_tokens} + {self.wasted.completion_tokens} tokens, "
                f"{self.wasted.cost:.4g} of the cost now"
            )
        return (
            f"{self.asker}: {self.questions} questions, {self.stored} answered before, "
            f"{self.answered} now, {self.failed.total()} without an answer{_in_brackets(self.failed)}; "
            f"{self.retried.total()} retries{_in_brackets(self.retried)}; "
            f"cost {self.cost:.4g} now, {self.cost + self.stored_cost:.4g} in all{wasted}"
        )


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(f"{n} x {reason}" for reason, n in reasons.most_common())


def _in_brackets(reasons: Counter[str]) -> str:
    return f" ({_listed(reasons)})" if reasons else ""
