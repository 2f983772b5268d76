"""The pace of a training, in its log: tokens a second, and the time that is left at this pace."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from rlcs.stages.stage import log

EVERY = 60.0  # seconds between two lines
COUNTED_TOKENS = "num_tokens"  # TRL's count of the tokens that were trained on


class Pace(TrainerCallback):
    """Logs the pace since this process began, once a minute at most; a resumed training starts anew.

    Args:
        clock: seconds, from any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.began: tuple[float, int] | None = None
        self.first: tuple[float, float] | None = None
        self.said = float("-inf")

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.began = (self.clock(), state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        now = self.clock()
        tokens = (logs or {}).get(COUNTED_TOKENS)
        if tokens is not None and self.first is None:
            self.first = (now, float(tokens))
        if not state.is_world_process_zero or self.began is None or now - self.said < EVERY:
            return
        since, start = self.began
        steps = state.global_step - start
        if steps <= 0 or now <= since:
            return
        self.said = now
        left = (state.max_steps - state.global_step) * (now - since) / steps
        log.info("%s", pace_line(state.global_step, state.max_steps, left, self._rate(now, tokens)))

    def _rate(self, now: float, tokens: float | None) -> float | None:
        """Tokens a second since the first count; None if there is no later one."""
        if tokens is None or self.first is None or now <= self.first[0]:
            return None
        return (float(tokens) - self.first[1]) / (now - self.first[0])


def pace_line(step: int, steps: int, left: float, rate: float | None) -> str:
    """The line of the log.

    Args:
        left: seconds.
        rate: tokens a second; None if it is not known.
    """
    minutes = round(left / 60)
    time_left = f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
    tokens = "" if rate is None else f"{rate:,.0f} tokens a second, "
    return f"step {step} of {steps}: {tokens}{time_left} left"
