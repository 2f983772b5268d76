"""Live curves: one for a training that was killed and resumed, and the same model with them and without."""

import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from datasets import Dataset
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

import check_config
from paths import ROOT
from rlcs.config import parsing
from rlcs.config.prompts import assistant, user
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.planning.trackers import tracker_problem
from rlcs.records import HISTORY, read_rows
from rlcs.stages.manifest import read_manifest
from rlcs.stages.stage import Stage
from rlcs.stages.tracking import TRACKING_VARIABLE, Tracking
from rlcs.training import tracking
from rlcs.training.options import build_options
from rlcs.training.run import train
from rlcs.training.tracking import Track

STEPS = 8
OPTIONS = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
OPTIONS |= {"per_device_train_batch_size": 4, "max_steps": STEPS, "save_steps": 2, "learning_rate": 1e-2}
OPTIONS |= {"eval_strategy": "steps", "eval_steps": 4}
NAME = "policies/sft/seed1"


class Die(TrainerCallback):
    """Ends the training in the middle of a step, as a kill does."""

    def __init__(self, at):
        self.at = at

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.at:
            raise KeyboardInterrupt


class Appends(TrainerCallback):
    """Adds an entry to the log of its own, as ``SelectBest`` does."""

    def on_step_end(self, args, state, control, **_):
        state.log_history.append({"step": state.global_step, "own": state.global_step / 2})


@pytest.fixture
def trained(model_folder, tmp_path, monkeypatch):
    """Trains below ``tmp_path``, killed at the steps that are given; returns the artifact's folder."""

    def run(tracker, *kills, run="here", ends=True):
        results = tmp_path / run
        monkeypatch.delenv(TRACKING_VARIABLE, raising=False)
        if tracker:
            for name, value in Tracking(tracker, "tiny", results).to_environment().items():
                monkeypatch.setenv(name, value)
        stage = Stage("sft", Path(__file__), {}, {}, results / NAME / "manifest.json", 1, {})
        examples = [
            {"prompt": user(f"Mara and the wolf {n}"), "completion": assistant(f"Mara lost ring {n}.")}
            for n in range(16)
        ]

        def make(scratch, at):
            trainer = SFTTrainer(
                model=load_causal(model_folder),
                args=build_options(SFTConfig, OPTIONS, {}, seed=1, output_dir=scratch),
                train_dataset=Dataset.from_list(examples),
                eval_dataset=Dataset.from_list(examples[:4]),
                processing_class=load_tokenizer(model_folder),
            )
            trainer.add_callback(Appends())
            trainer.add_callback(Die(at))
            return trainer

        for kill in kills:
            with pytest.raises(KeyboardInterrupt):
                train(stage, lambda scratch, at=kill: make(scratch, at))
            if tracker == "tensorboard":  # event files of one process are read by the second that they are of
                time.sleep(1.1)
        if ends:
            train(stage, lambda scratch: make(scratch, None))
        return stage.output.parent

    return run


def curves(folder):
    """(step, value) by tag of TensorBoard's files."""
    read = EventAccumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


