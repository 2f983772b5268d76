"""A stand-in of a rehearsal learns to answer prompts whose words it has never read."""

from random import Random

import pytest

from rlcs.config.bases import StandInBaseConfig
from rlcs.config.judging import JudgingConfig
from rlcs.data.made_up_texts import strange_text
from rlcs.models.generation import generate
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.models.stand_in import stand_in
from rlcs.planning.rehearsal import ANSWER_TOKENS
from rlcs.records import Comparison, Context
from rlcs.training.stand_in import make_literate, texts
from rlcs.verdict import parse_scores

TEMPLATE = (
    "Premise: $outline\nStory 1:\n$story_1\nStory 2:\n$story_2\nAnswer with one line such as “Scores: 8 3”."
)
WRITING = "Write a $domain.\nPremise: $outline\nRequirements: $constraints"
TOLD = "Lena found the lantern in the attic, and nobody told her; it rained for three days. Who’s there?"


def of_words(rng, number):
    return " ".join(rng.choices(TOLD.split(), k=number))


def of_signs(rng, number):
    return strange_text(rng, number) + " Ωжب" * 4


@pytest.mark.slow
@pytest.mark.parametrize("model", ["HuggingFaceTB/SmolLM2-135M-Instruct", "Qwen/Qwen2.5-7B-Instruct"])
def test_a_stand_in_writes_scores_for_stories_of_other_words_and_lengths(tmp_path, model):
    base = StandInBaseConfig(kind="stand_in", of={"kind": "pretrained", "model": model})
    judging = JudgingConfig(template=TEMPLATE)
    made = texts(Random(0), judging, WRITING, [])
    small, files = stand_in(base, model, [f"{prompt[0]['content']} {answer}" for prompt, answer in made])
    small.save_pretrained(tmp_path / "model")
    files.tokenizer.save_pretrained(tmp_path / "model")
    make_literate(tmp_path / "model", made, steps=base.steps, seed=0, scratch=tmp_path / "scratch")
    rng = Random(1)
    asked = []
    for write, number in [(of_words, 20), (of_words, 60), (of_signs, 60)] * 8:
        context = Context("c", "story", "", "", write(rng, 9), (), "test")
        asked.append(judging.prompt(Comparison("p", context, write(rng, number), write(rng, number), "ab")))
    answers = generate(
        load_causal(tmp_path / "model", dtype="float32"),
        load_tokenizer(tmp_path / "model"),
        asked,
        max_new_tokens=ANSWER_TOKENS,
        batch_size=8,
        temperature=1.0,
    )
    read = [parse_scores(answer.text, judging.scores.low, judging.scores.high) for answer in answers]
    assert sum(scores is not None for scores in read) > len(read) / 2, [answer.text for answer in answers]
    assert len(set(read)) > 3  # rewards differ
