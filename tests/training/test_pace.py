"""Lines about a training's pace: tokens a second and the time left, at most one a minute."""

import logging

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from rlcs.training.pace import Pace, pace_line


@pytest.mark.parametrize(
    ("left", "rate", "line"),
    [
        (30, 1234.4, "step 5 of 90: 1,234 tokens a second, 0 min left"),
        (600, None, "step 5 of 90: 10 min left"),
        (7260, 10, "step 5 of 90: 10 tokens a second, 2 h 01 min left"),
    ],
)
def test_the_line_says_what_is_known(left, rate, line):
    assert pace_line(5, 90, left, rate) == line


def test_a_line_a_minute_from_the_step_that_was_resumed(tmp_path, caplog):
    now = [0.0]
    pace = Pace(clock=lambda: now[0])
    args = TrainingArguments(output_dir=str(tmp_path), report_to="none")
    state = TrainerState(max_steps=110, is_world_process_zero=True)
    state.global_step = 10
    pace.on_train_begin(args, state, TrainerControl())
    with caplog.at_level(logging.INFO):
        for step in range(11, 31):
            now[0] += 10
            state.global_step = step
            pace.on_log(args, state, TrainerControl(), logs={"num_tokens": 500 * step})
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "step 11 of 110: 16 min left",
        "step 17 of 110: 50 tokens a second, 16 min left",
        "step 23 of 110: 50 tokens a second, 14 min left",
        "step 29 of 110: 50 tokens a second, 14 min left",
    ]
