"""The typed config: what it accepts, what it refuses and in which words, and what is generated from it."""

import copy
import json
import re
import subprocess
from importlib.metadata import version
from types import SimpleNamespace

import jsonschema
import pytest
import yaml

import check_config
import document_config
import forked
from configs import COMBINATIONS, RUNS, merged
from paths import ROOT
from rlcs.config import parsing
from rlcs.config.data import ConsensusConfig
from smoke_run import SMOKE

PATHS = [ROOT / "config" / name for name in ("default.yaml", *RUNS)]


def default():
    return yaml.safe_load((ROOT / "config" / "default.yaml").read_text(encoding="utf-8"))


def changed(path, value):
    """The documented default with one key set, or removed where the value is ``...``."""
    raw = default()
    *parents, key = path.split("/")
    section = raw
    for parent in parents:
        section = section[parent]
    if value is ...:
        del section[key]
    else:
        section[key] = value
    return raw


@pytest.mark.parametrize("path", sorted(document_config.generated()), ids=lambda path: path.name)
def test_generated_documents_have_not_drifted(path):
    assert path.read_text(encoding="utf-8") == document_config.generated()[path], "run `make docs`"


def test_no_description_breaks_its_table():
    rows = [line for line in document_config.key_tables().splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.count("|") != 4] == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_run_in_the_repository_parses(path):
    parsed = parsing.parse(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert parsing.parse(json.loads(parsed.model_dump_json())) == parsed


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_run_keeps_the_schema(path):
    schema = json.loads((ROOT / "config" / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), schema)


def test_the_schema_speaks_of_from():
    schema = json.loads((ROOT / "config" / "schema.json").read_text(encoding="utf-8"))
    for name in ("GenrmGRPOConfig", "GRPOPolicyConfig"):
        properties = schema["$defs"][name]["properties"]
        assert "from" in properties
        assert "parent" not in properties


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("colour", "red", "colour: unknown key"),
        ("judges/bt/colour", "red", "judges.bt.colour: unknown key"),
        ("policies/grpo/reward/colour", "red", "policies.grpo.reward.colour: unknown key"),
        ("data/splits/dev", 0.0, "data.splits.dev: unknown key"),
        ("judgs", {}, "judgs: unknown key; did you mean 'judges'?"),
        ("data/splits/tests", 0.0, "data.splits.tests: unknown key; did you mean 'test'?"),
        ("judges/bt/fold", 3, "judges.bt.fold: unknown key; did you mean 'folds'?"),
        ("judges/genrm-grpo/form", "x", "judges.genrm-grpo.form: unknown key; did you mean 'from'?"),
        ("policies/grpo/shapping", "x", "policies.grpo.shapping: unknown key; did you mean 'shaping'?"),
        (
            "policies/grpo/reward",
            [{"judge": "bt", "pivts": 2}],
            "policies.grpo.reward.0.pivts: unknown key; did you mean 'pivots'?",
        ),
        ("writing", ..., "writing: Field required"),
        (
            "policies/grpo/reward",
            ...,
            "policies.grpo: reward needs at least one entry and no judge or file twice",
        ),
        (
            "judges/genrm-grpo/from",
            "nobody",
            "judges.genrm-grpo.from: 'nobody' is not under judges (oracle, ",
        ),
        (
            "policies/grpo/from",
            "nobody",
            "policies.grpo.from: 'nobody' is not under policies (sft, grpo, ",
        ),
        (
            "judges/bt/base",
            "none",
            "judges.bt.base: 'none' is not under bases (world, pretrained, reward-model)",
        ),
        (
            "policies/sft/base",
            "none",
            "policies.sft.base: 'none' is not under bases (world, pretrained, reward-model)",
        ),
        ("judges/genrm-sft/teacher", "nobody", "judges.genrm-sft.teacher: 'nobody' is not under judges"),
        (
            "judges/genrm-sft/teacher",
            "bt",
            "judges.genrm-sft.teacher: 'bt' is not a judge of kind 'generative'",
        ),
        (
            "judges/genrm-grpo/from",
            "bt",
            "judges.genrm-grpo.from: 'bt' is not a trained judge of kind 'generative'",
        ),
        (
            "judges/genrm-grpo/evidence",
            {"teacher": "bt"},
            "judges.genrm-grpo.evidence.teacher: 'bt' is not a judge of kind 'generative'",
        ),
        (
            "judges/genrm-grpo/evidence",
            {"teacher": "teacher-world", "weight": 1},
            "judges.genrm-grpo.evidence.weight: Input should be less than 1",
        ),
        ("judges/genrm-grpo/headroom", {"pairs": 0}, "judges.genrm-grpo.headroom.pairs: Input should be"),
        ("consensus/panel/teachers", [], "consensus.panel: 2 teachers must agree, but teachers names 0: []"),
        (
            "consensus/panel/teachers",
            ["teacher-world"],
            "consensus.panel: 2 teachers must agree, but teachers names 1: ['teacher-world']",
        ),
        ("consensus/panel/agree", 3, "consensus.panel: 3 teachers must agree, but teachers names 2: "),
        (
            "consensus/panel",
            {"teachers": ["bt", "bt-probe"], "labels": "probability", "agree": 3},
            "consensus.panel: agree = 3 counts verdicts: leave it out, or set labels: verdicts",
        ),
        (
            "consensus/panel",
            {"teachers": [], "labels": "probability"},
            "consensus.panel: labels: probability needs a teacher, but teachers is empty",
        ),
        (
            "consensus/panel",
            {"teachers": ["no"], "labels": "probability"},
            "consensus.panel.teachers: 'no' is not under judges",
        ),
        ("consensus/panel/agree", 1, "consensus.panel.agree: Input should be greater than or equal to 2"),
        (
            "consensus/panel/teachers",
            ["teacher-world", "bt"],
            "consensus.panel.teachers: 'bt' is not a judge of kind 'generative'",
        ),
        (
            "consensus/panel/teachers",
            ["teacher-world", "no"],
            "consensus.panel.teachers: 'no' is not under judges",
        ),
        (
            "consensus/human",
            {"teachers": ["teacher-world", "teacher-endpoint"]},
            "consensus.human: this name means the pairs that came with labels",
        ),
        (
            "judges/bt/label_sources",
            ["people"],
            "judges.bt.label_sources: 'people' is not under consensus (panel)",
        ),
        ("judges/bt/label_sources", [], "judges.bt.label_sources: Value should have at least 1 item"),
        (
            "judges/bt/label_sources",
            ["human", "human"],
            "judges.bt.label_sources: ['human', 'human'] has a value twice",
        ),
        ("judges/bt/human_labels", 0, "judges.bt.human_labels: Input should be greater than or equal to 1"),
        (
            "judges/genrm-sft/human_labels",
            9999,
            "judges.genrm-sft.human_labels: 9999 labels, but world.train_pairs is 2000",
        ),
        (
            "judges/genrm-grpo",
            {
                "kind": "generative",
                "train": "grpo",
                "from": "genrm-sft",
                "label_sources": ["panel"],
                "human_labels": 9,
            },
            "judges.genrm-grpo.human_labels: label_sources ['panel'] has no human: add it, or leave",
        ),
        ("judges/genrm-grpo/base", "world", "judges.genrm-grpo: needs either 'from' or 'base', has both"),
        ("policies/grpo/from", None, "policies.grpo: needs either 'from' or 'base', has neither"),
        ("policies/grpo/from", "grpo", "policies.grpo.from: cycle grpo -> grpo"),
        ("world/train_pairs", "many", "world.train_pairs: Input should be a valid integer"),
        ("world/train_pairs", 0, "world.train_pairs: Input should be greater than or equal to 1"),
        ("seeds", [1, 2, 1], "seeds: [1, 2, 1] has a value twice"),
        ("tables/win_rates/rows", ["sft", "sft"], "tables.win_rates.rows: ['sft', 'sft'] has a value twice"),
        ("seeds", [], "seeds: List should have at least 1 item"),
        ("run", "../elsewhere", "run: String should match pattern"),
        ("judges/a b", {"kind": "oracle"}, "judges.a b.[key]: String should match pattern"),
        ("judges/bt/training", 3, "judges.bt.training: Input should be a valid dictionary"),
        (
            "judges/bt",
            {"kind": "scalar", "base": "world", "train": "probe", "launch": "x.yaml"},
            "judges.bt: launch needs train: lora or train: full, has ['probe']: probes are of one process",
        ),
        (
            "judges/genrm-grpo/training",
            {"learning_rat": 1e-4},
            "judges.genrm-grpo.training: 'learning_rat' is not an option of TRL's GRPOConfig; "
            "did you mean 'learning_rate'?",
        ),
        (
            "judges/bt/training",
            {"beta": 1.0},
            "judges.bt.training: 'beta' is not an option of TRL's RewardConfig",
        ),
        ("training", {"beta": 1.0}, "training: 'beta' is not an option of TRL's TrainingArguments"),
        ("training", {"seed": 1}, "training: 'seed' is set by the workflow and cannot be configured"),
        (
            "training",
            {"report_to": "wandb"},
            "training: 'report_to' is set by the workflow and cannot be configured; the run's key tracking",
        ),
        ("tracking", "neptune", "tracking: Input should be 'tensorboard', 'wandb', 'trackio', 'mlflow' or"),
        ("policies/sft/training", {"report_to": "wandb"}, "policies.sft.training: 'report_to' is set by"),
        ("policies/grpo/reward/judge", "no", "policies.grpo.reward.judge: 'no' is not under judges"),
        (
            "policies/grpo/reward/pivots",
            8,
            "policies.grpo.reward.pivots: 8 must be less than num_generations = 8",
        ),
        (
            "policies/grpo/reward",
            [{"judge": "bt"}, {"judge": "no", "pivots": 9}],
            "policies.grpo.reward.1.judge: 'no' is not under judges",
        ),
        (
            "policies/grpo/reward",
            [{"judge": "bt", "colour": "red"}],
            "policies.grpo.reward.0.colour: unknown key",
        ),
        (
            "policies/grpo/select",
            {"judge": "genrm-grpo"},
            "policies.grpo: select.judge 'genrm-grpo' is the reward's; it must be another one",
        ),
        (
            "policies/grpo/select",
            {"judge": "no"},
            "policies.grpo.select.judge: 'no' is not under judges",
        ),
        ("policies/grpo/watch", {"colour": 1}, "policies.grpo.watch.colour: unknown key"),
        (
            "policies/grpo/reward",
            {"judge": "genrm-grpo", "kind": "scalar"},
            "policies.grpo.reward.kind: 'genrm-grpo' does not score a story by itself",
        ),
        ("policies/grpo/constraints", {}, "policies.grpo.constraints.mode: Field required"),
        ("policies/grpo/constraints", {"mode": "pray"}, "policies.grpo.constraints.mode: Input should be "),
        (
            "policies/grpo/constraints",
            {"mode": "penalty", "margin": 0},
            "policies.grpo.constraints.margin: Input should be greater than 0",
        ),
        (
            "policies/grpo/constraints",
            {"mode": "verifier_only"},
            "policies.grpo: constraints.mode is verifier_only: leave out reward and select",
        ),
        (
            "policies/grpo/constraints",
            {"mode": "penalty", "verifier": "no"},
            "policies.grpo.constraints.verifier: 'no' is not under verifiers",
        ),
        ("verifiers/model/base", "no", "verifiers.model.base: 'no' is not under bases"),
        ("verifiers/model/backend", "crowd", "verifiers.model.backend: 'crowd' is not one of "),
        ("verifiers/model/template", "$story", "verifiers.model: missing fields ['constraint']"),
        (
            "verifiers/oracle",
            {"backend": "transformers", "base": "world"},
            "verifiers.oracle: a judge has the same name",
        ),
        (
            "policies/grpo/reward",
            [],
            "policies.grpo: reward needs at least one entry and no judge or file twice",
        ),
        (
            "policies/grpo/reward",
            [{"judge": "bt"}, {"judge": "bt"}],
            "policies.grpo: reward needs at least one entry and no judge or file twice, has ['bt', 'bt']",
        ),
        (
            "policies/grpo/from",
            "external",
            "policies.grpo.from: 'external' is stories from a file, not a model",
        ),
        ("policies/grpo/from", "base", "policies.grpo.from: 'base' is not trained; put base: world in its"),
        ("policies/base/base", "no", "policies.base.base: 'no' is not under bases"),
        ("tables/gains", {"rows": ["no"]}, "tables.gains.rows: 'no' is not under policies"),
        (
            "tables/gains",
            {"rows": ["external"]},
            "tables.gains.rows: 'external' is not among tables.win_rates",
        ),
        ("tables/gains", {"rows": ["sft"]}, "tables.gains.rows: 'sft' is rewarded by no judge, not by one"),
        (
            "tables/pivots",
            {"judges": ["no"], "policy": "external"},
            "tables.pivots.judges: 'no' is not under judges",
        ),
        (
            "tables/pivots",
            {"judges": ["bt"], "policy": "external"},
            "tables.pivots.policy: 'external' is stories from a file, not a model",
        ),
        ("policies/grpo/reward/noise", {}, "policies.grpo.reward.noise: unknown key"),
        ("tables/alignment/rows", ["no"], "tables.alignment.rows: 'no' is not under judges"),
        ("tables/win_rates/rows", ["sft", "no"], "tables.win_rates.rows: 'no' is not under policies"),
        ("tables/win_rates/judges", ["no"], "tables.win_rates.judges: 'no' is not under judges"),
        ("tables/win_rates/reference", "no", "tables.win_rates.reference: 'no' is not among its rows"),
        ("judging/template", "$plot $story_1 $story_2", "judging: unknown fields ['plot']; known: domain, "),
        ("judging/template", "$story_1", "judging: missing fields ['story_2']"),
        ("judging/template", "$ $story_1 $story_2", "judging: a $ that starts no field"),
        ("judging/scores", {"low": 5, "high": 5}, "judging.scores: low 5 must be less than high 5"),
        ("judging/scores/high", 1000, "judging.scores.high: Input should be less than or equal to 999"),
        ("writing/template", "$story_1", "writing: unknown fields ['story_1']"),
        ("data/splits/train", 0.7, "data.splits: train 0.7 + validation 0.05 + test 0.15 must sum to 1"),
        ("judges/oracle/kind", "crowd", "judges.oracle.kind: 'crowd' is not one of 'oracle', "),
        ("judges/oracle", {}, "judges.oracle.kind: Field required"),
        ("judges/oracle", "genrm", "judges.oracle.kind: Field required"),
        ("judges/oracle/kind", ["oracle"], "judges.oracle.kind: "),
        (
            "judges/genrm-grpo/from",
            "genrm-votes",
            "judges.genrm-grpo.from: 'genrm-votes' is not a trained judge of kind 'generative'",
        ),
        ("judges/genrm-sft/teacher", None, "judges.genrm-sft: without a teacher there are no chains"),
        (
            "judges/genrm-grpo/reward",
            "both",
            "judges.genrm-grpo.reward: Input should be 'verdict', 'consistent' or",
        ),
        ("judges/bt/lora", {"r": 0}, "judges.bt.lora.r: Input should be greater than or equal to 1"),
        ("judges/genrm-votes/votes", 3, "judges.genrm-votes: 3 votes at temperature 0 are the same answer"),
        (
            "judges/genrm-verdicts/samples",
            3,
            "judges.genrm-verdicts: 3 samples at temperature 0 are the same analysis; set a temperature",
        ),
        (
            "judges/genrm-verdicts/from",
            "bt",
            "judges.genrm-verdicts.from: 'bt' is not a trained judge of kind 'generative'",
        ),
        (
            "judges/genrm-verdicts/base",
            "world",
            "judges.genrm-verdicts: needs either 'from' or 'base', has both",
        ),
        (
            "judges/genrm-verdicts/training",
            {"per_device_train_batch_size": 5},
            "judges.genrm-verdicts: training.per_device_train_batch_size 5 must be even",
        ),
        (
            "judges/genrm-verdicts/training",
            {"packing": True},
            "judges.genrm-verdicts: training.packing joins examples",
        ),
        (
            "judges/genrm-probe/from",
            "bt",
            "judges.genrm-probe.from: 'bt' is not a trained judge of kind 'generative'",
        ),
        (
            "judges/genrm-grpo/from",
            "genrm-probe",
            "judges.genrm-grpo.from: 'genrm-probe' is not a trained judge of kind 'generative' whose "
            "verdict is in what it writes",
        ),
        ("judges/genrm-probe/from", None, "judges.genrm-probe: needs either 'from' or 'base', has neither"),
        ("judges/genrm-probe/features", [], "judges.genrm-probe.features: List should have at least 1 item"),
        (
            "judges/genrm-probe/features",
            ["states", "states"],
            "judges.genrm-probe.features: ['states', 'states'] has a value twice",
        ),
        (
            "judges/genrm-probe/features",
            ["words"],
            "judges.genrm-probe.features.0: Input should be 'numbers'",
        ),
        (
            "judges/genrm-probe/folds",
            1,
            "judges.genrm-probe.folds: Input should be greater than or equal to 2",
        ),
        ("judges/genrm-probe/label_sources", ["no"], "judges.genrm-probe.label_sources: 'no' is not under"),
        ("judges/genrm-probe/lora", {"r": 4}, "judges.genrm-probe.lora: unknown key"),
        (
            "judges/genrm-sft/teacher",
            "genrm-probe",
            "judges.genrm-sft.teacher: 'genrm-probe' has train: probe, so its verdict is not in what it",
        ),
        (
            "consensus/panel/teachers",
            ["teacher-world", "genrm-probe"],
            "consensus.panel.teachers: 'genrm-probe' has train: probe, so its verdict is not in what it",
        ),
        (
            "judging/engine",
            "vllm",
            "judges.genrm-probe.features: 'states' are read in the job's process, but judging.engine is "
            "'vllm': set features to [numbers], or judging.engine to transformers",
        ),
        ("judges/genrm-votes/from", "bt", "judges.genrm-votes.from: 'bt' is not a trained judge"),
        (
            "judges/genrm-sft/train",
            "dpo",
            "judges.genrm-sft.train: 'dpo' is not one of 'none', 'sft', 'verdicts', 'probe', 'grpo'",
        ),
        ("judges/genrm-sft/train", ..., "judges.genrm-sft.train: Field required"),
        (
            "judges/teacher-world/backend",
            "hand",
            "judges.teacher-world.backend: 'hand' is not one of 'transformers', 'openai', 'world'",
        ),
        (
            "judges/genrm-sft/backend",
            "openai",
            "judges.genrm-sft.backend: 'openai' needs train: none; only models of this run are trained",
        ),
        ("judges/genrm-grpo/backend", "world", "judges.genrm-grpo.backend: 'world' needs train: none"),
        (
            "judges/genrm-sft/teacher",
            "genrm-grpo",
            "judges: cycle of teachers: genrm-grpo -> genrm-sft -> genrm-grpo",
        ),
        (
            "policies/sft/train",
            "ppo",
            "policies.sft.train: 'ppo' is not one of 'sft', 'grpo', 'dpo', 'none, ",
        ),
        ("policies/dpo/base", "world", "policies.dpo: needs either 'from' or 'base', has both"),
        ("policies/dpo/from", "base", "policies.dpo.from: 'base' is not trained; put base: world in its"),
        (
            "policies/dpo/label_sources",
            ["people"],
            "policies.dpo.label_sources: 'people' is not under consen",
        ),
        (
            "policies/dpo/human_labels",
            9999,
            "policies.dpo.human_labels: 9999 labels, but world.train_pairs is 2000",
        ),
        ("policies/dpo/training", {"bet": 1}, "policies.dpo.training: 'bet' is not an option of TRL's DPOCo"),
        ("policies/dpo/training", {"sync_ref_model": True}, "policies.dpo.training: 'sync_ref_model' moves "),
        ("policies/best-of/from", ..., "policies.best-of.from: Field required"),
        (
            "policies/best-of/from",
            "external",
            "policies.best-of.from: 'external' is stories from a file, not",
        ),
        ("policies/best-of/best_of/judge", "no", "policies.best-of.best_of.judge: 'no' is not under judges"),
        (
            "policies/best-of/best_of/candidates",
            1,
            "policies.best-of.best_of.candidates: Input should be gre",
        ),
        ("policies/best-of/best_of/n", 4, "policies.best-of.best_of.n: unknown key"),
        (
            "policies/dpo/from",
            "best-of",
            "policies.dpo.from: 'best-of' is a choice among stories of 'sft', n",
        ),
        (
            "tables/ifeval",
            {"rows": ["best-of"], "prompts": "prompts.jsonl"},
            "tables.ifeval.rows: 'best-of' is a choice among stories of 'sft', not a model",
        ),
        ("gate", {"min_accuracy": 1}, "gate.min_accuracy: Input should be less than 1"),
        ("gate", {"max_flips": 1}, "gate.max_flips: unknown key; did you mean 'max_flip_rate'?"),
        ("policies/base/base", ..., "policies.base.stories: Field required"),
        ("policies/sft/launch", "", "policies.sft.launch: an empty path names no file"),
        ("data/constraint_kinds", {"rhyme": ""}, "data.constraint_kinds.rhyme: an empty path names no file"),
        ("data/preferences", ["pairs.jsonl", ""], "data.preferences.1: an empty path names no file"),
        ("policies/sft/train", ..., "policies.sft.train: Field required"),
        ("bases/world/kind", "moon", "bases.world.kind: 'moon' is not one of 'world', 'pretrained'"),
    ],
)
def test_what_is_refused_is_named_by_its_key(path, value, message):
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(changed(path, value))
    lines = str(error.value).splitlines()
    assert lines[0] == "invalid config:"
    assert any(line.startswith(f"  {message}") for line in lines[1:]), str(error.value)


