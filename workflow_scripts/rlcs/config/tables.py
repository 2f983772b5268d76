"""The config of the tables: their rows and judges, and the claims of the effects table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from rlcs.config.section import File, Name, Names, Section
from rlcs.config.sentence_model import SentenceModelConfig
from rlcs.config.sources import HubDatasetConfig

MetricName = Literal[
    "accuracy_both_orders",
    "accuracy_both_orders_difference",
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
    """The systems of a metric: the registry of their names, the role of each, and if seeds train them."""

    registry: Literal["judges", "policies"]
    roles: tuple[str, ...]
    shows: Literal["difference", "share"]
    trained: bool = True


_COMPARED = ("the policy", "the policy it is compared with")
_COMPARED_JUDGES = ("the judge", "the judge it is compared with")
METRICS: dict[MetricName, Systems] = {
    "accuracy_both_orders": Systems("judges", ("the judge",), "share"),
    "accuracy_both_orders_difference": Systems("judges", _COMPARED_JUDGES, "difference"),
    "accuracy_difference": Systems("judges", _COMPARED_JUDGES, "difference"),
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
    """A claim, and the limits between which its 95 % interval must lie, in per cent or points."""

    claim: str = Field(description="Claim, as a sentence.", examples=["GRPO beats SFT"])
    metric: MetricName = Field(
        description="Measured quantity, in per cent or points. accuracy_difference: first judge less "
        "the second, on the "
        "same held-out pairs. accuracy_both_orders: share of pairs whose label is the story with p above one "
        "half, where p is the judge's mean over both orders, from its verdicts if it has no p. "
        "accuracy_both_orders_difference: the same of the first judge less the second. "
        "flip_rate: share of a judge's pairs whose two orders disagree. "
        "chain_correctness: that of a teacher's kept chains less that of all its chains, by a judge that "
        "knows the truth. constraints_difference: constraints kept by the first policy less the second. "
        "length_difference: the same of words, in per cent of the second. win_rate: first policy over the "
        "second, by the first judge of tables.win_rates. rewarded_violators: share of a training's violators "
        "with an advantage that is not negative, in groups in which not all violate.",
        examples=["accuracy_difference"],
    )
    systems: Names = Field(
        description="Names that the metric compares, in its order.", examples=[["genrm-grpo", "genrm-sft"]]
    )
    above: float | None = Field(
        None,
        description="Lower limit: the claim holds if the whole interval is above it. Empty: none.",
        examples=[0.0],
    )
    below: float | None = Field(
        None, description="Upper limit: the claim holds if the whole interval is below it. Empty: none."
    )
    paper: str | None = Field(None, description="Figure of the paper, as text. Empty: none.")
    at_least: float | None = Field(None, description="Size that the effect itself must reach. Empty: none.")
    note: str | None = Field(None, description="Remark for readers. Empty: none.")

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
    """The page with the policies' stories side by side."""

    contexts: int = Field(
        50, ge=1, description="Number of held-out contexts on the page, the first of the data."
    )


class HumanConfig(Section):
    """A blind comparison of the policies' stories by people."""

    pairs: int = Field(60, ge=1, description="Number of pairs on the blind sheet, as many of each policy.")
    seed: int = Field(0, description="Seed of the draw of the pairs, their order and their sides.")
    annotations: list[File] = Field(
        default_factory=list,
        description="Files that the sheet or import_label_studio.py has written. Empty: no table.",
        examples=[["annotations-ann.jsonl"]],
    )


class PivotTableConfig(Section):
    """A comparison of pivot designs with the tiny world's utility, without training."""

    judges: Names = Field(
        min_length=1,
        description="Names of the judges that compare the stories.",
        examples=[["genrm-grpo", "bt"]],
    )
    policy: Name = Field(description="Policy whose stories are compared.", examples=["sft"])
    contexts: int = Field(40, ge=1, description="Number of validation contexts, a group of stories each.")
    group_size: int = Field(
        8, ge=5, description="Stories per group; more than 4, the largest number of pivots."
    )


class AlignmentTableConfig(Section):
    """Judges against human labels on held-out pairs."""

    rows: Names = Field(
        min_length=1,
        description="Names under judges, in the table's order.",
        examples=[["genrm-sft", "genrm-grpo"]],
    )


