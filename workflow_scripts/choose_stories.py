"""Best of n: a judge chooses one of a policy's stories for each held-out context."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rlcs.data.artifacts import JUDGEMENTS_FILE, STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.judging.backends import Access
from rlcs.judging.best_of import Candidates, budget, highest_score, knock_out
from rlcs.judging.judge import judge_in_shards
from rlcs.judging.loading import load_judge
from rlcs.records import Comparison, Judgement
from rlcs.stages.stage import ACCESS, Stage, log, run_stage


def main(stage: Stage) -> None:
    size, orders, probability = (stage.config[name] for name in ("candidates", "orders", "probability"))
    contexts = Preferences(stage.folder("preferences")).contexts
    written = STORIES_FILE.read(stage.folder("candidates"))
    rows: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in written:
        rows[row["context_id"], row["sample"] // size].append(row)
    candidates = [
        Candidates(f"{context_id}/{sample}", contexts[context_id], [row["text"] for row in of_one])
        for (context_id, sample), of_one in rows.items()
    ]
    with stage.artifact() as folder:
        access = Access.of(stage.options)
        judge = load_judge(
            stage.config["judge"], stage.optional_folder("model"), access, soft=probability == "soft"
        )

        def ask(name: str, comparisons: Sequence[Comparison]) -> list[Judgement]:
            finished = stage.checkpoints() / name
            finished.mkdir(exist_ok=True)
            return judge_in_shards(judge, comparisons, finished)

        if stage.config["scores_alone"]:
            chosen, judgements = highest_score(candidates, ask)
        else:
            chosen, judgements = knock_out(
                candidates, ask, orders=orders, probability=probability, seed=stage.seed
            )
        STORIES_FILE.write(
            folder,
            (
                {**of_one[best], "sample": sample}
                for ((_, sample), of_one), best in zip(rows.items(), chosen, strict=True)
            ),
        )
        JUDGEMENTS_FILE.write(folder, judgements)
        price = budget([row["tokens"] for row in written], judgements, len(candidates))
        (folder / "budget.json").write_text(json.dumps(price, indent=2) + "\n", encoding="utf-8")
        log.info("price of a story: %s", price)


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "candidates": 1, "model": "?"},
        options=ACCESS,
        seed=True,
    )