def stored(artifact):
    """(step, value) by metric of the artifact's history."""
    found = {}
    for row in read_rows(artifact / "history.parquet", HISTORY):
        name = row["metric"].replace("eval_", "eval/", 1)
        name = name if name.startswith("eval/") else f"train/{name}"
        found.setdefault(name, []).append((row["step"], pytest.approx(row["value"], rel=1e-6)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kills", [(), (1,), (5,), (5, 7), (3, 3)], ids=str)
def test_a_killed_and_resumed_training_is_one_curve_in_tensorboard(kills, trained, tmp_path):
    artifact = trained("tensorboard", *kills)
    found, kept = curves(tmp_path / "here" / "tracking" / NAME), stored(artifact)
    assert {tag: found[tag] for tag in kept} == kept
    assert [step for step, _ in found["train/loss"]] == list(range(1, STEPS + 1))
    assert [step for step, _ in found["train/own"]] == list(range(1, STEPS + 1))
    assert [step for step, _ in found["eval/loss"]] == [4, 8]


@pytest.mark.slow
def test_a_new_training_of_a_name_takes_the_place_of_the_former_one(trained, tmp_path):
    for _ in range(2):
        artifact = trained("tensorboard")
        (artifact / "manifest.json").unlink()
    files = list((tmp_path / "here" / "tracking" / NAME).iterdir())
    assert len(files) == 1


@pytest.mark.slow
def test_the_model_is_the_same_with_a_tracker_and_without(trained, fakes):
    manifests = [
        read_manifest(trained(tracker, 5, run=str(tracker)) / "manifest.json")
        for tracker in (None, "none", "tensorboard", "wandb", "mlflow", "trackio")
    ]
    assert all(manifest == manifests[0] for manifest in manifests)


class Service:
    """What a tracker has got, by run: what stays if a job is killed."""

    def __init__(self):
        self.runs = {}
        self.broken_after = None

    def get(self, run, values, step):
        random.random()  # as a library may
        got = self.runs.setdefault(run, [])
        if self.broken_after is not None and len(got) >= self.broken_after:
            raise ConnectionError("no route to the tracker")
        got.append((step, values))


@pytest.fixture
def fakes(monkeypatch):
    """Stand-ins for the modules of W&B, MLflow and trackio, with what transformers calls of them."""
    service = Service()
    # TRL looks for wandb when it is imported, for its model cards
    monkeypatch.setattr("trl.trainer.base_trainer.is_wandb_available", lambda: False)
    for name in ("WANDB_PROJECT", "WANDB_DIR", "WANDB_RUN_ID", "WANDB_RESUME", "TRACKIO_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "TRACKIO_SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    environment = sys.modules["os"].environ

    def module(name, **members):
        made = SimpleNamespace(__spec__=SimpleNamespace(name=name), __name__=name, **members)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    class Settings(dict):
        def update(self, values, allow_val_change=False):
            super().update(values)

    def wandb_init(project, name=None):
        assert environment["WANDB_RESUME"] == "allow"
        run_id = f"{project}/{name}/{environment['WANDB_RUN_ID']}"
        wandb.run = SimpleNamespace(id=run_id, summary={}, _label=lambda code: None)

    wandb = module(
        "wandb",
        run=None,
        init=wandb_init,
        config=Settings(),
        log=lambda values: service.get(wandb.run.id, values, values["train/global_step"]),
        finish=lambda: setattr(wandb, "run", None),
    )
    module("wandb.sdk")
    module("wandb.sdk.lib")
    module("wandb.sdk.lib.config_util", ConfigError=KeyError)

    def start_run(run_name, nested):
        run_id = environment.pop("MLFLOW_RUN_ID", None) or f"run{len(service.runs)}"
        service.runs.setdefault(run_id, [])
        mlflow.active = SimpleNamespace(info=SimpleNamespace(run_id=run_id))

    mlflow = module(
        "mlflow",
        __version__="3.0",
        active=None,
        utils=SimpleNamespace(
            validation=SimpleNamespace(MAX_PARAM_VAL_LENGTH=250, MAX_PARAMS_TAGS_PER_BATCH=100)
        ),
        is_tracking_uri_set=lambda: True,
        get_tracking_uri=lambda: "fake",
        active_run=lambda: mlflow.active,
        set_experiment=lambda name: None,
        start_run=start_run,
        log_params=lambda values, synchronous: None,
        log_metrics=lambda metrics, step, synchronous: service.get(mlflow.active.info.run_id, metrics, step),
        end_run=lambda: setattr(mlflow, "active", None),
    )

    def trackio_init(project, name, resume, **_):
        assert resume == "allow"
        trackio.name = f"{project}/{name}"

    trackio = module(
        "trackio",
        __version__="1",
        init=trackio_init,
        config=Settings(),
        context_vars=SimpleNamespace(
            current_space_id=SimpleNamespace(get=lambda: None),
            current_run=SimpleNamespace(get=lambda: None),  # TRL's model cards ask for it
        ),
        log=lambda values: service.get(trackio.name, values, values["train/global_step"]),
        finish=lambda: None,
    )
    service.forget = lambda: (setattr(wandb, "run", None), setattr(mlflow, "active", None))  # a new process
    return service


@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["wandb", "mlflow", "trackio"])
@pytest.mark.parametrize("queue_is_lost", [False, True])
def test_the_other_trackers_get_each_entry_in_one_run(tracker, queue_is_lost, trained, fakes, monkeypatch):
    """Once if it was received; what a kill took from the tracker's queue comes again."""
    monkeypatch.setattr(Die, "on_step_begin", dying(fakes, queue_is_lost=queue_is_lost))
    monkeypatch.setattr(tracking, "RECEIVED_AFTER", 60.0 if queue_is_lost else 0.0)
    artifact = trained(tracker, 1, 5)
    ((name, entries),) = fakes.runs.items()
    if tracker != "mlflow":
        assert name.startswith(f"tiny/{NAME}")
    prefix = "" if tracker == "mlflow" else "train/"
    losses = [(step, values[f"{prefix}loss"]) for step, values in entries if f"{prefix}loss" in values]
    assert losses == stored(artifact)["train/loss"]
    assert [step for step, values in entries if f"{prefix}own" in values] == list(range(1, STEPS + 1))


def dying(service, *, queue_is_lost=False):
    """Kills a training; if the queue is lost, its tracker has got nothing yet."""

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.at:
            service.forget()
            if queue_is_lost:
                for entries in service.runs.values():
                    entries.clear()
            raise KeyboardInterrupt

    return on_step_begin


@pytest.mark.slow
def test_a_tracker_that_comes_in_the_middle_gets_the_whole_curve(trained, fakes, tmp_path, monkeypatch):
    monkeypatch.setattr(Die, "on_step_begin", dying(fakes))
    trained("wandb", 5, ends=False)
    artifact = trained("tensorboard")
    assert curves(tmp_path / "here" / "tracking" / NAME)["train/loss"] == stored(artifact)["train/loss"]


@pytest.mark.slow
def test_a_tracker_that_fails_ends_no_training_and_is_told_once(trained, fakes, caplog):
    fakes.broken_after = 3
    artifact = trained("wandb")
    assert (artifact / "manifest.json").exists()
    told = [record.message for record in caplog.records if "wandb" in record.message]
    assert told == [
        "wandb gets no more of this training, which goes on: ConnectionError: no route to the tracker"
    ]


@pytest.mark.slow
def test_a_tracker_that_is_not_there_ends_no_training(trained, caplog):
    artifact = trained("mlflow")
    assert (artifact / "manifest.json").exists()
    assert "mlflow gets no more of this training, which goes on" in caplog.text


def test_the_environment_brings_the_tracking_to_a_job():
    tracking = Tracking("wandb", "tiny", Path("results/tiny"))
    assert Tracking.of_environment(tracking.to_environment()) == tracking
    assert Tracking.of_environment({}) is None
    assert tracking.training_name(Path("results/tiny/judges/bt/seed1")) == "judges/bt/seed1"
    assert tracking.training_name(Path("/elsewhere/bt")) == "bt"


@pytest.mark.parametrize(
    ("tracker", "environment", "problem"),
    [
        ("none", {}, None),
        ("tensorboard", {}, None),
        ("wandb", {}, "W&B has no key: set WANDB_API_KEY"),
        ("wandb", {"WANDB_API_KEY": "k"}, None),
        ("wandb", {"WANDB_MODE": "offline"}, None),
        ("trackio", {}, None),
        ("trackio", {"TRACKIO_SPACE_ID": "me/space"}, "no token of the hub"),
        ("trackio", {"TRACKIO_SPACE_ID": "me/space", "HF_TOKEN": "t"}, None),
        ("mlflow", {}, "MLflow has no address: set MLFLOW_TRACKING_URI"),
        ("mlflow", {"MLFLOW_TRACKING_URI": "sqlite:///x.db"}, None),
    ],
)
def test_what_a_tracker_lacks_is_known_before_the_run(
    tracker, environment, problem, fakes, monkeypatch, tmp_path
):
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "HF_TOKEN", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr("huggingface_hub.get_token", lambda: sys.modules["os"].environ.get("HF_TOKEN"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = tracker_problem(tracker)
    assert (found is None) if problem is None else (problem in found)


def test_a_login_of_wandb_is_a_key(fakes, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password key\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert tracker_problem("wandb") is None


@pytest.mark.parametrize("tracker", ["wandb", "trackio", "mlflow"])
def test_a_tracker_that_is_not_installed_is_refused(tracker):
    assert f"{tracker} is not installed: pip install {tracker}" in tracker_problem(tracker)


def test_check_refuses_a_run_that_cannot_report():
    raw = yaml.safe_load((ROOT / "config" / "tiny.yaml").read_text(encoding="utf-8"))
    (line,) = check_config.problems(parsing.parse({**raw, "tracking": "wandb"}))
    assert line.startswith("tracking: wandb is not installed")


def test_of_several_processes_the_first_reports_alone(tmp_path):
    track = Track(Tracking("tensorboard", "tiny", tmp_path), NAME, tmp_path)
    state = SimpleNamespace(
        is_world_process_zero=False, global_step=1, log_history=[{"step": 1, "loss": 2.0}]
    )
    for call in (track.on_train_begin, track.on_log, track.on_step_end, track.on_train_end):
        call(None, state, None)
    assert list(tmp_path.iterdir()) == []


def test_how_to_watch_is_one_command(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    programs = tmp_path / ".venv" / "bin"
    said = Tracking("tensorboard", "tiny", Path("results/tiny")).how_to_watch(programs)
    assert said == ".venv/bin/tensorboard --logdir results/tiny/tracking"
