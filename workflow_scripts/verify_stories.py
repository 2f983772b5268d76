"""A verifier model reads a policy's stories for the constraints that no rule can check."""

from rlcs.constraints.verification import open_questions
from rlcs.data.artifacts import CHECKS_FILE, STORIES_FILE
from rlcs.data.preferences import Preferences
from rlcs.judging.backends import Access
from rlcs.judging.verifier import load_verifier
from rlcs.stages.stage import ACCESS, Stage, log, run_stage


def main(stage: Stage) -> None:
    contexts = Preferences(stage.folder("preferences")).contexts
    stories = STORIES_FILE.read(stage.folder("stories"))
    open_constraints = [
        (story, index, question)
        for story in stories
        for index, question in open_questions(contexts[story["context_id"]], story["text"]).items()
    ]
    with stage.artifact() as folder:
        verifier = load_verifier(stage.config, stage.optional_folder("model"), Access.of(stage.options))
        checks = verifier.verify([question for _, _, question in open_constraints])
        rows = [
            {
                **{name: story[name] for name in ("policy", "seed", "context_id", "sample")},
                "constraint": index,
                **vars(check),
            }
            for (story, index, _), check in zip(open_constraints, checks, strict=True)
        ]
        CHECKS_FILE.write(folder, rows)
        unread = sum(check.satisfied is None for check in checks)
        log.info("%d constraints read, %d of them without an answer", len(checks), unread)


if __name__ == "__main__":
    run_stage(
        main,
        __file__,
        inputs={"preferences": 1, "stories": 1, "model": "?"},
        options=ACCESS,
        seed=True,
    )