def test_an_unknown_key_is_not_taken_for_that_of_another_kind():
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(changed("judges/oracle/fold", 3))
    assert str(error.value).splitlines()[1:] == ["  judges.oracle.fold: unknown key"]


def test_top_level_keys_that_begin_with_x_are_free_for_anchors():
    raw = default() | {"x-lora": {"r": 4}, "x-anything": [1]}
    assert parsing.parse(raw) == parsing.parse(default())
    jsonschema.validate(raw, json.loads((ROOT / "config" / "schema.json").read_text(encoding="utf-8")))
    with pytest.raises(parsing.ConfigError, match=r"data\.x-lora: unknown key"):
        parsing.parse(changed("data/x-lora", {}))


def test_chains_of_a_consensus_are_those_of_its_teachers():
    raw = changed("judges/genrm-sft/label_sources", ["human", "panel"])
    parsing.parse(raw)
    raw["judges"]["untrained"] = {"kind": "generative", "train": "none", "base": "world"}
    raw["judges"]["genrm-sft"]["teacher"] = "untrained"
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    assert str(error.value).splitlines()[1:] == [
        "  judges.genrm-sft.label_sources: 'untrained', whose chains are learned, is not a teacher of "
        "consensus.panel (teacher-world, teacher-endpoint)"
    ]


