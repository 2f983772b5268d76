"""The words of a run: a line for each stage, what is under way, time left, failures, and a summary.

Snakemake's own words stay in the file that it names as "Complete log"; ``--verbose`` and ``--printshellcmds``
show them here too.
"""

import errno
import json
import logging
import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlcs.report.progress import RunClock, StageRun, describe_running, format_duration
from rlcs.report.reasons import describe_reason
from rlcs.stages.manifest import RUN_NAME, read_run

_INTERVAL = 30.0  # seconds between two looks at what is under way; it grows up to _LONGEST
_LONGEST = 300.0
_LINES = 12  # of a failed stage's log
_FLAGS = 6  # of the report's flags, in the summary
# What says nothing about the run at hand
_NOISE = re.compile(
    r"Assuming unrestricted shared|Building DAG|Using shell|Provided |Rules claiming|Conda environments|"
    r"Singularity|Select jobs|Execute \d+ jobs|Group jobs|Removing output files|Removing temporary|"
    r"Exiting because|WorkflowError:\nAt least one job|Shutting down|Elapsed time|"
    r"RuleException:\nCalledProcessError|Storing output|Workflow has started|Reasons:|"
    r"Some jobs were triggered by|If you prefer that only|If you are sure that a change|"
    r"Rules with provenance triggered"
)
# What the workflow refuses, in Snakemake's frame: rows of `findings.table` after the name of the exception
_REFUSAL = re.compile(
    r"(?:WorkflowError|InputFunctionException)\b.*?\n *(error {2,}.*?)"
    r'(?:\n\s*(?:Wildcards:|Traceback:|File ").*)?\Z',
    re.S,
)
# srun, slurmstepd and slurm say so at the beginning of a line
_SLURM = ("srun: error", "slurmstepd: error", "sbatch: error", "error")


class ConsoleHandler(logging.Handler):
    """The handler of Snakemake's records in place of its own, which gets what is not told otherwise."""

    def __init__(self, default: Any, workflow: Any) -> None:
        super().__init__()
        self.name = default.name
        self._default, self._workflow, self.clock = default, workflow, RunClock()

    def emit(self, record: logging.LogRecord) -> None:
        if not self._default.filter(record):
            return
        told = self.tell(record)
        if told is None:
            self._default.handle(record)
        elif told:
            self._write(told, record)

    def tell(self, record: logging.LogRecord) -> str | None:
        """Say what a record means; empty for what is left out, None for what Snakemake says itself."""
        event = str(getattr(record, "event", None) or "")
        if event == "run_info" and not self._workflow.dryrun:
            return self._begin()
        if event == "job_info":
            return self._start(record)
        if event == "job_finished":
            return self._finish(record.job_id)  # type: ignore[attr-defined]
        if event == "job_error":
            return self._fail(record)
        if event in ("progress", "workflow_started", "job_started", "resources_info"):
            return ""
        if refused := _REFUSAL.match(record.getMessage()):
            return re.sub("(?m)^ {4}", "", refused[1]).rstrip()
        return "" if _NOISE.match(record.getMessage().lstrip()) else None

    def _begin(self) -> str:
        jobs = [job for job in self._workflow.dag.needrun_jobs() if job.output]  # a target makes nothing
        before = mean_seconds((job.rule.name, str(path)) for job in jobs for path in job.output)
        self.clock = RunClock(Counter(job.rule.name for job in jobs), before)
        total, left = self.clock.total, self.clock.left(time.time())
        if not total:
            return ""
        stages = f"{total} stage{'s' * (total != 1)} to make"
        return (
            f"{stages}, {left} (snakemake -n lists them)" if left else f"{stages} (snakemake -n lists them)"
        )

    def _start(self, record: logging.LogRecord) -> str:
        info: Mapping[str, Any] = vars(record)
        title = info["rule_msg"] or info["rule_name"]
        reason, changed = self._reason(info["jobid"], str(info["reason"]))
        output = next(iter(info["output"]), "")
        if self._workflow.dryrun:
            return f"{title} ({reason})" if output else title
        if not output:
            return ""
        stage = StageRun(title, info["rule_name"], time.time(), tuple(map(Path, info["log"])), output)
        self.clock.start(info["jobid"], stage)
        return f"{_clock()} again: {title} ({reason})" if changed else ""

    def _reason(self, number: int, said: str) -> tuple[str, bool]:
        dag = self._workflow.dag
        job = next((job for job in dag.jobs if dag.jobid(job) == number), None)
        if job is None:
            return said, False
        return describe_reason(job, dag.reason(job), self._workflow.persistence)

    def _finish(self, number: int) -> str:
        now = time.time()
        stage = self.clock.finish(number, now)
        if stage is None:
            return ""
        place, took = f"{self.clock.done} of {self.clock.total}", format_duration(now - stage.begun)
        line = f"{_clock()} {place} {stage.title}, {took}"
        left = self.clock.left(now) if self.clock.done < self.clock.total else ""
        return f"{line}; {left}" if left else line

    def _fail(self, record: logging.LogRecord) -> str:
        info: Mapping[str, Any] = vars(record)
        stage = self.clock.fail(info["jobid"])
        title = stage.title if stage else info["rule_name"]
        took = f", after {format_duration(time.time() - stage.begun)}" if stage else ""
        logs = list(map(Path, info["log"]))
        details = [f"stage: {title}{took}", f"rule: {info['rule_name']}, job {info['jobid']}"]
        details += [f"output: {', '.join(info['output'])}"] if info["output"] else []
        details += [f"{name}: {value}" for name, value in info["aux"].items()]
        return describe_failure(logs, details)

    def under_way(self) -> str:
        """Describe what runs at the moment; empty if nothing has said anything."""
        now = time.time()
        lines = describe_running(list(self.clock.running.values()), now)
        if not lines:
            return ""
        left = self.clock.left(now)
        head = f"{_clock()} under way, {self.clock.done} of {self.clock.total} made"
        return "\n".join([f"{head}, {left}:" if left else f"{head}:", *lines])

    def _write(self, text: str, record: logging.LogRecord | None = None) -> None:
        stream = self._default.stream
        stream.write((text if record is None else self._default.decorate(record, text)) + "\n")
        stream.flush()

    def follow(self, interval: float = _INTERVAL) -> None:
        """Print what is under way every ``interval`` seconds, later every five minutes, in a thread."""

        def watch() -> None:
            wait = interval
            while True:
                time.sleep(wait)
                wait = min(_LONGEST, 1.3 * wait)
                if text := self.under_way():
                    self._write(text)

        threading.Thread(target=watch, daemon=True).start()


