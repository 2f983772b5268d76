"""Prompts with instructions from a data set on a model hub, such as IFEval's, as a file."""

from rlcs.config.sources import HubDatasetConfig
from rlcs.constraints.ifeval import read_prompts
from rlcs.data.artifacts import PROMPTS_NAME
from rlcs.data.hub import pin_revision
from rlcs.data.instructions import write_hub_prompts
from rlcs.stages.stage import Stage, log, run_stage


def main(stage: Stage) -> None:
    asked = HubDatasetConfig.model_validate(stage.config["hub"])
    hub = pin_revision(asked)
    if hub != asked:
        log.info("%s: read at %s; name it in tables.ifeval.hub.revision", hub.name, hub.revision)
    with stage.artifact() as folder:
        write_hub_prompts(hub, folder)
        log.info("%d prompts with instructions", len(read_prompts(folder / PROMPTS_NAME)))


if __name__ == "__main__":
    run_stage(main, __file__, inputs={})