def test_soft_labels_have_no_chains():
    raw = changed("consensus/soft", {"teachers": ["bt"], "labels": "probability"})
    raw["judges"]["genrm-verdicts"]["label_sources"] = ["human", "soft"]
    entry = parsing.parse(raw).consensus["soft"]
    assert ConsensusConfig.model_validate(entry.model_dump()) == entry  # as the stage reads it
    raw["judges"]["genrm-sft"]["label_sources"] = ["human", "soft"]
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    assert str(error.value).splitlines()[1:] == [
        "  judges.genrm-sft.label_sources: consensus.soft has labels: probability and no chains, but the "
        "chains of 'teacher-world' are learned: leave it out here, and name it at a later stage"
    ]


def test_a_judge_does_not_learn_from_itself_by_a_consensus():
    raw = changed("judges/genrm-grpo/label_sources", ["human", "panel"])
    raw["consensus"]["panel"]["teachers"] = ["teacher-world", "genrm-sft"]
    parsing.parse(raw)  # one trained judge teaches another
    raw["consensus"]["panel"]["teachers"] = ["teacher-world", "genrm-votes"]
    with pytest.raises(parsing.ConfigError, match=r"cycle of teachers: .*genrm-votes"):
        parsing.parse(raw)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"advantage": "reward"}, "needs advantage: group"),
        (
            {"shaping": "entropy", "multipliers": {"confident_wrong": 0}},
            "needs multipliers of what is wrong above 0",
        ),
        ({"shaping": "entropy_rewards"}, "nothing after them"),
        ({"shaping": "entropy", "normalize": "recenter"}, "nothing after them"),
        (
            {"training": {"multi_objective_aggregation": "normalize_then_sum"}},
            "takes no mean of a group, which the key constraints needs",
        ),
    ],
)
def test_options_that_would_undo_the_penalty_are_refused(changes, message):
    raw = default()
    raw["policies"]["grpo"] |= {"constraints": {"mode": "penalty"}, **changes}
    with pytest.raises(parsing.ConfigError, match=message):
        parsing.parse(raw)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"diversity": {"weight": 0}}, r"policies\.grpo\.diversity\.weight: Input should be greater than 0"),
        (
            {"diversity": {"quality_quantile": 1.1}},
            r"quality_quantile: Input should be less than or equal to 1",
        ),
        (
            {"diversity": {"n": 0}},
            r"policies\.grpo\.diversity\.n: Input should be greater than or equal to 1",
        ),
        ({"advantage": "reward"}, "diversity needs advantage: group"),
        (
            {"reward": None, "constraints": {"mode": "verifier_only"}},
            "constraints.mode verifier_only has none: leave diversity out",
        ),
        (
            {"training": {"multi_objective_aggregation": "normalize_then_sum"}},
            "'normalize_then_sum' takes no mean of a group, which the key diversity needs",
        ),
    ],
)
def test_diversity_that_a_policy_cannot_be_rewarded_for_is_refused(changes, message):
    raw = default()
    raw["policies"]["grpo"] |= {"diversity": {}, **changes}
    with pytest.raises(parsing.ConfigError, match=message):
        parsing.parse(raw)


