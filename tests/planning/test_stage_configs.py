"""A stage's section of the config changes where the stage would do something else, and only there."""

import copy
import json
from importlib import metadata

import pytest
import yaml

from paths import ROOT
from rlcs.config import parsing
from rlcs.planning import stage_configs, table_configs

BASE = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
FLIPS = {"claim": "few flips", "metric": "flip_rate", "systems": ["genrm"], "below": 15}
# the models that the tables below speak of, whatever else the run holds
BASE = copy.deepcopy(BASE) | {
    "bases": {
        "small": {"kind": "world", "training": {"max_steps": 1}},
        "brought": {"kind": "pretrained", "model": "some/model"},
    },
    "judges": {
        "oracle": {"kind": "oracle"},
        "length": {"kind": "length"},
        "teacher": {"kind": "generative", "backend": "world"},
        "teacher-b": {"kind": "generative", "backend": "world"},
        "teacher-c": {"kind": "generative", "backend": "world"},
        "bt": {"kind": "scalar", "base": "small"},
        "genrm-sft": {"kind": "generative", "train": "sft", "base": "small", "teacher": "teacher"},
        "genrm": {"kind": "generative", "train": "grpo", "from": "genrm-sft", "human_labels": 40},
    },
    "consensus": {"panel": {"teachers": ["teacher", "teacher-b"]}},
    "verifiers": {"reader": {"backend": "transformers", "base": "small"}},
    "policies": {
        "sft": {"train": "sft", "base": "small"},
        "rlcs": {"train": "grpo", "from": "sft", "reward": {"judge": "genrm"}},
        "rlcs-bt": {"train": "grpo", "from": "sft", "reward": {"judge": "bt"}},
        "rlcs-sum": {"train": "grpo", "from": "sft", "reward": [{"judge": "genrm"}, {"judge": "length"}]},
    },
    "tables": {
        "alignment": {"rows": ["bt", "genrm"]},
        "win_rates": {"rows": ["sft", "rlcs"], "reference": "sft", "judges": ["oracle", "genrm"]},
    },
    "effects": [FLIPS],
    "sweeps": {
        "labels": {
            "title": "Accuracy over labels",
            "metric": "accuracy",
            "x": "human_labels",
            "series": {"GenRM": ["genrm"]},
        }
    },
    "paper": {},
}
SHAPE = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 16,
    "vocab_size": 100,
}
JUDGES, POLICIES, BASES = BASE["judges"], BASE["policies"], BASE["bases"]
TRAINED_JUDGES = ["bt", "genrm-sft", "genrm"]


def all_sections(raw):
    """Every section by the stage that gets it; the names are ``stage`` or ``stage:model``."""
    parsed = parsing.parse(raw)
    return (
        {
            "world": stage_configs.world(parsed),
            "ingest": stage_configs.ingest(parsed),
            "teach": stage_configs.teach(parsed, "teacher"),
            "consensus": stage_configs.consensus_pairs(parsed, "panel"),
            "consensus table": table_configs.consensus(parsed),
            "filter table": table_configs.chain_filter(parsed),
            "alignment table": table_configs.alignment(parsed),
            "win-rate table": table_configs.win_rates(parsed),
            "effects table": table_configs.effects(parsed),
            "sweeps": table_configs.sweeps(parsed),
            "report": table_configs.report(parsed),
            "curves": table_configs.curves(parsed),
            "gallery": table_configs.gallery(parsed),
            "sheet": table_configs.sheet(parsed),
            "human table": table_configs.human_win_rates(parsed),
        }
        | {f"base:{name}": stage_configs.base(parsed, name) for name in BASES}
        | {f"judge:{name}": stage_configs.judge(parsed, name) for name in JUDGES}
        | {f"matches:{name}": stage_configs.matches(parsed, name) for name in JUDGES}
        | {f"train:{name}": stage_configs.train_judge(parsed, name) for name in TRAINED_JUDGES}
        | {f"train:{name}": stage_configs.train_policy(parsed, name) for name in POLICIES}
        | {f"stories:{name}": stage_configs.stories(parsed, name) for name in POLICIES}
    )


