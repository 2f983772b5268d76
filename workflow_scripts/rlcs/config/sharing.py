"""The config of what leaves the machine: licenses of exported models, and what is withheld."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rlcs.config.section import Distinct, Name, Section

Withheld = Literal["names", "texts"]


class SharingConfig(Section):
    """Licenses of exported models, and what pages and cards leave out. No training depends on it."""

    withhold: Annotated[list[Withheld], Distinct] = Field(
        default_factory=list,
        description="What report, gallery, exports and published results leave out. names: those of "
        "annotators, of files and of machines. texts: stories, contexts, requirements and analyses.",
    )
    licenses: dict[Name, str] = Field(
        default_factory=dict,
        description="License of the models that come from a base, as the Hub names it, by base. Empty: that "
        "which the base's own README states, in its folder or in the hub's cache; none if it states none.",
        examples=[{"world": "apache-2.0"}],
    )