def test_a_bonus_for_diversity_stands_beside_any_rewards_and_constraints():
    raw = default()
    raw["policies"]["grpo"] |= {
        "reward": [{"judge": "bt", "kind": "scalar"}, {"judge": "genrm-grpo"}],
        "diversity": {},
        "constraints": {"mode": "penalty"},
    }
    diversity = parsing.parse(raw).policies["grpo"].diversity
    assert (diversity.weight, diversity.quality_quantile, diversity.n) == (3.0, 0.5, 3)


@pytest.mark.parametrize(
    ("package", "message"),
    [
        (
            "no-such-package==1.0",
            "the package no-such-package==1.0 of the sentence model is not installed: run",
        ),
        (f"pydantic=={version('pydantic')}", "has no model in 'folder'"),
    ],
)
def test_the_sentence_model_of_a_reward_must_be_installed(package, message):
    raw = copy.deepcopy(SMOKE) | {"training": {"use_cpu": True}}
    raw["policies"]["rlcs"]["diversity"] = {"sentence_model": {"package": package, "model": "folder"}}
    (problem,) = check_config.problems(parsing.parse(raw))
    assert problem.startswith("policies.rlcs.diversity.sentence_model: ")
    assert message in problem


def test_a_policy_that_only_its_verifier_rewards_names_no_judge():
    raw = default()
    del raw["policies"]["grpo"]["reward"]
    raw["policies"]["grpo"]["constraints"] = {"mode": "verifier_only"}
    assert parsing.parse(raw).policies["grpo"].rewards == []