BEFORE = all_sections(BASE)
# who reads what generative judges are asked
ASKED = {"teach", "train:rlcs", "train:rlcs-sum"} | {
    f"{stage}:{name}"
    for stage in ("judge", "matches")
    for name in ("teacher", "teacher-b", "teacher-c", "genrm-sft", "genrm")
}
PAGES = {"report", "gallery", "sheet", "human table"}
ALL_TRAINED = {"base:small", *(f"train:{name}" for name in (*TRAINED_JUDGES, *POLICIES))}


@pytest.mark.parametrize(
    ("path", "value", "differ"),
    [
        ("run", "another", {"report", "gallery"}),
        ("rehearses", "large.json", {"report", "gallery"}),
        ("seeds", [1, 2, 3], set()),
        ("effects", [FLIPS | {"below": 10}], {"effects table"}),
        ("world/train_pairs", 61, {"world"}),
        ("data/seed", 1, {"ingest"}),
        ("data/max_quarantine_share", 0.5, {"ingest"}),
        ("judging/max_new_tokens", 13, ASKED),
        ("judging/batch_size", 13, ASKED | {"judge:bt", "matches:bt", "train:rlcs-bt"}),
        ("judging/rubrics", {"default": "Be kind."}, ASKED | {"train:genrm-sft", "train:genrm"}),
        ("judging/scores", {"low": 1, "high": 5}, ASKED | {"train:genrm-sft", "train:genrm"}),
        (
            "judging/template",
            "$story_1 $story_2",
            ASKED | {"train:genrm-sft", "train:genrm", "base:small"},
        ),
        (
            "writing/template",
            "$outline",
            {"base:small", "judge:bt", "matches:bt", "train:bt"}
            | {f"{stage}:{name}" for stage in ("train", "stories") for name in POLICIES},
        ),
        ("training", {"max_steps": 3}, ALL_TRAINED),
        ("sampling/temperature", 0.5, {f"stories:{name}" for name in POLICIES}),
        ("bases/small/layers", 3, {"base:small"}),
        ("bases/brought/revision", "abc", {"base:brought"}),
        ("bases/brought/shape", SHAPE, set()),
        ("judges/bt/launch", "config/accelerate/ddp-8.yaml", set()),  # an input of the training
        ("policies/rlcs/launch", "config/accelerate/ddp-8.yaml", set()),
        ("judges/teacher/slip_rate", 0.5, {"teach", "judge:teacher", "matches:teacher"}),
        ("judges/teacher/weights", {"outline": 2.0}, {"teach", "judge:teacher", "matches:teacher"}),
        ("judges/bt/label_sources", ["panel"], {"train:bt"}),
        ("judges/genrm-sft/label_sources", ["human", "panel"], {"train:genrm-sft"}),
        ("judges/genrm/label_sources", ["human", "panel"], {"train:genrm"}),
        ("judges/bt/human_labels", 20, {"train:bt"}),
        ("judges/genrm-sft/human_labels", 20, {"train:genrm-sft"}),
        ("judges/genrm/human_labels", 20, {"train:genrm", "sweeps", "report"}),
        ("consensus/panel/teachers", ["teacher-b", "teacher"], {"consensus", "consensus table"}),
        (
            "consensus",
            {"panel": {"teachers": ["teacher-b", "teacher-c"]}},
            {"consensus", "consensus table", "teach"},
        ),
        ("world/unlabelled_pairs", 9, {"world"}),
        ("judges/bt/training", {"max_steps": 3}, {"train:bt"}),
        ("judges/genrm-sft/training", {"max_steps": 3}, {"train:genrm-sft"}),
        ("judges/genrm/training", {"max_steps": 3}, {"train:genrm"}),
        ("sweeps/labels/log_x", True, {"sweeps", "report"}),
        ("judges/genrm/shaping", "entropy", {"train:genrm", "curves"}),
        ("judges/genrm/reward", "likelihood", {"train:genrm"}),
        ("judges/genrm/evidence", {"teacher": "teacher"}, {"train:genrm"}),
        ("judges/genrm/baseline", "pair", {"train:genrm"}),
        ("judges/genrm/headroom", {"pairs": 3}, {"train:genrm"}),
        ("judges/genrm/keep_better", None, {"train:genrm"}),
        ("policies/sft/training", {"max_steps": 3}, {"train:sft"}),
        ("policies/rlcs/training", {"max_steps": 3}, {"train:rlcs"}),
        ("policies/rlcs/shaping", "entropy", {"train:rlcs", "curves"}),
        ("policies/rlcs/watch", {"kl": 0.5}, {"train:rlcs", "curves"}),
        ("policies/rlcs-bt/watch", {"kl": 0.5}, {"train:rlcs-bt"}),  # no table compares it
        ("policies/rlcs/snapshots", {"every": 5}, {"train:rlcs"}),
        ("policies/rlcs/reward/pivots", 2, {"train:rlcs"}),
        ("policies/rlcs/reward/judge", "bt", {"train:rlcs", "report"}),
        ("policies/rlcs/constraints", {"mode": "penalty"}, {"train:rlcs"}),
        ("policies/rlcs/constraints", {"mode": "penalty", "verifier": "reader"}, {"train:rlcs"}),
        ("verifiers/reader/base", "brought", set()),
        ("policies/rlcs-sum/reward/1/weight", 0.5, {"train:rlcs-sum"}),
        ("judges/length/prefer", "shorter", {"judge:length", "matches:length", "train:rlcs-sum"}),
        ("tables/alignment/rows", ["genrm"], {"alignment table"}),
        (
            "tables/win_rates/rows",
            ["sft", "rlcs-bt"],
            {"win-rate table", "curves", *PAGES, *(f"matches:{name}" for name in JUDGES)},
        ),
        ("tables/win_rates/reference", "rlcs", {"win-rate table", *PAGES}),
        ("tables/win_rates/judges", ["genrm"], {"win-rate table", "gallery"}),
        ("gallery/contexts", 9, {"gallery"}),
        ("human/pairs", 9, {"sheet"}),
        ("human/annotations", ["annotations-ann.jsonl"], set()),
        ("paper", {"alignment": {"genrm": 80.0}}, {"alignment table"}),
        ("paper", {"win_rates": {"rlcs": 60.0}}, {"win-rate table"}),
        ("judges/new", {"kind": "scalar", "base": "small"}, set()),
        ("policies/new", {"train": "sft", "base": "small"}, set()),
    ],
)
def test_which_sections_differ_after_a_change(path, value, differ):
    raw = copy.deepcopy(BASE)
    *parents, key = path.split("/")
    section = raw
    for parent in parents:
        section = section[int(parent)] if isinstance(section, list) else section.setdefault(parent, {})
    section[key] = value
    after = all_sections(raw)
    assert {stage for stage in BEFORE if BEFORE[stage] != after[stage]} == differ


