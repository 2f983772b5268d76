"""Progress of single stages, read from their logs, and the time left for a whole run."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_BAR = re.compile(
    r"(?:^|[\r\n])([^\r\n%]*?)\s*\d+%\|[^|\r\n]*\|\s*(\d+)/(\d+) \[[\d:]+<([\d:?]+), *([^\],]+)"
)
_ENDED = re.compile(
    r"^(\d\d:\d\d:\d\d (wrote .*|.* is up to date; .*)|error: .*|\w*(Error|Exception|Interrupt)\b.*)$"
)
_TAIL = 4096  # bytes at the end of a log that are read
# Titles of bars by datasets, transformers and the hub, before and after the work of a stage
_PREPARES = re.compile(
    r"^(map|filter|tokenizing|adding|applying|packing|truncating|generating|loading|writing|saving|fetching|"
    r"downloading|extracting|converting|casting|creating|flattening|resolving|processing)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Progress:
    """The last state of a progress bar; ``rate`` and ``left`` (the remaining time) as tqdm writes them.

    ``title`` is empty for the steps of a training.
    """

    done: int
    total: int
    left: str
    rate: str
    title: str = ""

    @property
    def prepares(self) -> bool:
        """True if the bar is of a tokenizer, a data set or a download, and not of the stage's own work."""
        return bool(_PREPARES.match(self.title)) or self.rate.endswith(("examples/s", "B/s"))

    @property
    def seconds_left(self) -> float | None:
        """The remaining time of the stage's own work in seconds; None if the bar does not know it."""
        if self.prepares or "?" in self.left:
            return None
        seconds = 0
        for part in self.left.split(":"):
            seconds = 60 * seconds + int(part)
        return float(seconds)

    def __str__(self) -> str:
        if self.prepares:
            return f"prepares: {self.title or 'data'} ({self.done} of {self.total})"
        return f"{'' if self.title else 'step '}{self.done} of {self.total}, {self.rate}, {self.left} left"


def read_progress(log: str) -> Progress | None:
    """Read the last progress bar of a log; None if it has ended. Bars of a single step do not count."""
    bars = [
        Progress(int(done), int(total), left, rate.strip(), title.strip().rstrip(":"))
        for title, done, total, left, rate in _BAR.findall(log)
    ]
    last = next((bar for bar in reversed(bars) if bar.total > 1), None)
    return last if last is not None and last.done < last.total else None


def has_ended(log: str) -> bool:
    """Return True if the last line of a stage's log is its result or its error."""
    lines = re.split(r"[\r\n]+", log.strip())
    return bool(_ENDED.match(lines[-1]))


def read_tail(path: Path) -> str:
    """Read the end of a log; empty if it is not there, since Snakemake removes a log as its job begins."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            return file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def format_duration(seconds: float) -> str:
    """Format a duration in its one or two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min" if minutes >= 10 else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


@dataclass(frozen=True)
class StageRun:
    """A stage that was started, at ``begun`` (Unix seconds)."""

    title: str
    rule: str
    begun: float
    logs: tuple[Path, ...] = ()
    output: str = ""

    def progress(self) -> Progress | None:
        """The progress that the stage's log shows; None without a bar, or if the stage has ended."""
        log = read_tail(self.logs[0]) if self.logs else ""
        return None if not log.strip() or has_ended(log) else read_progress(log)


@dataclass
class RunClock:
    """The work that a run has to do, has done and is doing, and the time of the rest.

    Args:
        jobs: the number of jobs by rule.
        before: seconds that jobs of a rule took when they were made the last time, by rule.
    """

    jobs: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, float] = field(default_factory=dict)
    begun: float = 0.0
    running: dict[int, StageRun] = field(default_factory=dict)
    started: dict[int, str] = field(default_factory=dict)
    took: dict[str, list[float]] = field(default_factory=dict)
    failed: dict[int, StageRun] = field(default_factory=dict)
    done: int = 0

    @property
    def total(self) -> int:
        return sum(self.jobs.values())

    def start(self, job: int, stage: StageRun) -> None:
        self.begun = self.begun or stage.begun
        self.running[job], self.started[job] = stage, stage.rule
        self.failed.pop(job, None)

    def finish(self, job: int, now: float) -> StageRun | None:
        if (stage := self.running.pop(job, None)) is not None and stage.output:
            self.done += 1
            self.took.setdefault(stage.rule, []).append(now - stage.begun)
        return stage

    def fail(self, job: int) -> StageRun | None:
        if (stage := self.running.pop(job, None)) is not None:
            self.failed[job] = stage
        return stage

    def left(self, now: float) -> str:
        """The time left for the whole run in words; empty as long as nothing is known of it.

        Each job that has not begun counts with the mean of its rule, in this run or before it; one of a rule
        that is not known counts with the mean of all. The work is divided by the number of jobs that ran at
        a time so far. Design choice.
        """
        seen = [seconds for all_of_rule in self.took.values() for seconds in all_of_rule]
        means = {**self.before, **{rule: sum(all_) / len(all_) for rule, all_ in self.took.items()}}
        if not means:
            return ""
        usual = sum(seen) / len(seen) if seen else sum(means.values()) / len(means)
        running = list(self.running.values())
        open_ = Counter(self.jobs) - Counter(self.started.values())
        rests = [self._rest(stage, means.get(stage.rule, usual), now) for stage in running]
        work = sum(rests) + sum(count * means.get(rule, usual) for rule, count in open_.items())
        elapsed = max(now - self.begun, 1e-9)
        busy = sum(seen) + sum(now - stage.begun for stage in running)
        seconds = max([work / max(1.0, busy / elapsed), *rests])
        guessed = sum(count for rule, count in open_.items() if rule not in means)
        words = f"about {format_duration(seconds)} left"
        return f"{words} ({guessed} stage{'s' * (guessed > 1)} guessed)" if guessed else words

    @staticmethod
    def _rest(stage: StageRun, mean: float, now: float) -> float:
        progress = stage.progress()
        if progress is not None and progress.seconds_left is not None:
            return progress.seconds_left
        return max(mean - (now - stage.begun), 0.0)


def describe_running(stages: Iterable[StageRun], now: float) -> list[str]:
    """A line for each stage that runs; those that have said nothing yet, such as queued ones, are counted."""
    lines, silent = [], 0
    for stage in stages:
        if not stage.logs or not read_tail(stage.logs[0]).strip():
            silent += 1
        else:
            lines.append(
                f"  {stage.title}: {stage.progress() or format_duration(now - stage.begun) + ' so far'}"
            )
    return sorted(lines) + ([f"  {silent} more wait, or have said nothing yet"] if silent else [])