class WinRateTableConfig(Section):
    """Policies against a reference policy."""

    rows: Names = Field(
        default_factory=list,
        description="Names under policies, two or more, in the table's order. Empty, as reference and "
        "judges: no such table.",
        examples=[["sft", "grpo"]],
    )
    reference: Name | None = Field(
        None, description="Policy that the others are compared with.", examples=["sft"]
    )
    judges: Names = Field(
        default_factory=list,
        description="Names under judges that decide. Name first one that rewards no policy.",
        examples=[["oracle", "genrm-grpo"]],
    )
    probability: Literal["hard", "soft"] = Field(
        "hard",
        description="Result of a match. hard: the mean of a judge's verdicts in both orders. soft: its p "
        "over both orders decides, which helps a judge that a position moves; its verdicts if it has no p.",
    )
    matrix_contexts: int | None = Field(
        None,
        ge=1,
        description="Number of held-out contexts on which two policies are compared if neither is the "
        "reference and no win_rate of effects compares them: such pairs grow with the square of the rows, "
        "and only the matrix and the ratings read them. Empty: all contexts.",
    )
    sentence_model: SentenceModelConfig | None = Field(
        None,
        description="Sentence-embedding model that measures how much a policy's stories differ in meaning: "
        "{package, model}. Empty, or without the package: n-grams alone measure it.",
    )

    @model_validator(mode="after")
    def _whole_or_absent(self) -> WinRateTableConfig:
        if not self.rows and not self.judges and self.reference is None:
            return self
        if len(self.rows) < 2:
            raise ValueError(f"rows are two policies or more, not {self.rows}")
        if self.reference is None:
            raise ValueError("reference: name the policy that the others are compared with")
        if not self.judges:
            raise ValueError("judges: name the judges that decide")
        return self

    @property
    def first_judge(self) -> str | None:
        """The judge that decides wherever one judge does; None without this table."""
        return self.judges[0] if self.judges else None


class BenchmarkTableConfig(Section):
    """Judges on benchmarks."""

    rows: Names = Field(
        min_length=1,
        description="Names under judges, in the table's order.",
        examples=[["genrm-grpo"]],
    )


class InjectionTableConfig(Section):
    """Judges that read stories with instructions to them (prompt injection)."""

    judges: Names = Field(
        min_length=1, description="Names under judges, in the table's order.", examples=[["genrm-grpo"]]
    )
    pairs: int = Field(50, ge=1, description="Number of held-out pairs for each injection.")


class GainTableConfig(Section):
    """Judges as rewards: their accuracy, and the gain of the policies trained with them."""

    rows: Names = Field(
        min_length=1,
        description="Names of policies, among tables.win_rates.rows, each with the reward of one judge.",
        examples=[["grpo"]],
    )


class ConstraintTableConfig(Section):
    """Policies by the constraints that their stories keep."""

    rows: Names = Field(
        min_length=1, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    verifier: Name | None = Field(
        None,
        description="Name under verifiers, for constraints that no rule can check. Empty: these stay "
        "unverified.",
    )


class IfevalTableConfig(Section):
    """Policies by the instructions that they follow in IFEval's prompts."""

    rows: Names = Field(
        min_length=1, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    prompts: File | None = Field(
        None,
        description="File in the format of IFEval's input_data.jsonl: JSON lines with key, prompt, "
        "instruction_id_list, kwargs. Empty: hub.",
        examples=["input_data.jsonl"],
    )
    hub: HubDatasetConfig | None = Field(
        None,
        description="Data set on a model hub with these columns, such as google/IFEval, in place of a file: "
        "{name, revision, config, split}.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> IfevalTableConfig:
        if (self.prompts is None) == (self.hub is None):
            raise ValueError("needs either prompts, a file, or hub, a data set on a model hub")
        return self


class TablesConfig(Section):
    """The models that the tables compare."""

    alignment: AlignmentTableConfig = Field(description="Judges against human labels on held-out pairs.")
    win_rates: WinRateTableConfig = Field(
        default_factory=WinRateTableConfig,
        description="Policies against a reference policy. Empty: no such table, in a run of judges alone.",
    )
    benchmarks: BenchmarkTableConfig | None = Field(
        None,
        description="Judges on the benchmarks of the run: {rows}. Empty: those of the table alignment, but "
        "for judges of the tiny world.",
    )
    injections: InjectionTableConfig | None = Field(
        None, description="Judges under prompt injection: {judges, pairs}. Empty: no such table."
    )
    pivots: PivotTableConfig | None = Field(
        None,
        description="Pivot designs compared with the tiny world's utility: {judges, policy, contexts, "
        "group_size}. Empty: no such table.",
    )
    gains: GainTableConfig | None = Field(
        None,
        description="Accuracy of judges, and gains of the policies that they reward: {rows}. Empty: no "
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
