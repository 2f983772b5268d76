"""A model that training starts from: pre-trained on the tiny world, or brought by the user."""

from __future__ import annotations

from random import Random

from pydantic import TypeAdapter

from rlcs import stage
from rlcs.entries import Base, PretrainedBase
from rlcs.models import load_causal, load_tokenizer
from rlcs.training import train
from rlcs.world.pretraining import pretraining


def main(this: stage.Stage) -> None:
    base = TypeAdapter(Base).validate_python(this.config["base"])
    if isinstance(base, PretrainedBase):
        with this.artifact() as folder:
            try:
                load_causal(base.model, base.revision).save_pretrained(folder / "model")
                load_tokenizer(base.model, base.revision).save_pretrained(folder / "model")
            except (OSError, ValueError) as error:  # a name, a file or a class that transformers cannot use
                raise stage.InputError(
                    f"cannot load the model {base.model!r}: {error}. Needed is a folder or a hub id with "
                    f"safetensors, a tokenizer and a chat template"
                ) from error
    else:
        templates = this.config["templates"]
        train(
            this,
            lambda scratch: pretraining(
                base,
                Random(base.seed),
                policy_template=templates["policy"],
                judge_template=templates["judge"],
                shared=this.config["training"],
                output_dir=scratch,
            ),
        )


if __name__ == "__main__":
    stage.run(main, __file__)
