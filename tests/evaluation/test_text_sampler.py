"""Texts of policies: by the model in process and by an endpoint, the same rows and the same draws again."""

import json
from types import SimpleNamespace

import pytest

from endpoint_server import Server, always, first, ok, status
from rlcs.config.prompts import user
from rlcs.config.writing import SamplingConfig
from rlcs.evaluation.text_sampler import request_parameters, sample_texts
from rlcs.models.generation import generate
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.records import RESPONSES, STORIES

pytest_plugins = ["endpoint_fixtures"]
SAMPLING = {"temperature": 1.0, "top_p": 0.9, "max_new_tokens": 8}


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        ({}, {"temperature": 1.0, "top_p": 0.9, "max_tokens": 8}),
        ({"temperature": 0.2}, {"temperature": 0.2, "top_p": 0.9, "max_tokens": 8}),
        ({"temperature": None, "top_p": None}, {"max_tokens": 8}),
        ({"max_completion_tokens": 99}, {"temperature": 1.0, "top_p": 0.9, "max_completion_tokens": 99}),
        ({"seed": 3}, {"temperature": 1.0, "top_p": 0.9, "max_tokens": 8, "seed": 3}),
    ],
)
def test_the_runs_sampling_is_sent_unless_the_entry_says_otherwise(own, sent):
    assert request_parameters(SamplingConfig(**SAMPLING), own) == sent


def stage_of(tmp_path, *, seed=1, samples=1, name="c", folder=None, server=None, failures=1.0, **sampling):
    shards = tmp_path / f"shards-{name}-{seed}"
    shards.mkdir(exist_ok=True)
    config = {"policy": "vendor", "sampling": SAMPLING | {"samples": samples} | sampling}
    reaching = {}
    if server is not None:
        config["endpoint"] = {"backend": "openai", "model": "m", "sampling": {}}
        reaching = {"base_url": server.url, "timeout": 5, "attempts": 2, "backoff": 0.01}
        reaching["max_failure_share"] = failures
    options = {"answers": str(tmp_path / "answers" / "policies" / "vendor"), "endpoint": json.dumps(reaching)}
    return SimpleNamespace(
        config=config,
        options=options,
        seed=seed,
        folder=lambda _: folder,
        checkpoints=lambda: shards,
    )


PROMPTS = [({"context_id": f"c{n}", "policy": "vendor"}, user(f"Tale {n}")) for n in range(3)]


def sample(stage, purpose="stories"):
    return sample_texts(stage, PROMPTS, STORIES, purpose=purpose, title="t")


def test_each_sample_seed_and_purpose_of_an_endpoint_is_an_answer_of_its_own(tmp_path):
    with Server(always(ok(" A story. "))) as server:
        rows = sample(stage_of(tmp_path, samples=2, server=server))
        assert [(row["context_id"], row["sample"]) for row in rows] == [
            (f"c{n}", k) for n in range(3) for k in range(2)
        ]
        assert {(row["text"], row["tokens"], row["truncated"]) for row in rows} == {("A story.", 10, False)}
        assert len(server.asked) == 6
        sample(stage_of(tmp_path, samples=2, server=server, name="again"))
        assert len(server.asked) == 6  # kept answers
        sample(stage_of(tmp_path, samples=2, server=server, seed=2))
        sample(stage_of(tmp_path, samples=2, server=server, name="other"), "candidates")
        assert len(server.asked) == 18
        assert (
            server.requests[0][2]
            == {
                "model": "m",
                "messages": user("Tale 0"),
                "temperature": 1.0,
                "top_p": 0.9,
                "max_tokens": 8,
            }
            or len(server.requests) == 18
        )  # threads: the first need not be of the first prompt


def test_a_prompt_without_an_answer_has_no_row_and_is_counted(tmp_path, caplog):
    refusing = first(status(400), then=ok("A story."))
    with Server(lambda prompt, attempt: refusing(prompt, attempt) if "1" in prompt else ok("S")) as server:
        rows = sample(stage_of(tmp_path, server=server))
    assert [row["context_id"] for row in rows] == ["c0", "c2"]
    assert "1 of 3 texts are missing" in caplog.text


def test_a_model_in_process_writes_what_generate_writes(tmp_path, model_folder):
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "model").symlink_to(model_folder)
    greedy = sample(stage_of(tmp_path, folder=folder, temperature=0.0, batch_size=2))
    alone = generate(
        load_causal(model_folder),
        load_tokenizer(model_folder),
        [prompt for _, prompt in PROMPTS],
        max_new_tokens=8,
        batch_size=3,
    )
    assert [(row["text"], row["truncated"]) for row in greedy] == [(c.text, c.truncated) for c in alone]
    one, two = (sample(stage_of(tmp_path, folder=folder, samples=3, name=name)) for name in ("one", "two"))
    assert one == two
    other = sample(stage_of(tmp_path, folder=folder, samples=3, seed=2))
    assert [row["text"] for row in one] != [row["text"] for row in other]
    assert len({row["text"] for row in one if row["context_id"] == "c0"}) > 1


def test_answers_to_instructions_have_no_samples(tmp_path, model_folder):
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "model").symlink_to(model_folder)
    prompts = [({"key": "1", "policy": "vendor"}, user("Tale"))]
    (row,) = sample_texts(
        stage_of(tmp_path, folder=folder), prompts, RESPONSES, purpose="instructions", title="t"
    )
    assert set(row) == set(RESPONSES.names)
