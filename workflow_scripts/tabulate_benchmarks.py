"""Judges on benchmarks beside chance, length and published figures; overlap of benchmarks with training."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlcs.data.preferences import Preferences, decided
from rlcs.evaluation.benchmarks import HELD_OUT, Benchmark, benchmark_data_table, benchmark_table
from rlcs.evaluation.judgements import read_judged
from rlcs.evaluation.overlap import PairTexts, count_overlaps
from rlcs.report.columns import ON_GROUP
from rlcs.report.formatting import write_tables
from rlcs.stages.manifest import read_provenance
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    preferences = Preferences(stage.folder("preferences"))
    benchmarks = [
        read_benchmark(folder, entry)
        for folder, entry in zip(stage.folders("benchmarks"), stage.config["benchmarks"], strict=True)
    ]
    folders: dict[str, list[Path]] = defaultdict(list)
    for folder in stage.folders("judgements"):
        folders[read_provenance(folder)["config"]["benchmark"]].append(folder)
    judged = {one.name: read_judged(folders[one.name], stage.config["rows"]) for one in benchmarks}
    held_out = preferences.pairs("test")
    tested = {one.name: [PairTexts.of(pair, one.contexts) for pair in one.pairs] for one in benchmarks}
    tested[HELD_OUT] = [PairTexts.of(pair, preferences.contexts) for pair in held_out]
    training = [*preferences.pairs("train"), *preferences.unlabelled("train")]
    overlaps = count_overlaps(tested, (PairTexts.of(pair, preferences.contexts) for pair in training))
    for name, pairs in tested.items():
        log.info(
            "%s: of %d pairs, %d have a prompt of the training pairs, %d a story, %d long n-grams",
            *(name, len(pairs), *overlaps[name]),
        )
    tables = {
        "benchmarks": benchmark_table(
            benchmarks, judged, preferences.pairs("train"), column=ON_GROUP, seed=stage.seed
        ),
        "benchmark_data": benchmark_data_table(benchmarks, held_out, overlaps),
    }
    with stage.artifact() as folder:
        write_tables(tables, folder, stage.config["synthetic"])


def read_benchmark(folder: Path, entry: Mapping[str, Any]) -> Benchmark:
    """Read the artifact of a benchmark.

    Args:
        entry: its name, metric, preset and licence, as ``table_configs.benchmarks`` makes them.
    """
    made = Preferences(folder)
    return Benchmark(
        pairs=decided(made.pairs()),
        contexts=made.contexts,
        quarantined=len(made.quarantine),
        **entry,
    )


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "benchmarks": "+", "judgements": "+"})
