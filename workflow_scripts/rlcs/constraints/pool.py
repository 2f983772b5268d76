"""Constraints for contexts that state none (our choice; RLMR's prompts came with theirs)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from rlcs.records import Constraint, Context


def draw_constraints(
    contexts: Iterable[Context], pool: Sequence[Constraint], most: int, seed: int
) -> list[Context]:
    """Contexts, each with one to ``most`` constraints of the pool if it had none, and no kind twice.

    What a context gets depends on its id, the pool and the seed alone.
    """

    def drawn(context: Context) -> Context:
        if context.constraints:
            return context
        random = Random(f"constraints {seed} {context.context_id}")
        of_kind = {constraint.kind: constraint for constraint in random.sample(pool, len(pool))}
        return replace(context, constraints=tuple(of_kind.values())[: random.randint(1, most)])

    return [drawn(context) for context in contexts]
