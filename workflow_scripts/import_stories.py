"""Stories from a user-supplied file, as one more system of the win rates."""

from rlcs.data.artifacts import STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.data.stories import read_stories
from rlcs.stages.stage import Stage, run_stage


def main(stage: Stage) -> None:
    contexts = Preferences(stage.folder("preferences")).contexts
    (file,) = stage.inputs["stories"]
    rows = read_stories(file, contexts, stage.config["policy"], stage.seed)
    with stage.artifact() as folder:
        STORIES_FILE.write(folder, rows)


if __name__ == "__main__":
    run_stage(main, __file__, inputs={"preferences": 1, "stories": 1}, seed=True)
