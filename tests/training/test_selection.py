"""The best checkpoint by an independent judge: how it is measured, kept and published."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from rlcs.config.untrained_judges import LengthJudgeConfig as Entry
from rlcs.judging.rule_based import LengthJudge
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.training import selection
from rlcs.training.selection import SelectBest, Validation, wilson_interval
from rlcs.training.watch import INDEPENDENT, TRAINING

TEMPLATE = "$domain | $outline"
SAMPLING = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0}
OPTIONS = SimpleNamespace(max_completion_length=6, **SAMPLING, seed=3)


def judge(prefer):
    return LengthJudge(prefer, Entry(kind="length", prefer=prefer))


@pytest.fixture
def validation(model_folder, context):
    judges = {INDEPENDENT: judge("longer"), TRAINING: judge("shorter")}
    start = load_causal(model_folder)
    return Validation([context] * 3, TEMPLATE, judges, start, load_tokenizer(model_folder), OPTIONS)


def test_a_policy_ties_with_its_start_and_the_trainings_draws_are_left_alone(validation, model_folder):
    model = load_causal(model_folder).train()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    rates = validation.win_rates(model)
    assert (rates[INDEPENDENT], rates[TRAINING]) == (0.5, 0.5)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training


def test_each_judge_says_how_often_the_policy_wins(validation, model_folder, monkeypatch):
    model = load_causal(model_folder)
    monkeypatch.setattr(validation, "_stories", lambda *_: ["one two"] * 3)
    validation.reference = ["one", "one two", "one two three"]
    rates = validation.win_rates(model)
    assert (rates[INDEPENDENT], rates[TRAINING]) == (0.5, 0.5)
    validation.reference = ["one", "one", "one two three"]
    rates = validation.win_rates(model)
    assert (rates[INDEPENDENT], rates[TRAINING]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))


class FakeTrainer:
    """Its weights are the step that it is at."""

    def __init__(self):
        self.state = SimpleNamespace(global_step=0, max_steps=7, log_history=[])


@pytest.fixture(autouse=True)
def saved(monkeypatch):
    def save(trainer, folder, adapter, dtype):
        assert dtype == "bfloat16"
        for path in (folder, adapter):
            path.mkdir(parents=True)
            (path / "weights").write_text(str(trainer.state.global_step))

    monkeypatch.setattr("rlcs.training.selection.save_whole", save)


def trained(rates, folder, *, resume_after=None):
    """The callback after a training whose policy has these win rates by step."""
    trainer = FakeTrainer()
    fake = SimpleNamespace(
        win_rates=lambda model: {INDEPENDENT: rates[trainer.state.global_step], TRAINING: 0.5}
    )
    callback = SelectBest(fake, 2, folder / "best", trainer, "bfloat16")
    steps = list(range(1, trainer.state.max_steps + 1))
    if resume_after is not None:  # killed at step 6, and its log is back at the checkpoint's
        steps = [step for step in steps if step <= 6] + [step for step in steps if step > resume_after]
    last = 0
    for step in steps:
        if step <= last:
            kept = [entry for entry in trainer.state.log_history if entry["step"] <= resume_after]
            trainer.state.log_history = kept
        trainer.state.global_step = last = step
        callback.on_step_end(None, trainer.state, None, model=None)
    return callback


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({2: 0.6, 4: 0.7, 6: 0.8, 7: 0.9}, 7),
        ({2: 0.6, 4: 0.9, 6: 0.8, 7: 0.9}, 4),  # the earlier of equals
        ({2: 0.1, 4: 0.0, 6: 0.0, 7: 0.1}, 2),
    ],
)
@pytest.mark.parametrize("resume_after", [None, 2, 5])
def test_the_best_is_published_and_the_last_is_kept_resumed_or_not(rates, best, resume_after, tmp_path):
    callback = trained(rates, tmp_path, resume_after=resume_after)
    assert [entry["step"] for entry in callback.trainer.state.log_history] == [2, 4, 6, 7]
    artifact = tmp_path / "artifact"
    for name in ("model", "adapter"):
        (artifact / name).mkdir(parents=True)
        (artifact / name / "weights").write_text("7")
    callback.publish(artifact)
    for name, last in (("model", "last"), ("adapter", "last_adapter")):  # the adapter is the best one too
        assert (artifact / name / "weights").read_text() == str(best)
        assert (artifact / last / "weights").read_text() == "7"
        assert {path.name for path in (artifact / name).iterdir()} == {"weights"}


@pytest.mark.parametrize(
    ("every", "last", "due"), [(2, 5, [2, 4, 5]), (2, 4, [2, 4]), (9, 3, [3]), (1, 2, [1, 2])]
)
def test_a_look_at_a_policy_is_due_every_few_steps_and_at_the_end(every, last, due):
    states = [SimpleNamespace(global_step=step, max_steps=last) for step in range(1, last + 1)]
    assert [state.global_step for state in states if selection.is_due(state, every)] == due


def test_stories_are_drawn_as_in_training(monkeypatch, context):
    """A policy that is trained within a nucleus is selected within it, not by what lies outside."""
    given = {}
    monkeypatch.setattr(selection, "generate", lambda *_, **options: given.update(options) or [])
    sampling = {"temperature": 1.5, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "repetition_penalty": 1.2}
    options = SimpleNamespace(**sampling, max_completion_length=8, seed=3)
    selection.draw_stories(None, None, [context], "$outline", options)
    assert given == {**sampling, "max_new_tokens": 8, "batch_size": 1, "seed": 3}


class Engine:
    """Stands in for the trainer's vLLM: writes what transformers writes of the weights that it was given."""

    def __init__(self, model, answers):
        self.model, self.answers = model, answers
        self.synced, self.asked = 0, []

    def sync_weights(self):
        self.synced += 1

    def generate(self, prompts, images, num_generations):
        assert (images, num_generations) == (None, 1)
        assert self.synced > len(self.asked), "stories of old weights"
        self.asked.append((prompts, torch.rand(1).item()))
        return prompts, [self.answers] * len(prompts), None, None


