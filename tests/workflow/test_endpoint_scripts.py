"""Stages with an endpoint as they are run: killed, forced anew, stopped by a server that does not answer."""

import json
import re
import shutil
import subprocess
import sys
import time

import pytest

import forked
from endpoint_server import KEY, VARIABLE, Server, always, entry, first, ok, status
from paths import SCRIPTS
from rlcs.judging.answers import AnswerStore
from rlcs.planning import stage_configs
from rlcs.records import HISTORY, PAIRS, Context, read_judgements, read_rows, write_contexts, write_rows
from rlcs.world.literacy import JUDGE_TEMPLATE, POLICY_TEMPLATE

pytest_plugins = ["endpoint_fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("planted_key")]

JUDGING = {"template": JUDGE_TEMPLATE, "rubrics": {}, "scores": {"low": 1, "high": 9}}


@pytest.fixture
def preferences(tmp_path):
    """Contexts and pairs as ``ingest`` writes them."""
    folder = tmp_path / "preferences"
    folder.mkdir()
    contexts = [
        Context(
            f"c{n}", "quest", "Mara the brave", "Mara lost the ring", f"mill, wolf, rope {n}", (), "train"
        )
        for n in range(20)
    ]
    write_contexts(folder / "contexts.parquet", contexts)
    pairs = [
        {"pair_id": f"p{c.context_id}", "context_id": c.context_id, "story_a": f"A wolf, {c.context_id}."}
        | {"story_b": "So Mara won.", "label": "a", "source": "human"}
        for c in contexts
    ]
    write_rows(folder / "pairs.parquet", pairs, PAIRS)
    (folder / "manifest.json").write_text("{}")
    return folder / "manifest.json"


def arguments(script, section, server, here, *more, **changes):
    teacher = json.loads(entry(server, **changes).model_dump_json())
    asking = {name: value for name, value in teacher.items() if name not in stage_configs._QUESTION}
    python = sys.executable
    if script == "train_policy_grpo.py":  # loads torch, and asks several judges, by name
        asking, python = {FAR["name"]: asking}, forked.python()
    command = [python, SCRIPTS / script, "--config", json.dumps(section), *more, "--seed", "1"]
    command += ["--endpoint", json.dumps(asking), "--answers", here / "answers", "--serving", "{}"]
    return [*map(str, command), "--output", str(here / "out" / "manifest.json")]


QUESTION = {"kind": "generative", "backend": "openai", "model": "m", "sampling": {"temperature": 0}}
FAR = {"name": "far", "judge": QUESTION, "judging": JUDGING}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert KEY not in done.stdout + done.stderr
    return done


def test_a_teacher_is_killed_goes_on_and_is_forced_anew_for_nothing(preferences, tmp_path):
    def made():
        return {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    with Server(always(ok(delay=0.05))) as server:
        command = arguments(
            "judge_pairs.py",
            FAR,
            server,
            tmp_path,
            *("--preferences", preferences, "--split", "train"),
            concurrency=2,
            timeout=5,
        )
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while len(server.asked) < 15 and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -9
        time.sleep(0.2)
        kept, before = len(AnswerStore(tmp_path / "answers")), len(server.asked)
        assert kept >= 13
        done = run(command)
        assert done.returncode == 0, done.stderr
        # the first few are asked before all are
        said = re.findall(r"(\d+) questions, (\d+) answered before, (\d+) now, 0 without", done.stderr)
        assert (said[0][1], said[-1][0]) == (str(kept), "40")
        assert sum(int(now) for *_, now in said) == 40 - kept
        assert len(server.asked) - before == 40 - kept
        first_time = made()
        shutil.rmtree(tmp_path / "out")  # as Snakemake does where a stage is forced
        assert run(command).returncode == 0
        assert len(server.asked) - before == 40 - kept
    assert {**made(), "run.json": b""} == {**first_time, "run.json": b""}
    judgements = read_judgements(tmp_path / "out" / "judgements.parquet")
    assert [j.verdict for j in judgements] == ["a", "b"] * 20
    assert VARIABLE not in first_time["manifest.json"].decode()  # where it is asked is no part of it
    assert str(server.server_port) not in first_time["manifest.json"].decode()


def test_a_teacher_without_answers_stops_with_one_message(preferences, tmp_path):
    with Server(always(status(500, f"cannot take {KEY}"))) as server:
        command = arguments(
            "judge_pairs.py",
            FAR,
            server,
            tmp_path,
            *("--preferences", preferences, "--split", "train"),
            attempts=2,
            max_failure_share=0.02,
        )
        done = run(command)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith(
            "error: 3 of the last 16 questions to judge 'far' got no answer"
        )
        assert not (tmp_path / "out").exists()


def test_a_policy_is_trained_against_a_faulty_endpoint(preferences, model_folder, tmp_path):
    training = {"per_device_train_batch_size": 8, "num_generations": 4, "max_completion_length": 8}
    training |= {"max_steps": 2, "logging_steps": 1, "bf16": False, "use_cpu": True}
    section = {
        "policy": {
            "train": "grpo",
            "from": "sft",
            "reward": {"judge": "far", "max_failure_share": 0.03},
            "training": training | {"activation_checkpointing": False},
        },
        "training": {},
        "writing": {"template": POLICY_TEMPLATE},
        "judges": [FAR],
    }
    (tmp_path / "base").mkdir()
    shutil.copytree(model_folder, tmp_path / "base" / "model")
    (tmp_path / "base" / "manifest.json").write_text("{}")
    more = ("--preferences", preferences, "--model", tmp_path / "base" / "manifest.json")

    def answered(prompt, attempt):
        """Now and then a fault, and another verdict for another prompt."""
        text = f"Scores: {len(prompt) % 9 + 1} 5"
        return first(status(429, Retry_After="0.1"), then=ok(text)) if len(prompt) % 3 else always(ok(text))

    with Server(lambda prompt, attempt: answered(prompt, attempt)(prompt, attempt)) as server:
        command = arguments("train_policy_grpo.py", section, server, tmp_path, *more)
        done = run(command)
        assert done.returncode == 0, done.stderr
        rows = read_rows(tmp_path / "out" / "history.parquet", HISTORY)
        assert {row["value"] for row in rows if row["metric"] == "judge/failed"} == {0.0}
        weights = (tmp_path / "out" / "model" / "model.safetensors").read_bytes()
        assert set(server.paid.values()) == {1}
        asked = len(server.asked)
        shutil.rmtree(tmp_path / "out")
        assert run(command).returncode == 0  # the same steps, from the kept answers alone
        assert len(server.asked) == asked
        assert (tmp_path / "out" / "model" / "model.safetensors").read_bytes() == weights
        server.behave = always(status(503))
        shutil.rmtree(tmp_path / "answers")
        shutil.rmtree(tmp_path / "out")
        stopped = run(command)
    assert stopped.returncode == 1
    assert "Traceback" not in stopped.stderr
    assert "questions to judge 'far' got no answer, more than max_failure_share = 3% of 100" in stopped.stderr
    assert "HTTP 503" in stopped.stderr
