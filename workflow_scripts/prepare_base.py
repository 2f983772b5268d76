"""A model that training starts from: pre-trained on the tiny world, or brought by the user."""

import hashlib
from pathlib import Path
from random import Random
from typing import Any

from pydantic import TypeAdapter
from transformers import set_seed

from rlcs import errors
from rlcs.config.bases import (
    BaseConfig,
    PretrainedBaseConfig,
    RewardModelBaseConfig,
    StandInBaseConfig,
    is_reward_model,
)
from rlcs.config.judging import JudgingConfig
from rlcs.models.chat_templates import with_variables
from rlcs.models.loading import load_causal, load_scalar, load_tokenizer
from rlcs.models.packages import package_folder
from rlcs.models.stand_in import stand_in
from rlcs.stages.stage import Stage, run_stage
from rlcs.training.pretraining import pretraining_trainer
from rlcs.training.run import train
from rlcs.training.stand_in import make_literate, texts


def main(stage: Stage) -> None:
    base = TypeAdapter(BaseConfig).validate_python(stage.config["base"])
    if isinstance(base, PretrainedBaseConfig):
        with stage.artifact() as folder:
            try:
                bring(base, folder / "model", stage.checkpoints())
            except (OSError, ValueError) as error:  # a name, a file or a class that transformers cannot use
                raise errors.InputError(
                    f"cannot load the model {base.model!r}: {error}. Needed is a folder or a hub id with "
                    f"safetensors or a GGUF file (gguf_file), a tokenizer and a chat template"
                ) from error
    elif isinstance(base, StandInBaseConfig):
        with stage.artifact() as folder:
            imitate(stage, base, folder / "model")
    else:
        templates = stage.config["templates"]
        train(
            stage,
            lambda scratch: pretraining_trainer(
                base,
                Random(base.seed),
                policy_template=templates["policy"],
                judge_template=templates["judge"],
                shared=stage.config["training"],
                output_dir=scratch,
            ),
        )


def imitate(stage: Stage, base: StandInBaseConfig, folder: Path) -> None:
    """Write a stand-in as ``bring`` writes the model that it stands in for.

    Raises:
        InputError: nothing is known of that model.
    """
    scratch = stage.checkpoints()
    judging = JudgingConfig.model_validate(stage.config["judging"])
    writing, verifying = stage.config["writing"]["template"], stage.config["verifying"]
    made = texts(Random(base.seed), judging, writing, verifying)
    small, files = stand_in(
        base, locate(base.of, scratch), (f"{prompt[0]['content']} {answer}" for prompt, answer in made)
    )
    raw = scratch / "raw"
    small.save_pretrained(raw)
    template = files.tokenizer.chat_template
    files.tokenizer.chat_template = template and with_variables(template, base.of.chat_template_kwargs)
    files.tokenizer.save_pretrained(raw)
    make_literate(raw, made, steps=base.steps, seed=base.seed, scratch=scratch / "training")
    if is_reward_model(base):
        set_seed(base.seed)  # of the head's weights
        load_scalar(raw, new_head=True).save_pretrained(raw)
    bring(base.of.model_copy(update=_PLACE | {"model": str(raw)}), folder, scratch)


_PLACE: dict[str, Any] = {
    "chat_template_kwargs": {},
    "revision": None,
    "package": None,
    "gguf_file": None,
    "sha256": None,
}


def locate(base: PretrainedBaseConfig, scratch: Path) -> str:
    """The model's folder or hub id; of a package, its folder in it, once it is unpacked."""
    return base.model if base.package is None else str(package_folder(base.package, scratch) / base.model)


def bring(base: PretrainedBaseConfig, folder: Path, scratch: Path) -> None:
    """Write weights as safetensors and the tokenizer with its chat template, wherever they come from.

    Raises:
        OSError, ValueError: something is missing, broken, or not what the entry says.
    """
    model = locate(base, scratch)
    if base.gguf_file is not None and Path(model).is_dir():
        check_gguf(Path(model) / base.gguf_file, base.sha256)
    tokenizer = load_tokenizer(
        model, base.revision, gguf_file=base.gguf_file, variables=base.chat_template_kwargs
    )
    if isinstance(base, RewardModelBaseConfig):
        loaded = load_scalar(model, base.revision, dtype=base.dtype)
    else:
        loaded = load_causal(model, base.revision, gguf_file=base.gguf_file, dtype=base.dtype)
    loaded.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def check_gguf(path: Path, sha256: str | None) -> None:
    """Raises ValueError where the file is no GGUF file or, with ``sha256``, another one."""
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError(f"{path} is no GGUF file")
        file.seek(0)
        found = hashlib.file_digest(file, "sha256").hexdigest() if sha256 else None
    if found != sha256:
        raise ValueError(f"{path} has the sha256 {found}, the config says {sha256}")


if __name__ == "__main__":
    run_stage(main, __file__)
