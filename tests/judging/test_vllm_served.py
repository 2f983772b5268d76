"""Judges that vLLM serves as a child of the job, with a stand-in for vLLM; test_vllm.py has the real one."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from trl import GRPOConfig
from trl.scripts.vllm_serve import ScriptArguments, build_command

from paths import SCRIPTS, SUPPORT
from rlcs.config.endpoints import ServingConfig
from rlcs.config.judging import ScoresConfig
from rlcs.errors import InputError
from rlcs.judging.backends import Access
from rlcs.judging.loading import load_judge
from rlcs.judging.soft_verdict import distributions_of_text, first_wins
from rlcs.models import vllm_server
from rlcs.models.vllm_server import server_version, split_gpus, start_server
from rlcs.stages.children import free_port
from rlcs.training.rollouts import serve_rollouts
from rlcs.verdict import score_line

FAKE = [sys.executable, str(SUPPORT / "fake_vllm.py")]


def serving(**environment):
    return ServingConfig(command=FAKE, environment=environment, startup_timeout=60)


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path):
    """A folder for what servers print, and an environment that ends with the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "environ", os.environ.copy())


@pytest.fixture
def children(monkeypatch):
    """The servers that a test starts; the test's end is that of their job."""
    started, ends = [], []
    original = subprocess.Popen

    def recorded(*args, **kwargs):
        started.append(original(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(vllm_server.subprocess, "Popen", recorded)
    job = SimpleNamespace(register=lambda end: ends.append(end) or end, unregister=ends.remove)
    monkeypatch.setattr(vllm_server, "atexit", job)
    yield started
    for end in ends:
        end()


@pytest.fixture
def artifact(tmp_path, tokenizer):
    folder = tmp_path / "judge"
    tokenizer.save_pretrained(folder / "model")
    (folder / "manifest.json").write_text("{}")
    return folder


def judge_of(artifact, judging, soft=False, vllm=(), version="0.31.0", **entry):
    section = {
        "name": "genrm",
        "judge": {"kind": "generative", "train": "none", **entry},
        "judging": {**judging.model_dump(mode="json"), "engine": "vllm"},
    }
    section["judging"]["vllm"] = {"max_model_len": 512, **dict(vllm)}
    variables = {"TOLD": str(artifact / "told"), "ASKED": str(artifact / "asked"), "VERSION": version}
    environment = {f"FAKE_VLLM_{name}": value for name, value in variables.items()}
    access = Access(artifact / "answers", serving=serving(**environment))
    return load_judge(section, artifact, access, soft=soft)


@pytest.mark.parametrize(
    ("stored", "vllm", "expected"),
    [
        ("float32", {}, "float32"),  # by itself vLLM would round it to bfloat16
        ("bfloat16", {}, "auto"),
        (None, {}, "auto"),
        ("float32", {"dtype": "bfloat16"}, "bfloat16"),
    ],
)
def test_float32_files_are_served_in_float32(stored, vllm, expected, artifact, judging, children):
    if stored:
        (artifact / "model" / "config.json").write_text(json.dumps({"dtype": stored}))
    judge_of(artifact, judging, vllm=vllm)
    flags = json.loads((artifact / "told").read_text())["argv"]
    assert flags[flags.index("--dtype") + 1] == expected


def to_ten(judging):
    """Scores that the tests' tokenizer writes digit by digit."""
    return judging.model_copy(update={"scores": ScoresConfig(low=1, high=10)})


def test_a_judge_is_served_and_asked(artifact, judging, comparisons, children):
    judge = judge_of(artifact, judging)
    said = judge.judge(comparisons)
    assert [j.verdict for j in said] == ["a" if c.order == "ab" else "b" for c in comparisons]
    assert {j.p_a for j in said} == {None}
    model, *arguments = json.loads((artifact / "told").read_text())["argv"][1:]
    assert model == str(artifact / "model")
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert given["--max-model-len"] == "512"
    assert given["--generation-config"] == "vllm"  # the penalties that a model ships are not obeyed
    # the name is the artifact's: answers of other weights are never taken for its own
    assert judge.backend.entry.model == "genrm-44136fa355b3678a"


@pytest.mark.parametrize(
    ("change", "new_questions"),
    [
        ({}, 0),
        ({"vllm": {"quantization": "fp8"}}, 2),
        ({"vllm": {"max_model_len": 256}}, 2),
        ({"version": "0.30.0"}, 2),
    ],
)
def test_answers_of_another_vllm_are_not_taken(
    artifact, judging, comparisons, children, change, new_questions
):
    judge_of(artifact, judging).judge(comparisons[:2])
    asked = artifact / "asked"
    assert asked.read_text().count("question") == 2
    judge_of(artifact, judging, **change).judge(comparisons[:2])
    assert asked.read_text().count("question") == 2 + new_questions


def test_p_is_read_from_the_score_tokens(artifact, judging, comparisons, children):
    said = judge_of(artifact, judging, soft=True).judge(comparisons[:2])
    p = 1 / (1 + 2.718281828**-2.4)  # 7 or 2 against 3
    assert [j.p_a for j in said] == pytest.approx([p, 1 - p])


def test_p_of_scores_that_are_several_tokens_is_refused(artifact, judging, children):
    with pytest.raises(ValueError, match=r"scores \[10\] are no single tokens.*within 0 to 9, or a hard"):
        judge_of(artifact, to_ten(judging), soft=True)
    assert children == []


def test_p_of_an_endpoint_is_refused_for_scores_of_several_digits(tmp_path, judging):
    entry = {"kind": "generative", "backend": "openai", "model": "m"}
    access = Access(tmp_path, {"base_url": "http://127.0.0.1:9/v1"})

    def load(judging, **options):
        section = {"name": "far", "judge": {**entry, "votes": options.pop("votes", 1)}}
        return load_judge({**section, "judging": judging.model_dump(mode="json")}, None, access, **options)

    with pytest.raises(ValueError, match=r"scores \[10\] may be no single tokens.*within 0 to 9, or a hard"):
        load(to_ten(judging), soft=True)
    load(to_ten(judging), soft=True, votes=3)  # the votes' share is p
    load(to_ten(judging))
    load(judging, soft=True)


@pytest.mark.parametrize(
    ("places", "scores", "expected"),
    [
        ([{"7": 0.0}, {"3": 0.0}], (7, 3), 1),
        ([{" 3": 0.0}, {"7": 0.0}], (3, 7), 0),
        ([{"5": 0.0}, {"5": 0.0}], (5, 5), 0.5),
        ([{"5": -0.6931, "the": -0.6931}, {"4": -0.6931, "6": -0.6931}], (5, 4), 0.5),
        ([{"1": 0.0}, {"0": 0.0}], (7, 10), None),  # a score of two tokens
        ([], (7, 3), None),
    ],
)
def test_p_by_hand(places, scores, expected):
    distributions = distributions_of_text(score_line(*scores), places, 1, 10)
    p = distributions and first_wins(*distributions)
    assert p == (expected if expected is None else pytest.approx(expected, abs=1e-3))


def test_the_distribution_of_an_only_score_by_hand():
    places = [{"4": 0.0}, {"5": -0.6931, "the": -0.6931, "7": -0.6931}]
    (known,) = distributions_of_text("4 of 5\nScore: 5", places, 1, 9)
    assert known == pytest.approx([0, 0, 0, 0, 0.5, 0, 0.5, 0, 0], abs=1e-3)
    assert distributions_of_text("Score: 10", [{"1": 0.0}, {"0": 0.0}], 1, 10) is None
    assert distributions_of_text("Score: 5", [], 1, 9) is None


@pytest.mark.parametrize(
    ("wrong", "seconds", "message"),
    [
        ("fail", 60, r"server of m ended with 1; its last lines .*\n.*no room for the model"),
        ("mute", 1, "server of m is silent after 1 s"),
        ("other", 1, "server of m is silent after 1 s"),  # it is another job's that answers
    ],
)
def test_a_server_that_does_not_come_up_is_one_error(tmp_path, children, wrong, seconds, message):
    slow = serving(FAKE_VLLM=wrong).model_copy(update={"startup_timeout": seconds})
    with pytest.raises(InputError, match=message):
        start_server(tmp_path, "m", {}, slow)
    assert [child.poll() is not None for child in children] == [True]


def test_a_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot be started: .*serving.command is \['no-vllm'\]"):
        start_server(tmp_path, "m", {}, ServingConfig(command=["no-vllm"]))
    assert not list(tmp_path.iterdir())


def test_a_port_that_was_taken_in_between_is_another_attempt(tmp_path, children):
    start_server(tmp_path, "m", {}, serving(FAKE_VLLM="taken", FAKE_VLLM_TRIED=str(tmp_path / "tried")))
    assert [child.poll() for child in children] == [1, None]
    assert len(list(tmp_path.glob("rlcs-vllm-*.log"))) == 1  # of the server that lives


def test_switches_are_flags_of_the_command_line(tmp_path, children):
    told = tmp_path / "told"
    switches = {"enforce_eager": True, "enable_prefix_caching": False, "max_model_len": 64}
    start_server(tmp_path, "m", switches, serving(FAKE_VLLM_TOLD=str(told)))
    given = json.loads(told.read_text())["argv"][2:]
    assert given[:4] == ["--enforce-eager", "--no-enable-prefix-caching", "--max-model-len", "64"]


def test_two_servers_of_one_node_do_not_meet(tmp_path, children):
    urls = {start_server(tmp_path, name, {}, serving()) for name in ("one", "two")}
    assert len(urls) == 2


@pytest.mark.parametrize("ending", ["", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_server_ends_with_the_job_however_it_ends(tmp_path, ending):
    script = f"""
import sys
from pathlib import Path
from rlcs.models import vllm_server
from rlcs.config.endpoints import ServingConfig
from rlcs.config.judging import ScoresConfig
started = vllm_server.subprocess.Popen
def recorded(*args, **kwargs):
    child = started(*args, **kwargs)
    print(child.pid, flush=True)
    return child
vllm_server.subprocess.Popen = recorded
vllm_server.start_server(Path({str(tmp_path)!r}), "m", {{}}, ServingConfig(command={FAKE!r}))
{ending}
"""
    job = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert job.returncode == (-9 if ending else 0), job.stderr
    server, deadline = int(job.stdout.split()[0]), time.monotonic() + 30
    while alive(server):
        assert time.monotonic() < deadline, "the server outlives its job"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("during", "is_kept"), [("", False), ("child.kill(); child.wait()", True)], ids=["lives", "dies"]
)
def test_what_a_server_printed_is_kept_if_it_ended_by_itself(tmp_path, during, is_kept):
    script = f"""
import logging
from pathlib import Path
from rlcs.config.endpoints import ServingConfig
from rlcs.models import vllm_server
logging.basicConfig(level="ERROR")
children = []
class Recorded(vllm_server.subprocess.Popen):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        children.append(self)
vllm_server.subprocess.Popen = Recorded
vllm_server.start_server(Path({str(tmp_path)!r}), "m", {{}}, ServingConfig(command={FAKE!r}))
child = children[0]
{during}
"""
    job = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert job.returncode == 0
    kept = list(tmp_path.glob("rlcs-vllm-*.log"))
    assert len(kept) == is_kept
    said = [line for line in job.stderr.splitlines() if line.startswith("ERROR:rlcs")]
    assert said == [
        f"ERROR:rlcs:vLLM's server of m ended with -9 before the job; its last lines ({file}):"
        for file in kept
    ]


def alive(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_gpus_are_split_between_trainer_and_judge(tmp_path, children, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,5")
    told = tmp_path / "told"
    start_server(tmp_path, "m", {}, serving(FAKE_VLLM_TOLD=str(told)), gpus=1)
    assert json.loads(told.read_text())["variables"]["CUDA_VISIBLE_DEVICES"] == "5"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2"


def test_without_the_variable_all_gpus_of_the_machine_are_the_jobs(tmp_path, children, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    told = tmp_path / "told"
    start_server(tmp_path, "m", {}, serving(FAKE_VLLM_TOLD=str(told)), gpus=1)
    assert json.loads(told.read_text())["variables"]["CUDA_VISIBLE_DEVICES"] == "3"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(InputError, match=r"leaves 0 of the job's 0 \(none\) to 1 training"):
        start_server(tmp_path, "m", {}, serving(), gpus=1)


@pytest.mark.parametrize(
    ("exempt", "hosts"),
    [
        ({}, "127.0.0.1"),
        ({"NO_PROXY": "intra.net"}, "intra.net,127.0.0.1"),
        ({"no_proxy": "intra.net,127.0.0.1"}, "intra.net,127.0.0.1"),
        ({"no_proxy": "a.net", "NO_PROXY": "b.net"}, "a.net,b.net,127.0.0.1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_a_proxy_of_the_site_is_not_asked_for_the_jobs_own_server(tmp_path, children, exempt, hosts):
    for name in ("NO_PROXY", "no_proxy"):
        os.environ.pop(name, None)
    os.environ |= {"http_proxy": f"http://127.0.0.1:{free_port()}", **exempt}  # nobody listens there
    quick = serving().model_copy(update={"startup_timeout": 30})
    assert server_version(start_server(tmp_path, "m", {}, quick)) == "0.31.0"
    assert {os.environ[name] for name in ("NO_PROXY", "no_proxy") if name in os.environ} == {hosts}


def test_gpus_are_split_once_whatever_the_attempts(tmp_path, children, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    taken = serving(FAKE_VLLM="taken", FAKE_VLLM_TRIED=str(tmp_path / "tried"))
    start_server(tmp_path, "m", {}, taken, gpus=1)
    assert len(children) == 2
    assert len(children) == 2
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


@pytest.mark.parametrize(("trainers", "served"), [(1, 2), (2, 1), (1, 3)])
def test_a_trainer_without_a_gpu_is_refused(trainers, served):
    left = max(2 - served, 0)
    with pytest.raises(
        InputError, match=rf"server of {served} GPUs .* leaves {left} of the job's 2 .* to {trainers} train"
    ):
        split_gpus(["0", "1"], served, trainers)


def test_trainers_have_the_first_gpus_of_their_node():
    assert split_gpus(["0", "1", "2", "3"], 1, trainers=2) == (["0", "1", "2"], ["3"])


def test_a_server_has_no_place_in_the_training_that_starts_it(tmp_path, children, monkeypatch):
    """As ``accelerate launch`` and torchrun tell its workers; a vLLM that reads it would wait for them."""
    places = {"RANK": "3", "LOCAL_RANK": "3", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4", "NODE_RANK": "0"}
    places |= {"MASTER_ADDR": "node7", "MASTER_PORT": "29500", "GROUP_RANK": "0", "GROUP_WORLD_SIZE": "2"}
    places |= {
        "ROLE_RANK": "3",
        "ROLE_WORLD_SIZE": "8",
        "ROLE_NAME": "default",
        "ACCELERATE_USE_FSDP": "true",
    }
    places |= {"TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_USE_AGENT_STORE": "True", "FSDP_VERSION": "2"}
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HF_HOME", "kept")
    told = tmp_path / "told"
    start_server(tmp_path, "m", {}, serving(FAKE_VLLM_TOLD=str(told), MASTER_PORT="of the config"))
    environment = json.loads(told.read_text())["environment"]
    assert environment["HF_HOME"] == "kept"
    assert {name: environment[name] for name in places if name in environment} == {
        "MASTER_PORT": "of the config"
    }
    assert os.environ["RANK"] == "3"  # the trainer's own place stays


def rolling_out(tmp_path, **options):
    server = {"use_vllm": True, "vllm_mode": "server", **options}
    return GRPOConfig(output_dir=str(tmp_path), use_cpu=True, **server)


def test_rollouts_have_a_server_of_the_jobs_own(tmp_path, children, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    told, options = tmp_path / "told", rolling_out(tmp_path)
    several = {"gpus": 2, "arguments": {"max_model_len": 64}}
    serve_rollouts(
        options,
        tmp_path / "model",
        serving(FAKE_VLLM_TOLD=str(told)).model_copy(
            update={"rollouts": ServingConfig(rollouts=several).rollouts}
        ),
    )
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert options.vllm_server_base_url.startswith("http://127.0.0.1:")
    assert not options.vllm_server_base_url.endswith("/v1")
    said = json.loads(told.read_text())
    assert said["variables"] == {"CUDA_VISIBLE_DEVICES": "2,3", "VLLM_SERVER_DEV_MODE": "1"}
    flags = said["argv"][2:]
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    assert (given["--max-model-len"], given["--tensor-parallel-size"]) == ("64", "2")
    assert given["--generation-config"] == "vllm"
    # TRL's own command, without what is the same for every server
    needed = build_command(ScriptArguments(model="m"))
    needed = needed[needed.index("--weight-transfer-config") :]
    assert dict(zip(needed[::2], needed[1::2], strict=True)).items() <= given.items()


@pytest.mark.parametrize(
    "place",
    [
        {"vllm_server_base_url": "http://node7:8000"},
        {"vllm_server_host": "node7"},
        {"vllm_mode": "colocate"},
        {"use_vllm": False},
    ],
)
def test_who_has_rollouts_elsewhere_gets_no_server(tmp_path, children, place):
    serve_rollouts(rolling_out(tmp_path, **place), tmp_path / "model", ServingConfig(rollouts={"gpus": 1}))
    assert children == []


def test_rollouts_of_a_server_without_gpus_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"vllm_mode: server has no server: set serving.rollouts.gpus"):
        serve_rollouts(rolling_out(tmp_path), tmp_path / "model", serving())