def test_a_cycle_of_several_names_all_of_them():
    raw = default()
    grpo = raw["policies"]["grpo"]
    raw["policies"] |= {"grpo": grpo | {"from": "again"}, "again": copy.deepcopy(grpo) | {"from": "grpo"}}
    with pytest.raises(parsing.ConfigError, match=r"policies\.grpo\.from: cycle grpo -> again -> grpo"):
        parsing.parse(raw)


def test_models_of_the_tiny_world_need_the_tiny_world():
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(changed("data/preferences", ["pairs.jsonl"]))
    assert str(error.value).splitlines()[1:] == [
        f"  {key}: needs the tiny world, but data brings other preferences"
        for key in ("judges.oracle", "judges.teacher-world", "bases.world")
    ]


def test_all_problems_are_told_at_once():
    raw = changed("tables/win_rates/reference", "no") | {"colour": "red", "seeds": []}
    with pytest.raises(parsing.ConfigError) as error:
        parsing.parse(raw)
    assert len(str(error.value).splitlines()) == 3  # references are looked up once the types are right


def options(registry, name, **changes):
    raw = default()
    for entry in (*raw["bases"].values(), *raw["judges"].values(), *raw["policies"].values()):
        if "training" in entry:
            entry["training"] = {"bf16": False, "use_cpu": True}
    raw[registry][name]["training"] |= changes
    return check_config.problems(parsing.parse(raw))


