"""What every training does before TRL gets to work: nothing learnable is refused, weights are float32."""

import json
from pathlib import Path

import pytest

import train_bradley_terry
import train_genrm_grpo
import train_genrm_sft
import train_genrm_verdicts
import train_policy_dpo
import train_policy_grpo
import train_policy_sft
from rlcs.data.artifacts import JUDGEMENTS_FILE
from rlcs.data.preferences import write_preferences
from rlcs.errors import InputError
from rlcs.records import Context, Judgement
from rlcs.stages.stage import Stage

TRAINING = {"bf16": False, "use_cpu": True, "activation_checkpointing": False, "max_steps": 1}
TRAINING |= {"per_device_train_batch_size": 4, "num_train_epochs": 1}
GROUPS = {"training": {"num_generations": 4, "max_completion_length": 4}}

RULES_ALONE = {"constraints": {"mode": "verifier_only"}}


@pytest.fixture
def stage_of(model_folder, judging, tmp_path):
    """Makes a training's stage; a pair of ``split`` has chains that could not be read."""

    def make(script, key, entry, split):
        context = Context("c1", "quest", "", "", "mill", (), split)
        pair = {"pair_id": "p", "context_id": "c1", "story_a": "A wolf.", "story_b": "So Mara won."}
        pair |= {"label": "a", "source": "human"}
        preferences, analyses = tmp_path / "preferences", tmp_path / "analyses"
        for folder in (preferences, analyses):
            folder.mkdir()
        write_preferences(preferences, [context], [pair], [], [])
        JUDGEMENTS_FILE.write(
            analyses, [Judgement("p", order, "teacher", "none", raw="so") for order in ("ab", "ba")]
        )
        config = {key: entry, "training": TRAINING, "judges": [], "writing": {"template": "$outline"}}
        config["judging"] = judging.model_dump(mode="json")
        folders = {"preferences": preferences, "analyses": analyses, "chains": analyses}
        folders |= dict.fromkeys(("base", "model"), model_folder.parent)
        inputs = {name: (folder / "manifest.json",) for name, folder in folders.items()}
        for (manifest,) in inputs.values():
            manifest.write_text(json.dumps({"files": {}}))
        inputs |= dict.fromkeys(("consensus", "judge", "verifier"), ())
        options = {"answers": str(tmp_path / "answers"), "endpoint": "{}", "serving": "{}"}
        return Stage("s", Path(script.__file__), config, inputs, tmp_path / "out/manifest.json", 1, options)

    return make


@pytest.mark.parametrize(
    ("script", "key", "entry"),
    [
        (train_genrm_sft, "judge", {"kind": "generative", "train": "sft", "base": "b", "analysis": False}),
        (train_genrm_verdicts, "judge", {"kind": "generative", "train": "verdicts", "from": "sft"}),
        (train_genrm_grpo, "judge", {"kind": "generative", "train": "grpo", "from": "sft", **GROUPS}),
        (train_bradley_terry, "judge", {"kind": "scalar", "base": "b"}),
        (train_policy_sft, "policy", {"train": "sft", "base": "b"}),
        (train_policy_dpo, "policy", {"train": "dpo", "from": "sft"}),
        (train_policy_grpo, "policy", {"train": "grpo", "from": "sft", "reward": {"judge": "j"}, **GROUPS}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_run_without_training_pairs(script, key, entry, stage_of):
    with pytest.raises(InputError, match=r"nothing to learn|none of 2 analyses"):
        script.main(stage_of(script, key, entry, "validation"))


@pytest.mark.parametrize(
    ("script", "entry", "message"),
    [
        (
            train_genrm_sft,
            {"train": "sft", "base": "b", "teacher": "teacher", "chains": "unfiltered"},
            r"teacher 'teacher' leaves none of 1 pairs: 2 of its chains .* nothing to learn",
        ),
        (train_genrm_verdicts, {"train": "verdicts", "from": "sft"}, "none of 2 analyses"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_chains_that_could_not_be_read(script, entry, message, stage_of):
    with pytest.raises(InputError, match=message):
        script.main(stage_of(script, "judge", {"kind": "generative", **entry}, "train"))


class Loaded(Exception):
    """Told instead of a model: the precision in which it would have been loaded."""


@pytest.mark.parametrize(
    ("script", "key", "entry"),
    [
        (train_genrm_grpo, "judge", {"kind": "generative", "train": "grpo", "from": "sft", **GROUPS}),
        (train_policy_grpo, "policy", {"train": "grpo", "from": "sft", **GROUPS, **RULES_ALONE}),
    ],
    ids=["genrm", "policy"],
)
def test_grpo_of_all_weights_loads_them_in_float32(script, key, entry, stage_of, monkeypatch):
    def load(model, dtype="auto"):
        raise Loaded(dtype)

    monkeypatch.setattr(script, "load_causal", load)
    with pytest.raises(Loaded, match="float32"):
        script.main(stage_of(script, key, entry, "train"))
