"""Constraints for contexts that state none. Design choice: RLMR's prompts came with theirs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from rlcs.records import Constraint, Context


def draw_constraints(
    contexts: Iterable[Context], pool: Sequence[Constraint], most: int, seed: int
) -> list[Context]:
    """Give each context without constraints one to ``most`` of the pool, no kind twice.

    The draw depends on the context's id, the pool and the seed alone.
    """

    def drawn(context: Context) -> Context:
        if context.constraints:
            return context
        random = Random(f"constraints {seed} {context.context_id}")
        of_kind = {constraint.kind: constraint for constraint in random.sample(pool, len(pool))}
        return replace(context, constraints=tuple(of_kind.values())[: random.randint(1, most)])

    return [drawn(context) for context in contexts]
