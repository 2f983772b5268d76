"""TRL's trainers through ``training.train``, on a model and texts so small that a run takes a second.

The numbers in ``data/trajectories.json`` are what the pinned release logged; after a release is changed on
purpose, look at the differences and write them anew:
``pytest tests/training/test_training.py --write-trajectories``.
"""

import json
import shutil
from pathlib import Path

import pytest
from datasets import Dataset
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import EarlyStoppingCallback, PreTrainedTokenizerFast
from trl import GRPOConfig, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer

from paths import SUPPORT
from rlcs.config.prompts import assistant, user
from rlcs.config.world import WorldBaseConfig
from rlcs.errors import InputError
from rlcs.models.loading import load_causal, load_scalar
from rlcs.records import HISTORY, read_rows
from rlcs.stages.manifest import read_manifest
from rlcs.stages.stage import Stage
from rlcs.training.grpo import ShapedGRPOTrainer
from rlcs.training.options import build_options, rename_options
from rlcs.training.pretraining import new_model
from rlcs.training.run import history, train

TRAJECTORIES = SUPPORT / "data" / "trajectories.json"
WORDS = [f"w{n}" for n in range(40)]
SHARED = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "logging_steps": 1}
PROMPTS = [user(" ".join(WORDS[n : n + 5])) for n in range(32)]


def story(n):
    return assistant(" ".join(WORDS[-(n % 7) - 6 :]))


def even_first_token(completion_ids, **_):
    return [float(ids[0] % 2 == 0) for ids in completion_ids]


def sft(model, tokenizer, scratch, seed, options=None):
    own = {"per_device_train_batch_size": 8, "max_steps": 6, "learning_rate": 1e-2} | (options or {})
    examples = [{"prompt": prompt, "completion": story(n)} for n, prompt in enumerate(PROMPTS)]
    return SFTTrainer(
        model=load_causal(model),
        args=build_options(SFTConfig, SHARED, own, seed=seed, output_dir=scratch),
        train_dataset=Dataset.from_list(examples),
        eval_dataset=Dataset.from_list(examples[:8]),
        processing_class=tokenizer,
    )


def bradley_terry(model, tokenizer, scratch, seed):
    own = {"per_device_train_batch_size": 8, "max_steps": 6, "learning_rate": 1e-2}
    return RewardTrainer(
        model=load_scalar(model, new_head=True),
        args=build_options(RewardConfig, SHARED, own, seed=seed, output_dir=scratch),
        train_dataset=Dataset.from_list(
            [
                {"prompt": prompt, "chosen": story(n), "rejected": assistant(WORDS[n])}
                for n, prompt in enumerate(PROMPTS)
            ]
        ),
        processing_class=tokenizer,
    )


def grpo(model, tokenizer, scratch, seed):
    own = {"per_device_train_batch_size": 64, "num_generations": 8, "max_completion_length": 4}
    own |= {"max_steps": 12, "learning_rate": 2e-2, "beta": 0.01}
    return ShapedGRPOTrainer(
        model=load_causal(model),
        reward_funcs=even_first_token,
        args=build_options(GRPOConfig, SHARED, own, seed=seed, output_dir=scratch),
        train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in PROMPTS]),
        processing_class=tokenizer,
    )


# what is followed over steps, how far it may be off (GRPO: a completion or two of 64), whether it rises
TRAININGS = {
    sft: ("loss", 2e-3, False),
    bradley_terry: ("loss", 2e-3, False),
    grpo: ("reward", 0.06, True),
}


