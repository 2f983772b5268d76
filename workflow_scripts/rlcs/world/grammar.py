"""Contexts and stories of the tiny world, and the reading that finds the hidden factors in a text.

The hidden factors are the rubric's dimensions, each a few slots that a text fills or misses:

=============  ==========================================================  =====
dimension      slots                                                       count
=============  ==========================================================  =====
outline        the outline's place, foe and tool                           0-3
character      the hero's trait; the hero's name still at the end          0-2
coherence      the lost item is the one found; the tool used is used again 0-2
originality    distinct vivid words (at most 2 count)                      0-2
engagement     distinct feelings (at most 2 count)                         0-2
=============  ==========================================================  =====

Constraints are verified by ``rlcs.constraints`` and belong to no dimension. All of this is a design choice.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rlcs.records import Constraint, Context, Split
from rlcs.world import lexicon as words

DIMENSIONS = ("outline", "character", "coherence", "originality", "engagement")
SLOTTED = DIMENSIONS[:3]
UNFILLED = "none"
VIVID_CAP = 2
FEELING_CAP = 2


class Slot(NamedTuple):
    """A word that the story should have, and the one in its place (``none`` where there is none)."""

    wanted: str
    found: str

    @property
    def filled(self) -> bool:
        return self.wanted == self.found != UNFILLED


@dataclass(frozen=True)
class Reading:
    """Evidence in a text, per dimension; its number of words, and how many sentences it repeats."""

    outline: tuple[Slot, ...]
    character: tuple[Slot, ...]
    coherence: tuple[Slot, ...]
    originality: tuple[str, ...]
    engagement: tuple[str, ...]
    words: int = 0
    repeated: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Filled slots, or words found, by dimension."""
        slotted = {name: getattr(self, name) for name in SLOTTED}
        return {name: sum(slot.filled for slot in slots) for name, slots in slotted.items()} | {
            "originality": len(self.originality),
            "engagement": len(self.engagement),
        }


@dataclass(frozen=True)
class Premise:
    """A context's fields, taken apart."""

    name: str
    trait: str
    item: str
    place: str
    foe: str
    tool: str


def premise(context: Context) -> Premise:
    """The words that a story must keep to.

    Raises:
        ValueError: the context is not one of ``sample_context``.
    """
    found = re.fullmatch(r"(\w+) the (\w+)", context.characters)
    lost = re.fullmatch(r"\w+ lost the (\w+)", context.previous_plot)
    beats = context.outline.split(", ")
    if found is None or lost is None or len(beats) != 3:
        raise ValueError(f"context {context.context_id!r} does not come from the tiny world")
    return Premise(found[1], found[2], lost[1], *beats)


def sample_context(rng: random.Random, context_id: str, split: Split) -> Context:
    """A hero with a trait, a lost item, three beats, a sentence limit and, at times, a required word."""
    domain = rng.choice(words.DOMAINS)
    name = rng.choice(words.HEROES[domain])
    constraints = [Constraint("max_sentences", {"n": rng.choice((4, 5))})]
    if rng.random() < 0.35:
        constraints.append(Constraint("required_word", {"word": rng.choice(words.REQUIRED)}))
    beats = (rng.choice(words.PLACES), rng.choice(words.FOES[domain]), rng.choice(words.TOOLS))
    return Context(
        context_id=context_id,
        domain=domain,
        characters=f"{name} the {rng.choice(words.TRAITS)}",
        previous_plot=f"{name} lost the {rng.choice(words.ITEMS)}",
        outline=", ".join(beats),
        constraints=tuple(constraints),
        split=split,
    )


def write_story(rng: random.Random, context: Context, skill: float) -> str:
    """A story whose every slot is right with probability ``skill`` (in [0, 1]), each drawn by itself.

    Whether it pads, repeats itself or uses the required word depends on ``skill`` more weakly.
    """
    wanted = premise(context)

    def slot(right: str, choices: Sequence[str]) -> str:
        return right if rng.random() < skill else rng.choice([word for word in choices if word != right])

    def noun(word: str) -> str:
        vivid = f"{rng.choice(words.VIVID)} " if rng.random() < 0.6 * skill else ""
        return f"the {vivid}{word}"

    name, tool = wanted.name, slot(wanted.tool, words.TOOLS)
    trait = slot(wanted.trait, words.TRAITS)
    place = slot(wanted.place, words.PLACES)
    foe = slot(wanted.foe, words.FOES[context.domain])
    last_name = slot(name, words.HEROES[context.domain])
    required = [c.parameters["word"] for c in context.constraints if c.kind == "required_word"]
    word = required[0] if required and rng.random() < 0.55 + 0.3 * skill else None
    if word is None and rng.random() < 0.2:
        word = rng.choice(words.REQUIRED)
    by = f" by the {word}" if word else ""

    sentences = [f"At the {place} {trait} {name} met {noun(foe)}.", f"{name} used {noun(tool)}{by}."]
    if rng.random() < 0.4 + 0.4 * skill:
        feelings = rng.sample(words.FEELINGS, 2 if rng.random() < skill else 1)
        sentences.append(f"Then {name} felt {' and '.join(feelings)}.")
    sentences += [f"{name} walked on."] * (rng.random() < 0.25)
    sentences += [rng.choice(sentences)] * (rng.random() < 0.45 - 0.3 * skill)
    ending = f"With the {slot(tool, words.TOOLS)} " if rng.random() < 0.5 + 0.4 * skill else "So "
    sentences.append(f"{ending}{last_name} won {noun(slot(wanted.item, words.ITEMS))}.")
    return " ".join(sentences)


def read_story(context: Context, text: str) -> Reading:
    """The hidden factors of any text, exactly: the first word of a kind fills its slot, and only the first.

    A wrong, a missing and a repeated word count nothing, so that listing words wins nothing.
    """
    wanted = premise(context)
    tokens = re.findall(r"\w+", text)
    sentences = [part.strip().lower() for part in re.split(r"[.!?]+", text) if part.strip()]

    def mentions(kind: Sequence[str]) -> list[str]:
        return [word for word in tokens if word in kind]

    def first(found: Sequence[str]) -> str:
        return found[0] if found else UNFILLED

    def listed(kind: Sequence[str], cap: int) -> tuple[str, ...]:
        return tuple(dict.fromkeys(mentions(kind)))[:cap]

    tools, names = mentions(words.TOOLS), mentions(words.NAMES)
    return Reading(
        outline=(
            Slot(wanted.place, first(mentions(words.PLACES))),
            Slot(wanted.foe, first(mentions(words.FOE_NAMES))),
            Slot(wanted.tool, first(tools)),
        ),
        character=(Slot(wanted.trait, first(mentions(words.TRAITS))), Slot(wanted.name, first(names[::-1]))),
        coherence=(Slot(wanted.item, first(mentions(words.ITEMS))), Slot(first(tools), first(tools[1:]))),
        originality=listed(words.VIVID, VIVID_CAP),
        engagement=listed(words.FEELINGS, FEELING_CAP),
        words=len(tokens),
        repeated=len(sentences) - len(set(sentences)),
    )
