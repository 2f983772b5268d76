"""Judges against human labels on held-out pairs: the table, the same by domain, and the forest plot."""

from __future__ import annotations

from rlcs import stage
from rlcs.captions import TABLES
from rlcs.evaluation import read_judged
from rlcs.figures import alignment_figure, to_svg
from rlcs.formatting import write_table
from rlcs.records import PAIRS, pairs_of_split, read_contexts, read_rows
from rlcs.tables import alignment_by_domain_table, alignment_table

SEED = 0  # of the bootstrap


def main(this: stage.Stage) -> None:
    preferences = this.folder("preferences")
    contexts = read_contexts(preferences / "contexts.parquet")
    pairs = read_rows(preferences / "pairs.parquet", PAIRS)
    held_out = pairs_of_split(pairs, contexts, "test")
    training = pairs_of_split(pairs, contexts, "train")
    judged = read_judged(this.folders("judgements"), this.config["rows"])
    synthetic = this.config["synthetic"]
    with this.artifact() as folder:
        frame = alignment_table(judged, held_out, training, this.config["paper"], seed=SEED)
        write_table(frame, folder, "alignment", TABLES["alignment"].text, synthetic)
        by_domain = alignment_by_domain_table(judged, held_out, contexts, training, seed=SEED)
        write_table(by_domain, folder, "alignment_by_domain", TABLES["alignment_by_domain"].text, synthetic)
        (folder / "alignment.svg").write_text(to_svg(alignment_figure(frame)), encoding="utf-8")


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences"], many=["judgements"])
