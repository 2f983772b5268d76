"""Stories from a file, as a policy's stories are: one more system of the win rates."""

from __future__ import annotations

from rlcs import errors
from rlcs.data.files import read_records
from rlcs.data.stories import UnusableStories, read_stories
from rlcs.records import STORIES, read_contexts, write_rows
from rlcs.stages import stage


def main(this: stage.Stage) -> None:
    contexts = read_contexts(this.folder("preferences") / "contexts.parquet")
    (path,) = this.inputs["stories"]
    try:
        rows = read_stories(read_records(path), contexts, this.config["policy"], this.seed)
    except UnusableStories as error:
        raise errors.InputError(f"{path}: {error}") from error
    with this.artifact() as folder:
        write_rows(folder / "stories.parquet", rows, STORIES)


if __name__ == "__main__":
    stage.run(main, __file__, inputs=["preferences", "stories"], seed=True)
