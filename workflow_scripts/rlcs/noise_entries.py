"""How often a judge is wrong, as measured: part of a reward's entry."""

from __future__ import annotations

from pydantic import Field, model_validator

from rlcs.options import Section


class Noise(Section):
    """How often a judge names the story shown first."""

    hit: float = Field(ge=0, le=1, description="Where the first story is the better one.", examples=[0.85])
    false: float = Field(ge=0, le=1, description="Where it is the worse one.", examples=[0.2])

    @model_validator(mode="after")
    def _better_than_chance(self) -> Noise:
        if self.hit <= self.false:
            raise ValueError(f"hit {self.hit} must be above false {self.false}, or verdicts say nothing")
        return self