def test_options_that_trl_takes_are_accepted():
    assert options("policies", "grpo") == []


@pytest.mark.parametrize(
    ("registry", "name", "changes", "message"),
    [
        ("policies", "grpo", {"lr_scheduler_type": "cosin"}, "cosin is not a valid SchedulerType"),
        ("policies", "grpo", {"beta": "1e-2"}, r"beta = '1e-2' is refused by GRPOConfig: .*write 1.0e-2"),
        ("judges", "genrm-grpo", {"num_generations": "eight"}, "num_generations = 'eight' is refused"),
        ("judges", "genrm-sft", {"max_length": True}, "max_length = True is refused by SFTConfig"),
        ("judges", "bt", {"max_steps": 1.5}, "max_steps = 1.5 is refused by RewardConfig"),
        ("policies", "grpo", {"num_generations": 5}, "must be divisible by num_generations"),
    ],
)
def test_options_that_trl_refuses(registry, name, changes, message):
    (problem,) = options(registry, name, **changes)
    assert problem.startswith(f"{registry}.{name}.training: ")
    assert re.search(message, problem)


def test_groups_that_straddle_processes_are_refused(monkeypatch):
    # what accelerate would launch: two processes of 12 completions make three groups of 8
    monkeypatch.setattr("trl.GRPOConfig.world_size", 2)
    (problem,) = options(
        "policies",
        "grpo",
        num_generations=8,
        per_device_train_batch_size=12,
        gradient_accumulation_steps=1,
    )
    assert re.search("12 x steps_per_generation 1 = 12 .* multiple of num_generations 8", problem)


