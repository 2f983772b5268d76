"""Verdict SFT: which tokens are scores, what the loss weighs, and that a model learns the labels."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from trl import SFTConfig, SFTTrainer

import train_genrm_verdicts
from rlcs.config.judging import ScoresConfig
from rlcs.config.prompts import assistant, user
from rlcs.data.artifacts import JUDGEMENTS_FILE
from rlcs.data.preferences import Preferences, write_preferences
from rlcs.errors import InputError
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import HISTORY, Judgement, read_rows
from rlcs.stages.stage import Stage
from rlcs.training.verdicts import (
    IGNORED,
    VerdictTrainer,
    count_score_tokens,
    numeric_tokens,
    score_mask,
    verdict_loss,
)

SCORES = ScoresConfig(low=1, high=9)
OPTIONS = {"use_cpu": True, "bf16": False, "report_to": [], "logging_steps": 1, "max_length": None}


def test_the_scores_are_the_numbers_of_the_last_line(tokenizer):
    text = "outline map map yes 2\nScores: 6 4"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    numeric = numeric_tokens(tokenizer)
    count = count_score_tokens(tokenizer, numeric, SCORES)
    labels = torch.tensor([[IGNORED, *ids, tokenizer.eos_token_id, IGNORED]])
    marked = labels[score_mask(labels, numeric, count)]
    assert tokenizer.decode(marked).split() == ["6", "4"]


def test_the_only_score_of_a_story_is_the_number_of_the_last_line(tokenizer):
    ids = tokenizer("outline map map yes 2\nScore: 6", add_special_tokens=False)["input_ids"]
    numeric = numeric_tokens(tokenizer)
    count = count_score_tokens(tokenizer, numeric, SCORES, "story")
    labels = torch.tensor([[IGNORED, *ids, tokenizer.eos_token_id]])
    assert tokenizer.decode(labels[score_mask(labels, numeric, count)]).split() == ["6"]


def test_numbers_of_the_prompt_are_no_scores(tokenizer):
    numeric = numeric_tokens(tokenizer)
    six = tokenizer("6", add_special_tokens=False)["input_ids"][-1]
    labels = torch.tensor([[IGNORED, IGNORED, six, IGNORED]])
    assert score_mask(labels, numeric, 2).tolist() == [[False, False, True, False]]


class _OddTokenizer:
    """Writes 10 as one token of no digits, so the label's score lines differ."""

    def __call__(self, lines, **_):
        return {"input_ids": [[0] * (1 + ("5 5" in line)) for line in lines]}


def test_a_tokenizer_whose_scores_cannot_be_told_apart_is_refused():
    with pytest.raises(InputError, match=r"'Scores: 6 4' with 1, .*'Scores: 5 5' with 2 .*within 0 to 9"):
        count_score_tokens(_OddTokenizer(), torch.tensor([True]), SCORES)


@given(st.integers(1, 4), st.integers(2, 8), st.floats(0, 3), st.floats(0.1, 5), st.randoms())
def test_each_example_weighs_its_analysis_and_its_scores_by_their_means(rows, width, w_a, w_s, rng):
    losses = torch.tensor([[rng.random() for _ in range(width)] for _ in range(rows)])
    scores = torch.zeros(rows, width, dtype=torch.bool)
    scores[:, -1] = True
    others = ~scores
    loss, analysis, score = verdict_loss(losses, scores, others, w_a, w_s)
    assert analysis.item() == pytest.approx(losses[:, :-1].mean(1).mean().item(), abs=1e-5)
    assert score.item() == pytest.approx(losses[:, -1].mean().item(), abs=1e-5)
    assert loss.item() == pytest.approx(w_a * analysis.item() + w_s * score.item(), abs=1e-5)


def test_an_example_without_an_analysis_has_the_loss_of_its_scores():
    losses, scores = torch.tensor([[2.0, 4.0]]), torch.tensor([[True, True]])
    loss, *_ = verdict_loss(losses, scores, ~scores, 1.0, 4.0)
    assert loss.item() == 12.0


EXAMPLES = [
    {
        "prompt": user("Mara lost the ring" if i % 2 else "At the mill the wolf"),
        "completion": assistant("outline map yes 2\nScores: 6 4" if i % 2 else "wolf\nScores: 4 6"),
    }
    for i in range(8)
]


def trainer(model_folder, tmp_path, cls, **options):
    return cls(
        model=load_causal(model_folder),
        args=SFTConfig(output_dir=str(tmp_path), seed=1, **{**OPTIONS, **options}),
        train_dataset=Dataset.from_list(EXAMPLES),
        processing_class=load_tokenizer(model_folder),
    )