def install(workflow: Any) -> ConsoleHandler | None:
    """Put the handler in the place of Snakemake's own; None in a job, or if Snakemake is to say all."""
    settings = workflow.output_settings
    if not workflow.is_main_process or settings.verbose or settings.printshellcmds:
        return None
    logger = logging.getLogger("snakemake.logging")
    for default in logger.handlers:
        if default.name == "DefaultStreamHandler" and not isinstance(default, ConsoleHandler):
            handler = ConsoleHandler(default, workflow)
            logger.removeHandler(default)
            logger.addHandler(handler)
            return handler
    return None


def mean_seconds(jobs: Any) -> dict[str, float]:
    """The mean seconds of each rule, where outputs of its jobs have been made before.

    Args:
        jobs: pairs of a rule and a path of an output.
    """
    seconds: dict[str, list[float]] = {}
    for rule, output in jobs:
        if (Path(output).parent / RUN_NAME).exists():
            seconds.setdefault(rule, []).append(float(read_run(Path(output).parent)["seconds"]))
    return {rule: sum(all_) / len(all_) for rule, all_ in seconds.items()}


def line_that_counts(log: Path) -> str | None:
    """The error in a stage's log; the first error in what a Slurm job printed; None if it says nothing.

    A job whose step Slurm refuses has an empty log of its stage. A log that ends without an error is of a
    stage that was killed.
    """
    lines = _read_lines(log)
    if "slurm_logs" in log.parts:
        return next((line.strip() for line in lines if line.startswith(_SLURM)), None)
    if not lines:
        return None
    end = [line.strip() for line in lines[-40:]]
    if error := next((line for line in reversed(end) if line.startswith("error: ")), None):
        return error
    ends_badly = any(line.startswith("Traceback ") for line in end) or _ERROR.match(end[-1])
    return end[-1] if ends_badly else f"error: {_KILLED}; its last line: {end[-1][:100]}"