@pytest.mark.parametrize(("registry", "name"), [("judges", "genrm"), ("policies", "rlcs")])
@pytest.mark.parametrize(
    ("shaping", "options", "said"),
    [
        (
            {"shaping": "overconfident"},
            {},
            "shaping: overconfident .* beta = 0 loads none: set beta above 0",
        ),
        ({"shaping": "overconfident"}, {"beta": 0.1}, None),
        (
            {"shaping": "entropy", "entropy": "sampled"},
            {"temperature": 3.0},
            "needs temperature = 1, and it is 3",
        ),
        ({"shaping": "entropy", "entropy": "sampled"}, {}, None),
        ({"shaping": "entropy"}, {"temperature": 3.0}, None),
    ],
)
def test_shaping_that_a_training_cannot_feed_is_refused_before_it(registry, name, shaping, options, said):
    raw = copy.deepcopy(SMOKE) | {"training": {"use_cpu": True}}
    # 16: two groups of 8, as the smoke run's GenRM compares the two orders of a pair
    raw[registry][name] |= shaping | {"training": options | {"per_device_train_batch_size": 16}}
    problems = check_config.problems(parsing.parse(raw))
    assert len(problems) == (said is not None)
    assert all(re.match(rf"{registry}\.{name}\.training: .*{said}", problem) for problem in problems)


@pytest.mark.parametrize("way", ["probe", ["probe", "lora"]])
def test_however_a_scalar_judge_is_trained_its_options_are_checked(way):
    raw = copy.deepcopy(SMOKE) | {"training": {"use_cpu": True}}
    raw["judges"]["bt"] |= {"train": way, "training": {"max_steps": 1.5}}
    (problem,) = check_config.problems(parsing.parse(raw))
    assert problem.startswith("judges.bt.training: max_steps = 1.5 is refused by RewardConfig")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("num_machines: 1\nnum_processes: 8\n", {}, None),
        ("num_machines: 1\nnum_processes: 8\nnum_proceses: 8\n", {}, "num_proceses"),
        ("num_machines: 3\nnum_processes: 8\n", {}, "must be a multiple of num_machines = 3"),
        (None, {}, "No such file"),
        (
            "num_machines: 1\nnum_processes: 6\n",
            {"use_vllm": True, "vllm_mode": "colocate", "vllm_tensor_parallel_size": 4},
            "6 processes on each node must be a multiple of vllm_tensor_parallel_size = 4",
        ),
    ],
)
def test_launches_are_checked_by_accelerate(text, options, message, tmp_path):
    file = tmp_path / "launch.yaml"
    if text is not None:
        file.write_text(f"compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\n{text}")
    found = check_config.launch_problems(file, SimpleNamespace(**options))
    assert len(found) == (message is not None)
    assert all(message in problem for problem in found)


@pytest.mark.parametrize(
    "options",
    [
        {"use_vllm": True, "vllm_mode": "colocate", "vllm_gpu_memory_utilization": 0.3},
        {"use_vllm": True, "vllm_mode": "server", "vllm_server_base_url": "http://127.0.0.1:8000"},
        {"activation_checkpointing": True, "activation_checkpointing_kwargs": {"use_reentrant": False}},
        {"use_liger_kernel": True},
    ],
)
def test_what_helps_at_scale_is_trls_own_option(options):
    assert grpo_problems(options) == []


@pytest.mark.parametrize(("place", "gpus", "problems"), [({}, 0, 1), ({}, 1, 0), ({"host": "node7"}, 0, 0)])
def test_a_server_of_rollouts_is_the_jobs_or_yours(place, gpus, problems):
    options = {"use_vllm": True, "vllm_mode": "server", **{f"vllm_server_{k}": v for k, v in place.items()}}
    found = grpo_problems(options, serving={"rollouts": {"gpus": gpus}})
    assert len(found) == problems
    assert all(
        "policies.rlcs.training: vllm_mode: server has no server: set serving." in said for said in found
    )


def grpo_problems(options, **sections):
    """What is wrong with a run of a GRPO policy with such options."""
    raw = copy.deepcopy(SMOKE) | {"training": {"use_cpu": True}} | sections
    raw["policies"]["rlcs"]["training"] = options
    return check_config.problems(parsing.parse(raw))