@pytest.mark.parametrize(
    ("judging", "again"),
    [
        ({"template": "$story_1 $story_2"}, {"genrm", "teacher", "endpoint"}),
        ({"rubrics": {"default": "Be kind."}}, {"genrm", "teacher", "endpoint"}),
        ({"max_new_tokens": 13}, {"genrm", "teacher"}),
        ({"engine": "vllm"}, {"genrm", "teacher"}),
        ({"batch_size": 13}, {"genrm", "teacher", "bt"}),
        ({"scores": {"low": 1, "high": 5}}, {"genrm", "teacher", "endpoint", "bt", "length"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_injections_are_judged_again_for_what_the_judge_is_asked_alone(judging, again):
    judges = ["genrm", "teacher", "endpoint", "bt", "length"]

    def sections(**changes):
        raw = copy.deepcopy(BASE)
        raw["judges"]["endpoint"] = {"kind": "generative", "backend": "openai", "model": "m"}
        raw["judges"]["endpoint"]["base_url"] = "http://here:1/v1"
        raw["tables"]["injections"] = {"judges": judges}
        raw["judging"] |= changes
        parsed = parsing.parse(raw)
        return {name: stage_configs.judge_injections(parsed, name) for name in judges}

    before, after = sections(), sections(**judging)
    assert {name for name in judges if before[name] != after[name]} == again


def test_of_a_verifier_behind_an_endpoint_only_the_question_is_trained_on():
    def sections_of(**changes):
        raw = copy.deepcopy(BASE)
        reader = {"backend": "openai", "model": "m", "base_url": "http://here:1/v1"} | changes
        raw["verifiers"] = {"reader": reader}
        raw["policies"]["rlcs"]["constraints"] = {"mode": "penalty", "verifier": "reader"}
        parsed = parsing.parse(raw)
        return stage_configs.train_policy(parsed, "rlcs"), stage_configs.policy_endpoints(parsed, "rlcs")[
            "reader"
        ]

    trained, asked = sections_of()
    assert trained["verifier"]["name"] == "reader"
    assert set(trained["verifier"]["verifier"]) == {"backend", "model", "sampling", "template"}
    assert asked["base_url"] == "http://here:1/v1"
    assert sections_of(base_url="http://there:1/v1", timeout=7)[0] == trained
    assert sections_of(model="n")[0] != trained
    assert sections_of(template="$constraint? $story")[0] != trained


def test_files_in_place_of_the_tiny_world_change_what_is_called_synthetic():
    # models of the tiny world are refused then, so that only sections of real models are left
    raw = copy.deepcopy(BASE) | {
        "consensus": {},
        "effects": [],
        "sweeps": {},
        "bases": {"brought": BASES["brought"]},
        "judges": {"bt": {"kind": "scalar", "base": "brought"}},
        "verifiers": {},
        "policies": {name: {"train": "sft", "base": "brought"} for name in ("sft", "sft2")},
        "tables": {
            "alignment": {"rows": ["bt"]},
            "win_rates": {"rows": ["sft", "sft2"], "reference": "sft", "judges": ["bt"]},
        },
    }
    synthetic = parsing.parse(raw)
    real = parsing.parse(raw | {"data": {"preferences": ["/somewhere/pairs.jsonl"]}})
    for section in (
        stage_configs.ingest,
        table_configs.chain_filter,
        table_configs.alignment,
        table_configs.report,
    ):
        assert section(synthetic) == section(real) | {"synthetic": True}
    # where the files lie is no part of it: their content is the stage's input
    moved = parsing.parse(raw | {"data": {"preferences": ["/elsewhere/pairs.jsonl"]}})
    assert stage_configs.ingest(moved) == stage_configs.ingest(real)


@pytest.mark.parametrize("stage", sorted(BEFORE))
def test_sections_are_plain(stage):
    assert json.loads(json.dumps(BEFORE[stage])) == BEFORE[stage]


def test_a_card_tells_the_whole_line_of_a_model():
    parsed = parsing.parse(BASE)
    told = table_configs.card(parsed, "judges", "genrm")
    assert list(told["recipe"]) == ["base small", "genrm-sft", "genrm"]
    assert (told["kind"], told["prompt"]) == ("generative", parsed.judging.template)
    told = table_configs.card(parsed, "policies", "rlcs")
    assert list(told["recipe"]) == ["base small", "sft", "rlcs"]
    assert (told["kind"], told["prompt"], told["rubrics"]) == ("policy", parsed.writing.template, {})


def test_a_policys_judges_are_in_the_order_of_their_artifacts():
    """The rules hand over the artifacts in this order, and the section as JSON with sorted keys."""
    raw = copy.deepcopy(BASE)
    raw["policies"]["rlcs"] |= {"reward": {"judge": "genrm"}, "select": {"judge": "bt"}}
    parsed = parsing.parse(raw)
    section = json.loads(json.dumps(stage_configs.train_policy(parsed, "rlcs"), sort_keys=True))
    assert [judge["name"] for judge in section["judges"]] == ["genrm", "bt"]
    assert stage_configs.policy_judges(parsed, "rlcs") == ["genrm", "bt"]


def gated(**policies):
    raw = copy.deepcopy(BASE)
    raw["gate"] = {"pairs": 40}
    raw["judges"]["votes"] = {"kind": "generative", "train": "none", "from": "genrm", "votes": 1}
    raw["policies"] |= policies
    raw["tables"]["win_rates"]["rows"] = list(raw["policies"])
    return raw


def test_the_judges_that_reward_or_choose_pass_the_gate_and_rules_need_not():
    parsed = parsing.parse(
        gated(
            chosen={"train": "none", "from": "sft", "best_of": {"judge": "votes"}},
            ruled={"train": "none", "from": "sft", "best_of": {"judge": "oracle"}},
        )
    )
    judges = {name: stage_configs.gated_judges(parsed, name) for name in parsed.policies}
    assert judges == {
        "sft": [],
        "rlcs": ["genrm"],
        "rlcs-bt": ["bt"],
        "rlcs-sum": ["genrm"],
        "chosen": ["votes"],
        "ruled": [],
    }
    assert table_configs.gates(parsed)["judges"] == ["genrm", "bt", "votes"]
    ungated = parsing.parse(BASE)
    assert stage_configs.gated_judges(ungated, "rlcs") == []
    assert table_configs.gates(ungated)["judges"] == []


def test_a_limit_of_the_gate_is_no_part_of_what_is_judged_or_trained():
    def sections(**changes):
        raw = gated()
        raw["gate"] |= changes
        parsed = parsing.parse(raw)
        return (
            stage_configs.judge_validation(parsed, "genrm"),
            stage_configs.gate(parsed, "genrm"),
            stage_configs.train_policy(parsed, "rlcs"),
        )

    before, relaxed, fewer = sections(), sections(max_flip_rate=0.9), sections(pairs=30)
    assert [a == b for a, b in zip(before, relaxed, strict=True)] == [True, False, True]
    assert [a == b for a, b in zip(before, fewer, strict=True)] == [False, True, True]


def test_candidates_are_so_many_times_the_samples_and_other_draws():
    raw = gated(chosen={"train": "none", "from": "sft", "best_of": {"judge": "bt", "candidates": 5}})
    raw["sampling"]["samples"] = 2
    parsed = parsing.parse(raw)
    section, plain = stage_configs.candidates(parsed, "chosen"), stage_configs.stories(parsed, "chosen")
    assert section["sampling"] == plain["sampling"] | {"samples": 10}
    assert section["purpose"] == "candidates"
    assert stage_configs.best_of(parsed, "chosen")["scores_alone"] is True


def test_a_sentence_model_is_part_of_the_win_rate_table_only_where_it_is_installed():
    def section(package):
        raw = copy.deepcopy(BASE)
        raw["tables"]["win_rates"]["sentence_model"] = {"package": package, "model": "folder"}
        return table_configs.win_rates(parsing.parse(raw))["sentence_model"]

    assert section("no-such-package==1") is None
    assert section("pydantic==0.0.1") is None
    installed = f"pydantic=={metadata.version('pydantic')}"
    assert section(installed) == {"package": installed, "model": "folder"}


def test_the_correlation_of_gains_is_told_which_judges_are_rules():
    raw = copy.deepcopy(BASE)
    for judge in ("oracle", "length"):
        raw["policies"][f"rlcs-{judge}"] = {"train": "grpo", "from": "sft", "reward": {"judge": judge}}
    rewarded = ["rlcs", "rlcs-bt", "rlcs-oracle", "rlcs-length"]
    raw["tables"]["win_rates"]["rows"] = ["sft", *rewarded]
    raw["tables"]["gains"] = {"rows": rewarded}
    section = table_configs.gains(parsing.parse(raw))
    assert section["rules"] == ["length", "oracle"]
    assert [judge for _, judge in section["judge_of"]] == ["genrm", "bt", "oracle", "length"]


def test_a_probe_reads_greedy_analyses_and_no_options_of_a_trainer():
    raw = copy.deepcopy(BASE) | {"training": {"max_steps": 3}}
    raw["judges"]["probe"] = {"kind": "generative", "train": "probe", "from": "genrm-sft", "folds": 3}
    config = parsing.parse(raw)
    section = stage_configs.analyses(config, "probe")
    assert section["name"] == "genrm-sft"
    assert (section["judge"]["votes"], section["judge"]["temperature"]) == (1, 0.0)
    assert section["judging"] == stage_configs.judge(config, "genrm-sft")["judging"]
    assert stage_configs.train_judge(config, "probe").keys() == {"judge", "judging"}
    assert stage_configs.train_judge(config, "probe")["judging"].keys() == {"template", "rubrics", "scores"}
    assert stage_configs.judge(config, "probe")["judge"].keys().isdisjoint({"folds", "features"})


def test_a_judges_analyses_are_those_of_the_judge_it_starts_from():
    raw = copy.deepcopy(BASE)
    raw["judges"]["verdicts"] = {"kind": "generative", "train": "verdicts", "from": "genrm-sft"}
    raw["judges"]["verdicts"] |= {"samples": 3, "temperature": 0.7}
    config = parsing.parse(raw)
    section = stage_configs.analyses(config, "verdicts")
    assert section["name"] == "genrm-sft"
    assert section["judge"]["votes"] == 3
    assert section["judge"]["temperature"] == 0.7
    assert section["judging"] == stage_configs.judge(config, "genrm-sft")["judging"]
    assert "samples" not in section["judge"]


def test_policies_meet_in_all_contexts_unless_the_config_says_less():
    assert stage_configs.matches(parsing.parse(BASE), "genrm").keys() == {
        "policies",
        "name",
        "judge",
        "judging",
    }
    raw = copy.deepcopy(BASE)
    raw["tables"]["win_rates"]["matrix_contexts"] = 5
    won = {"claim": "It wins.", "metric": "win_rate", "above": 50}
    raw["effects"] = [won | {"systems": pair} for pair in (["rlcs-bt", "rlcs"], ["rlcs", "rlcs-bt"])]
    parsed = parsing.parse(raw)
    table = parsed.tables.win_rates
    with_reference = [sorted([table.reference, row]) for row in table.rows if row != table.reference]
    few = stage_configs.matches(parsed, "genrm")["few"]
    assert few == {"contexts": 5, "but": sorted([*with_reference, ["rlcs", "rlcs-bt"]])}
    assert table_configs.win_rates(parsed) == table_configs.win_rates(parsing.parse(BASE))


def test_the_papers_run_judges_a_fifth_of_all_matches():
    paper = parsing.parse(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")))
    rows, pairs = len(paper.tables.win_rates.rows), len(stage_configs.compared_pairs(paper))
    contexts, few = paper.sampling.contexts, paper.tables.win_rates.matrix_contexts
    assert (rows, pairs) == (28, 35)
    thinned = pairs * contexts + (rows * (rows - 1) // 2 - pairs) * few
    assert thinned / (rows * (rows - 1) // 2 * contexts) < 0.2


def test_the_tracker_is_in_no_stages_part_of_the_config():
    assert all_sections({**BASE, "tracking": "wandb"}) == BEFORE