@pytest.fixture(scope="module")
def tokenizer():
    """Words as tokens: not the tiny world's, so that its texts may change."""
    vocabulary = {word: n for n, word in enumerate(["[PAD]", "[END]", "[UNK]", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        eos_token="[END]",
        unk_token="[UNK]",
        chat_template="{% for m in messages %}{{ m['content'] + ' [END] ' }}{% endfor %}",
    )


@pytest.fixture(scope="module")
def base(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    shape = {"hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32}
    new_model(WorldBaseConfig(kind="world", **shape), tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(base, tokenizer, tmp_path_factory):
    """Trains with a kind of trainer, once for each place; returns the artifact's folder."""
    folders = {}

    def run(make, seed=1, place="here"):
        key = (make, seed, place)
        if key not in folders:
            output = tmp_path_factory.mktemp(make.__name__) / "artifact" / "manifest.json"
            stage = Stage(make.__name__, Path(__file__), {}, {}, output, seed, {})
            train(stage, lambda scratch: make(base, tokenizer, scratch, seed))
            folders[key] = output.parent
        return folders[key]

    return run


def weights(folder):
    return (folder / "model" / "model.safetensors").read_bytes()


def followed(folder, metric):
    rows = read_rows(folder / "history.parquet", HISTORY)
    return [row["value"] for row in rows if row["metric"] == metric]


@pytest.mark.slow
@pytest.mark.parametrize("make", TRAININGS, ids=lambda make: make.__name__)
def test_the_stored_trajectory_is_met(make, trained, request):
    metric, tolerance, rises = TRAININGS[make]
    found = followed(trained(make), metric)
    assert (found[-1] > found[0] + 0.1) if rises else (found[-1] < found[0] - 0.1)
    stored = json.loads(TRAJECTORIES.read_text()) if TRAJECTORIES.exists() else {}
    if request.config.getoption("--write-trajectories"):
        stored[make.__name__] = [round(value, 4) for value in found]
        TRAJECTORIES.parent.mkdir(exist_ok=True)
        TRAJECTORIES.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
    assert found == pytest.approx(stored[make.__name__], abs=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("make", TRAININGS, ids=lambda make: make.__name__)
def test_all_parameters_move(make, trained, base):
    before = load_file(base / "model.safetensors")
    after = load_file(trained(make) / "model" / "model.safetensors")
    assert before.keys() <= after.keys()
    assert all((before[name] != after[name]).any() for name in before)


@pytest.mark.slow
@pytest.mark.parametrize("make", TRAININGS, ids=lambda make: make.__name__)
def test_the_same_seed_gives_the_same_bytes(make, trained):
    here, there = trained(make), trained(make, place="there")
    assert weights(here) == weights(there)
    assert read_manifest(here / "manifest.json") == read_manifest(there / "manifest.json")
    assert weights(trained(make, seed=2)) != weights(here)


def sft_to_be_stopped(model, tokenizer, scratch, seed):
    """Ends before its last step, since no loss is much lower than the first."""
    options = {"max_steps": 12, "learning_rate": 1e-6, "load_best_model_at_end": True}
    options |= {"metric_for_best_model": "loss", "restore_callback_states_from_checkpoint": True}
    trainer = sft(model, tokenizer, scratch, seed, options | {"eval_strategy": "steps", "eval_steps": 2})
    trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=1, early_stopping_threshold=1.0))
    return trainer


@pytest.mark.slow
@pytest.mark.parametrize("make", [sft, sft_to_be_stopped], ids=lambda make: make.__name__)
def test_a_training_that_is_killed_when_it_is_over_takes_no_step_more(make, base, tokenizer, tmp_path):
    def kill(trainer, folder):
        raise KeyboardInterrupt

    def trained(name, finish):
        stage = Stage(make.__name__, Path(__file__), {}, {}, tmp_path / name / "manifest.json", 1, {})

        def saving(scratch):
            trainer = make(base, tokenizer, scratch, 1)
            trainer.args.save_steps = 2
            return trainer

        train(stage, saving, finish)
        return read_manifest(stage.output)

    with pytest.raises(KeyboardInterrupt):
        trained("killed", kill)
    assert trained("killed", lambda *_: None) == trained("whole", lambda *_: None)


@pytest.mark.slow
@pytest.mark.parametrize("make", TRAININGS, ids=lambda make: make.__name__)
def test_an_artifact_of_a_training(make, trained):
    folder = trained(make)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"history.parquet", "model/model.safetensors", "model/tokenizer.json"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pth")) for name in names)  # no pickles
    steps = [row["step"] for row in read_rows(folder / "history.parquet", HISTORY)]
    assert steps == sorted(steps)
    metrics = {row["metric"] for row in read_rows(folder / "history.parquet", HISTORY)}
    assert TRAININGS[make][0] in metrics
    assert not any(word in metric for metric in metrics for word in ("time", "second", "epoch", "step"))
    moved = shutil.copytree(folder, folder.with_name("moved"), dirs_exist_ok=True)
    (load_scalar if make is bradley_terry else load_causal)(moved / "model")


def test_history_leaves_out_what_differs_in_every_run():
    log = [
        {"loss": 2, "epoch": 0.5, "step": 1, "step_time": 0.2, "kl": 0.25},
        {"eval_reward": 0.5, "eval_runtime": 3.0, "eval_samples_per_second": 8.0, "epoch": 1.0, "step": 2},
        {"train_runtime": 9.0, "train_steps_per_second": 1.0, "train_loss": 1.5, "step": 2},  # the summary
    ]
    assert history(log) == [
        {"step": 1, "metric": "kl", "value": 0.25},
        {"step": 1, "metric": "loss", "value": 2.0},
        {"step": 2, "metric": "eval_reward", "value": 0.5},
    ]


def test_a_models_own_options_win_over_the_shared_ones(tmp_path):
    shared = SHARED | {"learning_rate": 0.1, "max_steps": 5}
    options = build_options(SFTConfig, shared, {"max_steps": 7}, seed=3, output_dir=str(tmp_path))
    assert (options.learning_rate, options.max_steps) == (0.1, 7)
    assert (options.seed, options.data_seed) == (3, 3)
    assert options.report_to == []


@pytest.mark.parametrize(("has", "precision"), [(True, "bf16"), (False, "no")])
def test_bf16_is_for_processors_that_have_it(has, precision, monkeypatch, tmp_path):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx2": True, "avx512_bf16": has})
    shared = SHARED | {"bf16": True}
    options = build_options(SFTConfig, shared, {}, seed=0, output_dir=str(tmp_path))
    assert (options.bf16, options.mixed_precision) == (has, precision)


def test_a_gpu_that_is_not_used_is_told(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    with caplog.at_level("INFO", logger="rlcs"):
        build_options(SFTConfig, SHARED, {}, seed=0, output_dir=str(tmp_path))
    assert "there is a GPU, and it is not used" in caplog.text


@pytest.mark.parametrize(
    ("known", "name"),
    [({"activation_checkpointing"}, "activation_checkpointing"), ({"seed"}, "gradient_checkpointing")],
)
def test_an_option_that_was_renamed_has_the_name_that_is_installed(known, name):
    given = {"activation_checkpointing": False, "seed": 1}
    assert rename_options(given, {*known, "seed"}) == {name: False, "seed": 1}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"learning_rat": 1.0}, "unexpected keyword argument 'learning_rat'"),
        ({"optim": "sgd?"}, "training options refused by SFTConfig: 'sgd\\?'|sgd\\? is not a valid"),
        ({"learning_rate": "1e-3"}, "learning_rate = '1e-3' is refused by SFTConfig: .* write 1.0e-2"),
        ({"logging_steps": [1]}, r"logging_steps = \[1\] is refused by SFTConfig"),
    ],
)
def test_options_that_are_refused(own, message, tmp_path):
    with pytest.raises(InputError, match=message):
        build_options(SFTConfig, SHARED, own, seed=0, output_dir=str(tmp_path))