def check(raw, folder):
    script = ROOT / "workflow_scripts" / "check_config.py"
    file = folder / "config.json"
    file.write_text(json.dumps(raw))
    command = [forked.python(), script, "--config", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_check_config_as_a_script(tmp_path):
    raw = yaml.safe_load((ROOT / "config/tiny.yaml").read_text(encoding="utf-8"))
    accepted = check(raw, tmp_path)
    assert (accepted.returncode, accepted.stderr) == (0, "")
    assert accepted.stdout.endswith("run 'tiny': 0 errors, 0 warnings\n")
    raw["judges"]["bt"]["training"]["optim"] = "sgd?"
    refused = check(raw, tmp_path)
    assert refused.returncode == 1
    (first, *_) = refused.stdout.splitlines()
    assert first.startswith("error    judges.bt.training  training options refused by RewardConfig: ")
    assert refused.stderr.startswith("error: judges.bt.training: ")  # the end of a failed log


@pytest.mark.parametrize(
    "fragment", sorted((ROOT / "config" / "fragments").glob("*.yaml")), ids=lambda p: p.stem
)
def test_fragments_fit_the_run_that_they_name(fragment):
    command = re.search(r"--configfile ([^\n]+)", fragment.read_text(encoding="utf-8"))[1].split()
    assert command[-1] == f"config/fragments/{fragment.name}"
    files = [name.removeprefix("config/") for name in command]
    assert files in COMBINATIONS
    raw = merged(files)
    assert set(raw["tables"]["win_rates"]["rows"]) <= parsing.parse(raw).policies.keys()


def test_the_main_claims_are_those_of_the_files_that_they_restrict():
    """A list of a later file replaces the earlier one, so the claims are there a second time."""
    runs = (["tiny-full.yaml"], ["tiny-full.yaml", "fragments/policies.yaml"])
    elsewhere = [claim for names in runs for claim in merged(names)["effects"]]
    main = merged(["tiny-full.yaml", "fragments/policies.yaml", "fragments/main.yaml"])["effects"]
    assert [claim for claim in main if claim not in elsewhere] == []


def test_a_key_that_is_there_twice_is_refused(tmp_path):
    file = tmp_path / "twice.yaml"
    file.write_text(
        "run: a\npaper:\n  alignment: {}\nseeds: [1]\npaper: {}\neffects:\n  - {claim: a, claim: b}\n"
    )
    with pytest.raises(parsing.ConfigError) as error:
        parsing.check_keys([file])
    assert str(error.value).splitlines()[1:] == [
        f"  {file}: line 2: paper is there 2 times: join them",
        f"  {file}: line 5: paper is there 2 times: join them",
        f"  {file}: line 7: effects.0.claim is there 2 times: join them",
        f"  {file}: line 7: effects.0.claim is there 2 times: join them",
    ]


@pytest.mark.parametrize(
    ("text", "line", "place"),
    [("run: a\nx-a: &a [*a]\n", 2, "x-a.0"), ("x-b: &b\n  one:\n    two: *b\n", 1, "x-b.one.two")],
)
def test_a_section_that_holds_itself_is_refused(tmp_path, text, line, place):
    file = tmp_path / "recursive.yaml"
    file.write_text(text)
    with pytest.raises(parsing.ConfigError) as error:
        parsing.check_keys([file])
    assert str(error.value).splitlines()[1:] == [
        f"  {file}: line {line}: the section of this anchor holds its own alias, at {place}: "
        "take the alias out"
    ]
    file.write_text("x-a: &a [1]\nx-b: [*a, *a]\n")  # twice the same is no circle
    parsing.check_keys([file])


def test_no_config_of_the_repository_has_a_key_twice(tmp_path):
    parsing.check_keys(sorted((ROOT / "config").rglob("*.yaml")))
    (tmp_path / "empty.yaml").touch()
    parsing.check_keys([tmp_path / "empty.yaml"])


def test_a_later_file_can_remove_an_entry():
    raw = copy.deepcopy(merged(["tiny.yaml"]))
    raw["judges"]["genrm-grpo"] = None
    raw["tables"]["alignment"]["rows"].remove("genrm-grpo")
    raw["paper"]["alignment"].clear()
    assert "genrm-grpo" not in parsing.parse(raw).judges
    raw["judges"]["genrm-sft"] = None
    with pytest.raises(parsing.ConfigError, match="'genrm-sft' is not under judges"):
        parsing.parse(raw)


def test_defaults_are_filled_into_trained_entries_alone():
    raw = copy.deepcopy(SMOKE)
    raw["defaults"] = {
        "judges": {"dtype": "bfloat16", "training": {"max_steps": 7, "per_device_train_batch_size": 3}},
        "policies": {"lora": {"r": 4}},
    }
    config = parsing.parse(raw)
    assert config.judges["bt"].training == {"max_steps": 7, "per_device_train_batch_size": 8}  # its own wins
    assert {config.judges[name].dtype for name in ("bt", "genrm-sft", "genrm")} == {"bfloat16"}
    assert config.policies["sft"].lora.r == config.policies["rlcs"].lora.r == 4
    assert config.policies["sft"].dtype == "float32"
    dumped = config.model_dump(mode="json", by_alias=True)
    assert parsing.parse(dumped) == config


def test_check_names_shared_options_that_have_no_effect():
    raw = copy.deepcopy(SMOKE) | {"training": {"max_steps": 9, "use_cpu": True}}
    entries = [raw["bases"]["small"], raw["judges"]["bt"], raw["judges"]["genrm-sft"], raw["judges"]["genrm"]]
    for entry in [*entries, *raw["policies"].values()]:
        entry["training"] = entry["training"] | {"max_steps": 2}
    (line,) = check_config.ineffective(parsing.parse(raw))
    assert line.startswith("training.max_steps: 9 has no effect: all 8 trainings have their own")
    del raw["policies"]["rlmr"]["training"]["max_steps"]
    assert check_config.ineffective(parsing.parse(raw)) == []


def test_a_default_that_no_entry_knows_is_refused_where_it_lands():
    raw = copy.deepcopy(SMOKE) | {"defaults": {"policies": {"lara": {"r": 4}}}}
    with pytest.raises(parsing.ConfigError, match=r"policies\.sft\.lara: unknown key.*lora"):
        parsing.parse(raw)
    with pytest.raises(parsing.ConfigError, match=r"defaults\.verifiers: unknown key"):
        parsing.parse(copy.deepcopy(SMOKE) | {"defaults": {"verifiers": {}}})
