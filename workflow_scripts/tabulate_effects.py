"""The claims of the papers as measured effects, over seeds and contexts."""

from __future__ import annotations

from rlcs import stage
from rlcs.captions import TABLES
from rlcs.effect_entries import Effect
from rlcs.effects import Evidence, effects_table
from rlcs.evaluation import read_judged
from rlcs.formatting import write_table
from rlcs.records import PAIRS, read_judgements, read_rows

SEED = 0  # of the bootstrap


def main(this: stage.Stage) -> None:
    effects = [Effect.model_validate(effect) for effect in this.config["effects"]]
    pairs = read_rows(this.folder("preferences") / "pairs.parquet", PAIRS)
    chains = [read_judgements(folder / "chains.parquet") for folder in this.folders("chains")]
    evidence = Evidence(
        judged=read_judged(this.folders("judgements"), this.config["judges"]),
        taught=read_judged(this.folders("taught"), this.config["teachers"]),
        kept={kept[0].judge: frozenset(chain.pair_id for chain in kept) for kept in chains},
        labels={pair["pair_id"]: pair["label"] for pair in pairs},
        contexts={pair["pair_id"]: str(pair["context_id"]) for pair in pairs},
    )
    with this.artifact() as folder:
        frame = effects_table(effects, evidence, seed=SEED)
        write_table(frame, folder, "effects", TABLES["effects"].text, this.config["synthetic"])


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences"], optional=["judgements", "taught", "chains"])
