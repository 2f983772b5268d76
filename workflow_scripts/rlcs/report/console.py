"""What a run prints beside Snakemake's own lines: how far the stages under way are, and a summary at the end.

Snakemake says which stage begins and ends and how many are done. How far one is, how fast it goes and how
long it still takes, its own progress bar tells (of TRL's trainers and of ``shards``), which lies in its log.
"""

from __future__ import annotations

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
_TAIL = 4096  # bytes of a log that are looked at


@dataclass(frozen=True)
class Progress:
    """A progress bar's last word; ``rate`` and ``left`` as tqdm writes them."""

    done: int
    total: int
    left: str
    rate: str

    def __str__(self) -> str:
        return f"{self.done} of {self.total}, {self.rate}, {self.left} left"


def progress(log: str) -> Progress | None:
    """What the last bar of a log says, None where it has ended; bars of a single step do not count."""
    bars = [
        Progress(int(done), int(total), left, rate.strip()) for done, total, left, rate in _BAR.findall(log)
    ]
    last = next((bar for bar in reversed(bars) if bar.total > 1), None)
    return last if last is not None and last.done < last.total else None


def has_ended(log: str) -> bool:
    """Whether a stage's log closes with its result or its error."""
    lines = re.split(r"[\r\n]+", log.strip())
    return bool(_ENDED.match(lines[-1]))


def under_way(logs: Path, since: float) -> Iterator[str]:
    """A line for each stage that has written to its log since a time and has not ended."""
    for path in sorted(logs.rglob("*.log")):
        try:
            changed, log = path.stat().st_mtime, _tail(path)
        except FileNotFoundError:  # Snakemake removes a log as its job begins
            continue
        if changed >= since and log.strip() and not has_ended(log) and (now := progress(log)):
            yield f"  {path.relative_to(logs).with_suffix('').as_posix()}: {now}"


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().decode("utf-8", errors="replace")


def follow(logs: Path, interval: float = 30) -> None:
    """Print what is under way every so many seconds, where it has moved, until the process ends."""

    def watch() -> None:
        since, before = time.time(), ""
        while True:
            time.sleep(interval)
            if (now := "\n".join(under_way(logs, since))) and now != before:
                print(f"{time.strftime('%H:%M:%S')} under way:\n{now}", file=sys.stderr, flush=True)
                before = now

    threading.Thread(target=watch, daemon=True).start()


def summary(results: Path, since: float) -> str:
    """What a run has made since a time: its headlines where the tables are new, and where to look.

    Empty where nothing was made.
    """
    from rlcs.report.formatting import read_table  # here: a run that only plans loads no pandas
    from rlcs.report.page import headlines

    made = [path for path in results.rglob("run.json") if path.stat().st_mtime >= since]
    if not made:
        return ""
    lines = [f"Made {len(made)} artifacts in {results}."]
    tables = [results / "tables" / name / f"{name}.csv" for name in ("alignment", "win_rates")]
    if all(path.exists() for path in tables):
        lines += [
            f"  {headline.label}: {headline.value}"
            + (" %" if headline.estimate.n else " (nothing could be judged)")
            + ("" if headline.paper is None else f" (paper {headline.paper:g})")
            for headline in headlines(*map(read_table, tables))
        ]
    for title, page in (("Report", "report/report.html"), ("Gallery", "gallery/gallery.html")):
        if (path := results / page).exists():
            lines.append(f"{title}: {path}")
    return "\n".join(lines)
