"""Stories from a file, as a policy's stories are: one more system of the win rates."""

from __future__ import annotations

from rlcs import errors
from rlcs.data.files import read_records
from rlcs.data.stories import UnusableStories, read_stories
from rlcs.records import STORIES, read_contexts, write_rows
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    contexts = read_contexts(stage.folder("preferences") / "contexts.parquet")
    (path,) = stage.inputs["stories"]
    try:
        rows = read_stories(read_records(path), contexts, stage.config["policy"], stage.seed)
    except UnusableStories as error:
        raise errors.InputError(f"{path}: {error}") from error
    with stage.artifact() as folder:
        write_rows(folder / "stories.parquet", rows, STORIES)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "stories": 1}, seed=True)