@pytest.fixture
def vllm_options():
    return SimpleNamespace(**{**vars(OPTIONS), "vllm_max_model_length": None})


def test_the_trainers_vllm_writes_stories_with_the_policys_weights(model_folder, context, vllm_options):
    model, tokenizer = load_causal(model_folder).train(), load_tokenizer(model_folder)
    story = tokenizer("Mara used", add_special_tokens=False)["input_ids"]
    engine = Engine(model, [*story, tokenizer.eos_token_id])
    torch.manual_seed(5)
    before = torch.get_rng_state()
    for _ in range(2):
        drawn = selection.draw_stories(model, tokenizer, [context] * 2, TEMPLATE, vllm_options, engine)
        assert [(c.text, c.tokens, c.truncated) for c in drawn] == [("Mara used", len(story), False)] * 2
    assert engine.synced == 2
    assert engine.asked[0] == engine.asked[1]  # prompts and seed
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training
    (alone,) = selection.draw_stories(model, tokenizer, [context], TEMPLATE, vllm_options)
    assert alone.text != "Mara used"  # transformers, if there is no engine


def test_stories_of_vllm_that_the_limit_ends_are_truncated(model_folder, context, vllm_options):
    model, tokenizer = load_causal(model_folder), load_tokenizer(model_folder)
    (word,) = tokenizer(" rope", add_special_tokens=False)["input_ids"]
    engine = Engine(model, [word] * vllm_options.max_completion_length)
    (drawn,) = selection.draw_stories(model, tokenizer, [context], TEMPLATE, vllm_options, engine)
    assert (drawn.tokens, drawn.truncated) == (vllm_options.max_completion_length, True)


def test_prompts_that_vllm_has_no_room_for_are_not_sent(model_folder, context, vllm_options):
    model, tokenizer = load_causal(model_folder), load_tokenizer(model_folder)
    long = replace(context, outline="the rope " * 50)
    engine = Engine(model, [tokenizer.eos_token_id])
    vllm_options.vllm_max_model_length = 80
    first, second = selection.draw_stories(model, tokenizer, [long, context], TEMPLATE, vllm_options, engine)
    assert (first.text, first.truncated) == ("", True)
    assert not second.truncated
    assert len(engine.asked[0][0]) == 1


def test_win_rates_are_of_the_trainers_vllm_over_the_start(model_folder, context, vllm_options):
    model, tokenizer = load_causal(model_folder), load_tokenizer(model_folder)
    engine = Engine(model, [tokenizer.eos_token_id])
    judges = {INDEPENDENT: judge("longer"), TRAINING: judge("shorter")}
    validation = Validation([context] * 3, TEMPLATE, judges, model, tokenizer, vllm_options, engine)
    assert not engine.asked  # the start is written by transformers
    rates = validation.win_rates(model)
    assert (rates[INDEPENDENT], rates[TRAINING]) == (0, 1)  # nothing is shorter than what the start wrote


@given(st.integers(1, 200), st.floats(0, 1))
def test_an_interval_has_the_win_rate_in_it_and_is_that_of_a_share(n, share):
    rate = round(share * n) / n
    low, high = wilson_interval(rate, n)
    assert 0 <= low <= rate + 1e-12
    assert rate - 1e-12 <= high <= 1
    assert wilson_interval(1 - rate, n) == pytest.approx((1 - high, 1 - low))
    exact = binomtest(round(rate * n), n).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-4)


def test_no_verdict_at_all_is_no_knowledge():
    assert wilson_interval(0.5, 0) == (0.0, 1.0)


def test_each_win_rate_has_its_interval_and_number_of_contexts(validation, model_folder):
    rates = validation.win_rates(load_causal(model_folder))
    for metric in (INDEPENDENT, TRAINING):
        assert rates[f"{metric}_n"] == 1  # the same context three times
        assert rates[f"{metric}_low"] < rates[metric] < rates[f"{metric}_high"]


def test_the_last_weights_are_published_if_the_win_rates_are_a_curve_alone(tmp_path):
    trainer = FakeTrainer()
    fake = SimpleNamespace(win_rates=lambda model: {INDEPENDENT: 0.9, TRAINING: 0.5})
    callback = SelectBest(fake, 2, tmp_path / "best", trainer, "bfloat16", keeps_best=False)
    for trainer.state.global_step in (2, 4):
        callback.on_step_end(None, trainer.state, None, model=None)
    artifact = tmp_path / "artifact"
    (artifact / "model").mkdir(parents=True)
    callback.publish(artifact)
    assert [entry["step"] for entry in trainer.state.log_history] == [2, 4]
    assert [path.name for path in artifact.iterdir()] == ["model"]
    assert not (tmp_path / "best").exists()
