"""Progress of the running stages and a summary at the end, which a run prints beside Snakemake's own lines.

Snakemake prints which stages begin and end, and how many are done. The progress bar in the log of a stage (of
TRL's trainers or of ``shards``) shows how far the stage is, how fast it runs and how long it still takes.
"""

import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BAR = re.compile(r"(\d+)/(\d+) \[[\d:]+<([\d:?]+), *([^\],]+)")
_ENDED = re.compile(
    r"^(\d\d:\d\d:\d\d (wrote .*|.* is up to date; .*)|error: .*|\w*(Error|Exception|Interrupt)\b.*)$"
)
_TAIL = 4096  # bytes at the end of a log that are read


@dataclass(frozen=True)
class Progress:
    """The last state of a progress bar; ``rate`` and ``left`` (the remaining time) as tqdm writes them."""

    done: int
    total: int
    left: str
    rate: str

    def __str__(self) -> str:
        return f"{self.done} of {self.total}, {self.rate}, {self.left} left"


def read_progress(log: str) -> Progress | None:
    """Read the last progress bar of a log; None if it has ended. Bars of a single step do not count."""
    bars = [
        Progress(int(done), int(total), left, rate.strip()) for done, total, left, rate in _BAR.findall(log)
    ]
    last = next((bar for bar in reversed(bars) if bar.total > 1), None)
    return last if last is not None and last.done < last.total else None


def has_ended(log: str) -> bool:
    """Return True if the last line of a stage's log is its result or its error."""
    lines = re.split(r"[\r\n]+", log.strip())
    return bool(_ENDED.match(lines[-1]))


def list_running(logs: Path, since: float) -> Iterator[str]:
    """Yield a line for each stage that has not ended and whose log changed since a time (Unix seconds)."""
    for path in sorted(logs.rglob("*.log")):
        try:
            changed, log = path.stat().st_mtime, _tail(path)
        except FileNotFoundError:  # Snakemake removes a log as its job begins
            continue
        if changed >= since and log.strip() and not has_ended(log) and (now := read_progress(log)):
            yield f"  {path.relative_to(logs).with_suffix('').as_posix()}: {now}"


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().decode("utf-8", errors="replace")


def follow(logs: Path, interval: float = 30) -> None:
    """Print the progress of the running stages every ``interval`` seconds, if it has changed.

    A daemon thread prints until the process ends.
    """

    def watch() -> None:
        since, before = time.time(), ""
        while True:
            time.sleep(interval)
            if (now := "\n".join(list_running(logs, since))) and now != before:
                print(f"{time.strftime('%H:%M:%S')} under way:\n{now}", file=sys.stderr, flush=True)
                before = now

    threading.Thread(target=watch, daemon=True).start()


def summarize_run(results: Path, since: float) -> str:
    """Summarize what was made since a time (Unix seconds): headlines, and paths of the report and gallery.

    The summary is empty if nothing was made.
    """
    from rlcs.report.formatting import read_table  # here: a run that only plans loads no pandas
    from rlcs.report.page import collect_headlines

    records = [path for path in results.rglob("run.json") if path.stat().st_mtime >= since]
    if not records:
        return ""
    lines = [f"Made {len(records)} artifacts in {results}."]
    tables = [results / "tables" / name / f"{name}.csv" for name in ("alignment", "win_rates")]
    if all(path.exists() for path in tables):
        lines += [
            f"  {headline.label}: {headline.value}"
            + (" %" if headline.estimate.n else " (nothing could be judged)")
            + ("" if headline.paper is None else f" (paper {headline.paper:g})")
            for headline in collect_headlines(*map(read_table, tables))
        ]
    for title, page in (("Report", "report/report.html"), ("Gallery", "gallery/gallery.html")):
        if (path := results / page).exists():
            lines.append(f"{title}: {path}")
    return "\n".join(lines)
