"""What a run prints of the stages under way, of failures, and at its end."""

import json
import logging
import math
import time
from types import SimpleNamespace

import pandas as pd
import pytest

from rlcs.evaluation.statistics import Estimate
from rlcs.report.console import (
    ConsoleHandler,
    describe_failure,
    line_that_counts,
    mean_seconds,
    summarize_run,
    unwritable,
)
from rlcs.report.flags import FLAGS_FILE
from rlcs.report.formatting import write_table
from rlcs.report.progress import (
    RunClock,
    StageRun,
    describe_running,
    format_duration,
    has_ended,
    read_progress,
)

TRAINING = (
    "Writing model shards: 100%|###| 1/1 [00:00<00:00, 462.74it/s]\n"
    " 18%|#8        | 11/60 [00:51<03:48,  4.66s/it]\r 20%|##        | 12/60 [00:56<03:43,  4.65s/it]"
)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (TRAINING, "step 12 of 60, 4.65s/it, 03:43 left"),
        ("genrm judges:   0%|  | 0/2400 [00:00<?, ?it/s]", "0 of 2400, ?it/s, ? left"),
        ("weights: 100%|###| 1/1 [00:00<00:00, 462.74it/s]", "None"),
        ("Tokenizing: 100%|###| 114/114 [00:00<00:00, 14604.03 examples/s]", "None"),
        ("12:00:00 reading", "None"),
        (
            "Tokenizing train dataset:  50%|#  | 57/114 [00:01<00:01, 60.0 examples/s]",
            "prepares: Tokenizing train dataset (57 of 114)",
        ),
        (
            "Loading weights:  50%|#  | 57/114 [00:01<00:01, 60.0it/s]",
            "prepares: Loading weights (57 of 114)",
        ),
    ],
)
def test_a_bar_is_read_and_bars_of_one_step_are_not(log, said):
    assert str(read_progress(log)) == said


@pytest.mark.parametrize(
    ("last", "ended"),
    [
        ("16:15:42 wrote results/tiny/judges/genrm/seed1 in 310 s", True),
        ("16:15:42 results/x is up to date; delete it to rebuild", True),
        ("error: 3 of 43 rows cannot be used", True),
        ("ValueError: no", True),
        ("KeyboardInterrupt", True),
        (" 20%|##        | 12/60 [00:56<03:43,  4.65s/it]", False),
        ("16:15:42 12 pairs", False),
    ],
)
def test_a_log_has_ended_where_it_says_so(last, ended):
    assert has_ended(f"{TRAINING}\n{last}\n") == ended


def stage(tmp_path, name="a", log=TRAINING, begun=0.0):
    path = tmp_path / f"{name}.log"
    path.write_text(log)
    return StageRun(f"Training {name}", "train", begun, (path,), f"results/{name}/manifest.json")


def test_stages_are_under_way_with_their_progress_and_silent_ones_are_counted(tmp_path):
    stages = [stage(tmp_path), stage(tmp_path, "b", "12:00:00 reading"), stage(tmp_path, "c", "")]
    assert describe_running(stages, now=75) == [
        "  Training a: step 12 of 60, 4.65s/it, 03:43 left",
        "  Training b: 1 min 15 s so far",
        "  1 more wait, or have said nothing yet",
    ]


def test_time_left_counts_what_runs_what_waits_and_how_many_run_at_a_time(tmp_path):
    clock = RunClock({"train": 4})
    assert clock.left(0) == ""
    for job in range(2):
        clock.start(job, stage(tmp_path, str(job), "", begun=100.0))
    for job in range(2):
        clock.finish(job, now=200.0)
    assert clock.left(200) == "about 1 min 40 s left"  # two of 100 s each, two at a time
    clock.start(2, stage(tmp_path, "2", TRAINING, begun=200.0))
    assert clock.left(210) == "about 3 min 43 s left"  # what the training's own bar says
    assert (clock.done, clock.total) == (2, 4)


def test_stages_of_a_kind_that_was_not_seen_are_guessed():
    clock = RunClock({"train": 1, "judge": 2}, before={"train": 60.0})
    assert clock.left(0) == "about 3 min 00 s left (2 stages guessed)"


def test_what_a_stage_took_before_is_read_beside_its_output(tmp_path):
    for name, seconds in (("a", 10.0), ("b", 30.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"seconds": seconds}))
    outputs = [("train", str(tmp_path / name / "manifest.json")) for name in ("a", "b", "missing")]
    assert mean_seconds(outputs) == {"train": 20.0}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(9, "9 s"), (75, "1 min 15 s"), (780, "13 min"), (7500, "2 h 05 min"), (200000, "2 d 7 h")],
)
def test_durations_have_their_largest_units(seconds, said):
    assert format_duration(seconds) == said


