"""The stories of all policies side by side, with what the judges said of them: one page to step through."""

from __future__ import annotations

from rlcs import stage
from rlcs.evaluation import read_judged
from rlcs.gallery import gallery_items
from rlcs.manifest import read_provenance
from rlcs.pages import fill
from rlcs.records import MATCHES, STORIES, read_contexts, read_rows


def main(this: stage.Stage) -> None:
    config = this.config
    folders = this.folders("matches")
    (seed,) = {read_provenance(folder)["seed"] for folder in folders}
    items = gallery_items(
        read_contexts(this.folder("preferences") / "contexts.parquet"),
        [row for f in this.folders("stories") for row in read_rows(f / "stories.parquet", STORIES)],
        read_rows(folders[0] / "matches.parquet", MATCHES),  # every judge plays the same
        {judge: said[seed] for judge, said in read_judged(folders, config["judges"]).items()},
        config["policies"],
        config["reference"],
        config["contexts"],
    )
    with this.artifact() as folder:
        page = fill("gallery.html.j2", items=items, seed=seed, **config)
        (folder / "gallery.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences"], many=["stories", "matches"])
