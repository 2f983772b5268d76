"""Stories from a file, as a policy's stories are: one more system of the win rates."""

from __future__ import annotations

from rlcs import errors
from rlcs.data.artifacts import STORIES_FILE
from rlcs.data.files import read_records
from rlcs.data.preferences import Preferences
from rlcs.data.stories import UnusableStories, read_stories
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    contexts = Preferences(stage.folder("preferences")).contexts
    (path,) = stage.inputs["stories"]
    try:
        rows = read_stories(read_records(path), contexts, stage.config["policy"], stage.seed)
    except UnusableStories as error:
        raise errors.InputError(f"{path}: {error}") from error
    with stage.artifact() as folder:
        STORIES_FILE.write(folder, rows)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "stories": 1}, seed=True)