@pytest.mark.slow
def test_micro_batches_add_up_to_the_batch(model_folder, tmp_path):
    """The gradient of a step is that of its examples, however many forward passes they take."""
    made = partial(VerdictTrainer, scores=SCORES, analysis_weight=1.0, score_weight=4.0)
    options = {"max_steps": 1, "learning_rate": 0.5, "optim": "sgd", "max_grad_norm": 0.0}
    options |= {"train_sampling_strategy": "sequential", "lr_scheduler_type": "constant"}
    weights = []
    for batch, steps in ((8, 1), (2, 4)):
        run = trainer(
            model_folder,
            tmp_path / str(batch),
            made,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=steps,
            **options,
        )
        run.train()
        weights.append(torch.cat([p.detach().flatten() for p in run.model.parameters()]))
    start = torch.cat([p.detach().flatten() for p in load_causal(model_folder).parameters()])
    assert (weights[0] - start).abs().max() > 1e-3
    assert torch.allclose(weights[0], weights[1], atol=1e-5)


@pytest.mark.slow
def test_with_equal_weights_of_all_tokens_it_is_the_cross_entropy(model_folder, tmp_path):
    """One example of which analysis and scores weigh as their tokens: TRL's own loss."""
    batch = {"per_device_train_batch_size": 1}
    made = partial(VerdictTrainer, scores=SCORES, analysis_weight=1.0, score_weight=1.0)
    ours, theirs = (
        trainer(model_folder, tmp_path / cls, kind, **batch)
        for cls, kind in (("ours", made), ("theirs", SFTTrainer))
    )
    for run in (ours, theirs):
        run.model.eval()
    inputs = ours.data_collator([ours.train_dataset[1]])
    with torch.no_grad():
        ours.compute_loss(ours.model, dict(inputs))
        plain = theirs.compute_loss(theirs.model, dict(inputs))
    parts = {name: ours._metrics["eval"][name][-1] for name in ("analysis_loss", "score_loss")}
    tokens = int((inputs["labels"] != IGNORED).sum())
    assert (parts["analysis_loss"] * (tokens - 2) + parts["score_loss"] * 2) / tokens == pytest.approx(
        plain.item(), rel=1e-4
    )


@pytest.fixture
def inputs(tmp_path, context):
    """Preferences of two pairs and a model's analyses of them, as artifacts."""
    folders = {name: tmp_path / name for name in ("preferences", "analyses")}
    for folder in folders.values():
        folder.mkdir()
    pairs = [
        {
            "pair_id": f"p{i}",
            "context_id": context.context_id,
            "story_a": "A wolf.",
            "story_b": "So Mara won.",
        }
        | {"label": "b", "source": "human"}
        for i in range(2)
    ]
    write_preferences(folders["preferences"], [context], pairs, [], [])
    return folders


def stage_of(inputs, model_folder, judging, output, **entry):
    config = {
        "judge": {"kind": "generative", "train": "verdicts", "from": "genrm-sft"}
        | {"training": {"max_steps": 20, "per_device_train_batch_size": 4, "learning_rate": 1e-2}}
        | entry,
        "judging": {
            "template": judging.template,
            "story_template": "$outline\n1: $story",
            "scores": {"low": 1, "high": 9},
        },
        "training": {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1},
    }
    manifests = {name: (folder / "manifest.json",) for name, folder in inputs.items()}
    manifests |= {"model": (model_folder.parent / "manifest.json",), "consensus": ()}
    for manifest in (path for paths in manifests.values() for path in paths):
        manifest.write_text(json.dumps({"files": {}}))
    return Stage("verdicts", Path(train_genrm_verdicts.__file__), config, manifests, output, 1, {})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reads", "raw", "lora"),
    [
        ("pair", "wolf\nScores: 7 2", None),
        ("pair", "wolf\nScores: 7 2", {"r": 4}),
        ("story", "wolf\nScore: 7", None),
    ],
)
def test_the_stage_learns_the_labels_scores(inputs, model_folder, judging, tmp_path, reads, raw, lora):
    analyses = [
        Judgement(f"p{i}", order, "genrm-sft", "a", raw=raw) for i in range(2) for order in ("ab", "ba")
    ]
    JUDGEMENTS_FILE.write(inputs["analyses"], analyses)
    output = tmp_path / "out" / "manifest.json"
    train_genrm_verdicts.main(stage_of(inputs, model_folder, judging, output, reads=reads, lora=lora))
    rows = read_rows(output.parent / "history.parquet", HISTORY)
    losses = [row["value"] for row in rows if row["metric"] == "score_loss"]
    assert losses[-1] < losses[0] / 2
    assert {"analysis_loss", "loss"} <= {row["metric"] for row in rows}
    trained = load_causal(output.parent / "model").state_dict()
    start = load_causal(model_folder).state_dict()
    assert any(not torch.equal(trained[name], start[name]) for name in start)


def test_analyses_that_cannot_be_read_stop_the_stage(inputs, model_folder, judging, tmp_path):
    analyses = [
        Judgement(f"p{i}", order, "genrm-sft", "none", raw="wolf wolf")
        for i in range(2)
        for order in ("ab", "ba")
    ]
    JUDGEMENTS_FILE.write(inputs["analyses"], analyses)
    stage = stage_of(inputs, model_folder, judging, tmp_path / "out" / "manifest.json")
    with pytest.raises(InputError, match=r"none of 4 analyses .* genrm-sft must write"):
        train_genrm_verdicts.main(stage)
    assert len(Preferences(inputs["preferences"]).pairs()) == 2