# ------------------------------------------------------------------------------------------- failures


def test_the_line_that_counts_is_first_and_the_log_second(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(f"much\n{'x' * 5000}\nerror: 3 of 43 rows cannot be used\n")
    said = describe_failure([log], ["stage: Ingest, after 3 s", "rule: ingest, job 1"]).splitlines()
    assert said[:4] == [
        "error: 3 of 43 rows cannot be used",
        f"    log: {log}",
        "    stage: Ingest, after 3 s",
        "    rule: ingest, job 1",
    ]
    assert max(map(len, said)) < 300


def test_a_traceback_ends_with_the_line_that_counts(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("Traceback (most recent call last):\n  File ...\nValueError: no\n")
    assert describe_failure([log], []).startswith("error: ValueError: no\n")


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            "16:00:00 read\ngenrm judges:   0%|  | 0/2388",
            "it was killed (often for memory); its last line: genrm",
        ),
        ("16:00:00 wrote results/smoke/judges/bt in 2 s", "was killed"),
        ("/usr/bin/bash: python: command not found", "command not found"),
    ],
)
def test_a_log_that_ends_without_an_error_is_of_a_stage_that_was_killed(tmp_path, log, said):
    (tmp_path / "stage.log").write_text(log)
    assert said in line_that_counts(tmp_path / "stage.log")
    assert describe_failure([tmp_path / "stage.log"], []).startswith("error: ")


@pytest.mark.parametrize(
    "frame",
    [
        'WorkflowError in file "common.smk", line 122:\n\n{}\n  File "Snakefile", line 37, in __onstart',
        'InputFunctionException in rule push in file "Snakefile", line 220:\nError:\n  WorkflowError:\n    \n'
        '    {}\nWildcards:\n\nTraceback:\n  File "common.smk", line 443',
    ],
)
def test_what_the_workflow_refuses_stands_without_snakemakes_frame(frame):
    row = "error    push  no token: set HF_TOKEN in the environment"
    handler = ConsoleHandler(SimpleNamespace(name="x"), SimpleNamespace(dryrun=False))
    record = logging.LogRecord("x", logging.ERROR, "", 0, frame.replace("{}", row), (), None)
    assert handler.tell(record) == row


def test_a_job_that_slurm_refuses_names_slurms_log(tmp_path):
    (tmp_path / "a.log").touch()
    job = tmp_path / "slurm_logs" / "9.log"
    job.parent.mkdir()
    job.write_text("srun: no cpu binding\nsrun: error: Unable to create step\nError in rule x:\nDone.\n")
    said = describe_failure([tmp_path / "a.log", job], [])
    assert said.splitlines()[:2] == ["error: srun: error: Unable to create step", f"    log: {job}"]


def test_a_stage_without_a_word_on_a_full_disk_says_that_it_is_full(tmp_path, monkeypatch):
    (tmp_path / "a.log").touch()
    assert describe_failure([tmp_path / "a.log"], []).startswith(
        "error: the stage said nothing: it was killed"
    )

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rlcs.report.console.os.fsync", full)
    assert describe_failure([tmp_path / "a.log"], []).splitlines()[0] == (
        f"error: No space left on device: {tmp_path}. Free disk space, then run again; finished work is kept"
    )


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert "No such file or directory" in unwritable(tmp_path / "none")


def test_an_unreadable_log_has_no_line(tmp_path):
    assert line_that_counts(tmp_path / "none.log") is None


# ------------------------------------------------------------------------------------------- records


class Default:
    """Snakemake's handler as far as it is asked."""

    name = "DefaultStreamHandler"

    def __init__(self):
        self.lines, self.stream = [], SimpleNamespace(write=self.write, flush=lambda: None)

    def write(self, text):
        self.lines.append(text.rstrip("\n"))

    def filter(self, record):
        return True

    def decorate(self, record, text):
        return text

    def handle(self, record):
        self.lines.append(f"default: {record.getMessage()}")


def tell(*records, dryrun=False):
    default = Default()
    job = SimpleNamespace(rule=SimpleNamespace(name="train"), output=["o"])
    target = SimpleNamespace(rule=SimpleNamespace(name="all"), output=[])
    dag = SimpleNamespace(jobs=[], needrun_jobs=lambda: [job, job, target])
    handler = ConsoleHandler(default, SimpleNamespace(dryrun=dryrun, dag=dag, persistence=None))
    for record in records:
        made = logging.makeLogRecord({"msg": "", **record})
        handler.handle(made)
    return default.lines


