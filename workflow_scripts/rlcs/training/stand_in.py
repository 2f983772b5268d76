"""Literacy for a stand-in: it learns to end a text, to write scores and to say yes or no, on made-up texts.

A model with random weights never ends its answer: no answer can be read, no filter keeps a chain, and every
reward is the same. After some hundred steps a part of its answers can be read, which is what a rehearsal
needs. Half of the prompts have words that no other has, as a person's own texts do. It learns nothing about
stories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from trl import SFTConfig, SFTTrainer

from rlcs.config.judging import JudgingConfig
from rlcs.config.prompts import Messages, policy_prompt, verifier_prompt
from rlcs.data.made_up_texts import made_up_prompt, made_up_story, strange_text
from rlcs.models.generation import encode
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import Comparison, Context
from rlcs.verdict import score_line
from rlcs.world.grammar import sample_context, write_story

EXAMPLES = 600
_BATCH, _RATE, _WARMUP = 12, 5e-3, 10
_MADE_UP = 0.5  # share of texts like the pairs of a rehearsal without data; the others are like the world's
# Share of prompts with words that no other text has: what a person's own texts are to a stand-in
_STRANGE, _WORDS = 0.5, 30
_SHARPER = 2.0  # times the logits: few samples of so small a model can be read, since it is never sure
_THOUGHT = "Hm.\n</think>\n\n"

PromptAndAnswer = tuple[Messages, str]


def texts(
    rng: Random, judging: JudgingConfig, writing: str, verifying: Sequence[str]
) -> list[PromptAndAnswer]:
    """Make prompts of the run's own templates, and answers in the form that each asks for.

    Args:
        writing: template of policies.
        verifying: templates of verifiers.
    """
    return [
        _text(rng, sample_context(rng, f"rehearsal-{n}", "train"), judging, writing, verifying)
        for n in range(EXAMPLES)
    ]


def _text(
    rng: Random, context: Context, judging: JudgingConfig, writing: str, verifying: Sequence[str]
) -> PromptAndAnswer:
    first, second = (write_story(rng, context, rng.random()) for _ in range(2))
    if rng.random() < _MADE_UP:
        outline = made_up_prompt(rng.randrange(EXAMPLES))
        context = replace(context, characters="", previous_plot="", outline=outline, constraints=())
        first, second = (made_up_story(rng, rng.randint(1, 6)) for _ in range(2))
    shown = [first, second]
    if rng.random() < _STRANGE:
        context = replace(context, outline=strange_text(rng, _WORDS))
        shown = [strange_text(rng, _WORDS) for _ in range(2)]
    scores = [rng.randint(judging.scores.low, judging.scores.high) for _ in range(2)]
    kind = rng.random()
    if kind < 0.3:
        return policy_prompt(writing, context), first
    if kind < 0.5 and verifying:
        prompt = verifier_prompt(rng.choice(verifying), context, "Use no commas.", shown[0])
        return prompt, f"So.\nVerdict: {rng.choice(['yes', 'no'])}"
    comparison = Comparison("rehearsal", context, shown[0], shown[1], "ab")
    if kind < 0.6 and judging.story_template is not None:
        return judging.prompt(comparison, "story"), f"Good.\n{score_line(scores[0])}"
    better = "first" if scores[0] > scores[1] else "second"
    return judging.prompt(comparison), f"The {better} is better.\n{score_line(*scores)}"


def tokenized(tokenizer: PreTrainedTokenizerBase, made: Sequence[PromptAndAnswer]) -> list[dict[str, Any]]:
    """Tokens of prompts and answers, as a model writes them: behind the thought that its template opens."""
    rows = []
    for prompt, (_, answer) in zip(encode(tokenizer, [prompt for prompt, _ in made]), made, strict=True):
        thought = _THOUGHT if tokenizer.decode(prompt).rstrip().endswith("<think>") else ""
        written = tokenizer(thought + answer, add_special_tokens=False)["input_ids"]
        written = [*written, tokenizer.eos_token_id]
        mask = [0] * len(prompt) + [1] * len(written)
        rows.append({"input_ids": [*prompt, *written], "completion_mask": mask})
    return rows


def make_literate(
    folder: Path, made: Sequence[PromptAndAnswer], *, steps: int, seed: int, scratch: Path
) -> None:
    """Train the model of a folder on texts, on the CPU, and write its weights back.

    Its config files stay as they are: TRL sets a pad token in the config of a model that it trains.
    """
    tokenizer = load_tokenizer(folder)
    options = SFTConfig(
        output_dir=str(scratch),
        max_steps=steps,
        per_device_train_batch_size=_BATCH,
        learning_rate=_RATE,
        warmup_steps=_WARMUP,
        train_sampling_strategy="group_by_length",
        max_length=None,
        completion_only_loss=True,  # else the templates' tokens outweigh those of the answers
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        report_to="none",
        logging_steps=20,
        seed=seed,
    )
    trainer = SFTTrainer(
        model=load_causal(folder, dtype="float32"),
        args=options,
        train_dataset=Dataset.from_list(tokenized(tokenizer, made)),
        processing_class=tokenizer,
    )
    trainer.train()
    model = load_causal(folder)
    model.load_state_dict(trainer.model.state_dict())
    with torch.no_grad():
        model.get_decoder().norm.weight.mul_(_SHARPER)
    config = {name: (folder / name).read_bytes() for name in ("config.json", "generation_config.json")}
    model.save_pretrained(folder)
    for name, content in config.items():
        (folder / name).write_bytes(content)
