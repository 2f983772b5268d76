"""Pre-training examples: they stand in for the literacy of a pre-trained model.

A model of half a million parameters cannot learn from 1,200 chains how to read. A real run starts from a
language model that can; the tiny run gives its base models that much and no more: they learn to write (as
badly as the grammar), to copy, to read one story and to read two, and see no verdict and no label. Scores
they see as numbers drawn at random, from which they can learn where scores stand and that the last line
repeats them, and nothing about stories: otherwise a third of the score lines contradict their own chains.
Copying is learned in that form too: on stories alone, a model learns to repeat half of the scores.
"""

import random

from rlcs.config.prompts import Messages, assistant, judge_prompt, policy_prompt, user
from rlcs.records import Context
from rlcs.verdict import score_line
from rlcs.world import lexicon as words
from rlcs.world.grammar import read_story, sample_context, write_story
from rlcs.world.teacher import chain, describe

PretrainingExample = dict[str, Messages]
_Text = tuple[Messages, Messages]  # prompt and completion

# Short enough for the tiny models; config/tiny.yaml carries copies.
POLICY_TEMPLATE = "$domain | $characters | $previous_plot | $outline | $constraints"
JUDGE_TEMPLATE = f"{POLICY_TEMPLATE}\n1: $story_1\n2: $story_2"
READING_TEMPLATE = f"{POLICY_TEMPLATE}\n1: $story_1"
"""One story to read: only the literacy examples use it."""

SHARES = (0.1, 0.15, 0.75)
"""Of the texts about single stories: written, copied, read."""
_WORDS = (
    *words.NAMES,
    *words.FOE_NAMES,
    *words.TRAITS,
    *words.PLACES,
    *words.TOOLS,
    *words.ITEMS,
    *words.VIVID,
    *words.FEELINGS,
    *words.REQUIRED,
)


def sample_skill(rng: random.Random) -> float:
    """A writer's skill: wide, so that a judge also knows stories better than any in the preferences."""
    return rng.uniform(0.25, 1.0)


def _story(rng: random.Random, context: Context) -> str:
    return write_story(rng, context, sample_skill(rng))


def _write(rng: random.Random, context: Context, policy_template: str, _: str) -> _Text:
    return policy_prompt(policy_template, context), assistant(_story(rng, context))


def _copy(rng: random.Random, _context: Context, _policy: str, _judge: str) -> _Text:
    scores = rng.randint(1, 9), rng.randint(1, 9)
    texts = [f"{' '.join(rng.choices(_WORDS, k=rng.randint(4, 16)))} score {score}" for score in scores]
    return user(f"copy: {' '.join(texts)}"), assistant(f"1 {texts[0]}\n2 {texts[1]}\n{score_line(*scores)}")


def _read(rng: random.Random, context: Context, _policy: str, _judge: str) -> _Text:
    story = _story(rng, context)
    prompt = judge_prompt(READING_TEMPLATE, {}, context, story, "")
    return prompt, assistant(f"1 {describe(read_story(context, story))}")


def _read_pair(rng: random.Random, context: Context, _: str, judge_template: str) -> _Text:
    stories = _story(rng, context), _story(rng, context)
    scores = rng.randint(1, 9), rng.randint(1, 9)
    readings = [read_story(context, story) for story in stories]
    return judge_prompt(judge_template, {}, context, *stories), assistant(chain(readings, scores))


def examples(
    rng: random.Random,
    singles: int,
    pairs: int,
    policy_template: str = POLICY_TEMPLATE,
    judge_template: str = JUDGE_TEMPLATE,
) -> list[PretrainingExample]:
    """Prompt-completion conversations (TRL's format), easy ones first: train on them in this order.

    Args:
        singles: texts about one story or none (written, copied, read).
        pairs: texts that read two stories as a judge's chain does, with random scores.
    """
    makers = [*rng.choices((_write, _copy, _read), SHARES, k=singles), *[_read_pair] * pairs]
    texts = (
        make(rng, sample_context(rng, f"literacy-{index}", "train"), policy_template, judge_template)
        for index, make in enumerate(makers)
    )
    return [{"prompt": prompt, "completion": completion} for prompt, completion in texts]