JOB = {"jobid": 1, "rule_msg": "GenRM: g, seed 1", "rule_name": "train", "reason": "Missing", "output": ["o"]}


def test_a_stage_has_one_line_and_snakemakes_steps_have_none(tmp_path):
    (tmp_path / "g.log").touch()
    said = tell(
        {"msg": "Building DAG of jobs..."},
        {"event": "run_info"},
        {"msg": "Select jobs to execute..."},
        {"event": "job_started", "msg": "Execute 1 jobs..."},
        {"event": "job_info", "log": [str(tmp_path / "g.log")], **JOB},
        {"event": "job_finished", "msg": "Finished jobid: 1", "job_id": 1},
        {"event": "progress", "done": 1, "total": 2},
        {"msg": "Complete log(s): x"},
        {"msg": "a warning", "levelno": logging.WARNING},
    )
    assert said[0] == "2 stages to make (snakemake -n lists them)"
    assert said[1].split(" ", 1)[1] == "1 of 2 GenRM: g, seed 1, 0 s; about 0 s left"
    assert said[2:] == ["default: Complete log(s): x", "default: a warning"]


def test_a_failure_shows_no_command(tmp_path):
    log = tmp_path / "g.log"
    log.write_text("error: no\n")
    said = tell(
        {"event": "run_info"},
        {"event": "job_info", "log": [str(log)], **JOB},
        {"msg": "RuleException:\nCalledProcessError in file x, line 1:\nCommand '{...}' returned 1."},
        {
            "event": "job_error",
            "log": [str(log)],
            "aux": {"external_jobid": "77"},
            **JOB,
            "shellcmd": "python x",
        },
    )
    assert said[1].splitlines() == [
        "error: no",
        f"    log: {log}",
        "    stage: GenRM: g, seed 1, after 0 s",
        "    rule: train, job 1",
        "    output: o",
        "    external_jobid: 77",
        "    | error: no",
    ]
    assert len(said) == 2


def test_a_dry_run_has_a_line_for_each_stage_with_its_reason():
    assert tell({"event": "job_info", "log": [], **JOB}, dryrun=True) == ["GenRM: g, seed 1 (Missing)"]


# ------------------------------------------------------------------------------------------- summary


def test_the_summary_tells_headlines_what_does_not_hold_and_where_the_report_is(tmp_path):
    assert summarize_run(tmp_path, 0) == ""
    share = Estimate(0.7, 0.65, 0.75, 100)
    alignment = pd.DataFrame(
        [{"system": "genrm", "accuracy": share, "accuracy_both_orders": None, "paper": 68.0}], dtype=object
    )
    row = {"policy": "rlcs", "judge": "oracle", "reference": "sft", "win_rate": share, "paper": None}
    unread = {**row, "policy": "unread", "win_rate": Estimate(math.nan, math.nan, math.nan, 0)}
    wins = pd.DataFrame([row, unread], dtype=object)
    for name, frame in (("alignment", alignment), ("win_rates", wins)):
        (tmp_path / "tables" / name).mkdir(parents=True)
        write_table(frame, tmp_path / "tables" / name, name, "caption", synthetic=False)
        (tmp_path / "tables" / name / "run.json").write_text(json.dumps({}))
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").touch()
    (tmp_path / "report" / FLAGS_FILE).write_text(json.dumps([f"flag {number}" for number in range(8)]))
    numbers = [
        "  rlcs wins against sft: 70.0 [65.0, 75.0] %",
        "  unread wins against sft: – (nothing could be judged)",
        "What does not hold, or needs a look:",
        *(f"  ! flag {number}" for number in range(6)),
        "  and 2 more, on the report's page",
        f"Report: {tmp_path}/report/report.html",
    ]
    assert summarize_run(tmp_path, 0).splitlines() == [
        f"Made 2 artifacts in {tmp_path}.",
        "  genrm agrees with the label: 70.0 [65.0, 75.0] % (the paper, on its own data: 68)",
        *numbers,
    ]
    assert summarize_run(tmp_path, 0, synthetic=True).splitlines() == [
        f"Made 2 artifacts in {tmp_path}.",
        "Headlines, synthetic: of a made-up world, they say nothing about stories for people.",
        "  genrm agrees with the label: 70.0 [65.0, 75.0] %",
        *numbers,
    ]
    assert "no number means anything" in summarize_run(tmp_path, 0, rehearsal=True).splitlines()[1]
    assert summarize_run(tmp_path, time.time() + 5) == ""