def describe_failure(logs: Sequence[Path], details: Sequence[str]) -> str:
    """Say what made a stage fail: the line that counts first, then the log that has it, then details."""
    found = ((path, line) for path in logs if (line := line_that_counts(path)))
    log, line = next(found, (logs[0] if logs else None, None))
    if line is None:
        line = f"error: {unwritable(log.parent) if log else _SILENT}"
    lines = [line if line.startswith("error: ") else f"error: {line}"]
    lines += [f"    log: {log}"] if log else []
    lines += [f"    {detail}" for detail in details]
    tail = _read_lines(log)[-_LINES:] if log else []
    return "\n".join([*lines, *(f"    | {said[:200]}" for said in tail)])


_SILENT = "the stage said nothing: it was killed (often for memory), or never started"
_KILLED = "the stage ended without an error of its own: it was killed (often for memory)"
# the last line of a program that says why it ends: ValueError: ..., python: can't open file, bash: ...
_ERROR = re.compile(
    r"[\w.]*(Error|Exception|Interrupt|Exit)\b|\S+: .*(cannot|can't|not found|No such|denied)"
)


def _read_lines(log: Path) -> list[str]:
    """The lines of a log that are not blank; none if it cannot be read."""
    try:
        lines = re.split(r"[\r\n]+", log.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return []
    return [line for line in lines if line.strip()]


def unwritable(folder: Path) -> str:
    """Say why nothing can be written into a folder, or that a stage without a word was killed.

    A stage that finds no room for its log cannot say so itself.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 65536)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        what = "Free disk space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Fix this"
        return f"{error.strerror}: {folder}. {what}, then run again; finished work is kept"
    return _SILENT


def _clock() -> str:
    return time.strftime("%H:%M:%S")


def summarize_failures(handler: ConsoleHandler | None, logs: str) -> str:
    """Say which stages failed, each with the line that counts and its log."""
    failed = list(handler.clock.failed.values()) if handler else []
    if not failed:  # a target that makes nothing has said itself what is wrong
        return ""
    lines = [f"Not all was made. Every stage says why in its log below {logs}."]
    for stage in failed:
        counts = next((line for log in stage.logs if (line := line_that_counts(log))), _SILENT)
        lines.append(f"  {stage.title}: {counts} ({', '.join(map(str, stage.logs))})")
    return "\n".join(lines)


def summarize_run(results: Path, since: float, *, synthetic: bool = False, rehearsal: bool = False) -> str:
    """Summarize what was made since a time (Unix seconds): headlines, what does not hold, and paths of pages.

    The summary is empty if nothing was made.
    """
    from rlcs.report.flags import FLAGS_FILE  # here: a run that only plans loads no pandas
    from rlcs.report.formatting import read_table
    from rlcs.report.page import collect_headlines

    records = [path for path in results.rglob(RUN_NAME) if path.stat().st_mtime >= since]
    if not records:
        return ""
    lines = [f"Made {len(records)} artifacts in {results}."]
    alignment, wins = (results / "tables" / name / f"{name}.csv" for name in ("alignment", "win_rates"))
    if alignment.exists():
        if rehearsal:
            lines.append(
                "Headlines of a rehearsal: small stand-ins, made-up answers; no number means anything."
            )
        elif synthetic:
            lines.append(
                "Headlines, synthetic: of a made-up world, they say nothing about stories for people."
            )
        lines += [
            f"  {headline.label}: {headline.value}"
            + (" %" if headline.estimate.n else " (nothing could be judged)")
            + (
                ""
                if headline.paper is None or synthetic or rehearsal
                else f" (the paper, on its own data: {headline.paper:g})"
            )
            for headline in collect_headlines(
                read_table(alignment), read_table(wins) if wins.exists() else None
            )
        ]
    if (file := results / "report" / FLAGS_FILE).exists():
        flags = json.loads(file.read_text(encoding="utf-8"))
        lines += ["What does not hold, or needs a look:"] if flags else ["Nothing is flagged."]
        lines += [f"  ! {flag}" for flag in flags[:_FLAGS]]
        lines += [f"  and {len(flags) - _FLAGS} more, on the report's page"] if len(flags) > _FLAGS else []
    for title, page in (("Report", "report/report.html"), ("Gallery", "gallery/gallery.html")):
        if (path := results / page).exists():
            lines.append(f"{title}: {path}")
    return "\n".join(lines)
