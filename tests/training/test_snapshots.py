"""What a policy writes on the way through its training."""

from types import SimpleNamespace

import pytest
import torch

from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import SNAPSHOTS, read_rows
from rlcs.training import snapshots
from rlcs.training.snapshots import SNAPSHOTS_FILE, TakeSnapshots

SAMPLING = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None, "repetition_penalty": 1.0}
OPTIONS = SimpleNamespace(max_completion_length=6, **SAMPLING, seed=3)
STEPS = 5


@pytest.fixture
def taken(model_folder, context, tmp_path):
    """After a training of five steps with stories every two, resumed from a step or not."""

    def act(resumed_at=None):
        folder = tmp_path / f"artifact{resumed_at}"
        callback = TakeSnapshots(
            [context], "$domain | $outline", load_tokenizer(model_folder), OPTIONS, 2, tmp_path / "work"
        )
        model = load_causal(model_folder).train()
        for start in (0, resumed_at):
            if start is not None:
                state = SimpleNamespace(global_step=start, max_steps=STEPS, is_world_process_zero=True)
                callback.on_train_begin(None, state, None, model=model)
                for state.global_step in range(start + 1, STEPS + 1):
                    callback.on_step_end(None, state, None, model=model)
        folder.mkdir()
        callback.publish(folder)
        return folder / SNAPSHOTS_FILE

    return act


def test_stories_of_the_start_of_every_so_many_steps_and_of_the_end(taken, context):
    rows = read_rows(taken(), SNAPSHOTS)
    assert [row["step"] for row in rows] == [0, 2, 4, 5]
    assert {row["context_id"] for row in rows} == {context.context_id}
    assert len({row["text"] for row in rows}) == 1  # the same weights and the same seed


def test_a_training_that_was_resumed_has_the_same(taken):
    assert taken().read_bytes() == taken(resumed_at=3).read_bytes()


def test_the_trainings_draws_and_mode_are_left_alone(model_folder, context, tmp_path):
    callback = TakeSnapshots([context], "$outline", load_tokenizer(model_folder), OPTIONS, 2, tmp_path)
    model = load_causal(model_folder).train()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    state = SimpleNamespace(global_step=0, max_steps=STEPS, is_world_process_zero=True)
    callback.on_train_begin(None, state, None, model=model)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training


def test_the_trainers_vllm_writes_them_where_there_is_one(model_folder, context, tmp_path, monkeypatch):
    engine, asked = object(), []
    monkeypatch.setattr(snapshots, "draw_stories", lambda *given: asked.append(given[-1]) or [])
    tokenizer = load_tokenizer(model_folder)
    callback = TakeSnapshots([], "$outline", tokenizer, OPTIONS, 2, tmp_path, engine)
    state = SimpleNamespace(global_step=0, max_steps=STEPS, is_world_process_zero=True)
    callback.on_train_begin(None, state, None, model=None)
    assert asked == [engine]
