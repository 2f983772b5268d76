"""Stages that the smoke run leaves out, on what it left: sums of rewards, groups, stories of people."""

import json
import re
import shutil
from collections import Counter

import pandas as pd
import pytest
import yaml
from safetensors.torch import load_file

from endpoint_server import Server, ok, status
from rlcs.records import HISTORY, PAIRS, STORIES, read_contexts, read_judgements, read_rows
from rlcs.stages.manifest import read_provenance
from smoke_run import SMOKE, Workflow

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


WRITING = ["sft", "sum", "diverse", "scored", "dpo", "best-bt", "best-teacher"]
OPEN_GATE = {"min_accuracy": None, "max_flip_rate": 1, "max_unparsed_share": 1}


@pytest.fixture(scope="module")
def more(workflow, tmp_path_factory):
    """The smoke run's results, and a config with more policies and one more table."""
    folder = tmp_path_factory.mktemp("more") / "copy"
    shutil.copytree(workflow.folder, folder)
    copy = Workflow(folder)
    contexts = read_contexts(copy.results / "preferences" / "contexts.parquet")
    held_out = [context.context_id for context in contexts.values() if context.split == "test"][:3]
    rows = [json.dumps({"context_id": name, "text": "Mara won {at last}."}) for name in held_out]
    (folder / "people.jsonl").write_text("\n".join(rows), encoding="utf-8")

    rationales = [
        {"story_a": pair["story_a"], "story_b": pair["story_b"], "chosen_story": pair["label"].upper()}
        | {"rationale": "1 good\n2 bad"}
        for pair in read_rows(copy.results / "preferences" / "pairs.parquet", PAIRS)
        if pair["label"] != "tie"
    ]
    (folder / "rationales.jsonl").write_text("\n".join(map(json.dumps, rationales)), encoding="utf-8")

    def change(raw):
        raw["judges"]["length"] = {"kind": "length"}
        raw["policies"]["sum"] = raw["policies"]["rlcs-bt"] | {
            "reward": [{"judge": "bt", "pivots": 2}, {"judge": "length", "weight": 0.1}],
            "advantage": "reward",
            "shaping": "continuous",
            "normalize": "recenter",
            "entropy": "sampled",
        }
        raw["policies"]["diverse"] = raw["policies"]["rlmr"] | {
            "diversity": {"n": 1, "quality_quantile": 0.0}
        }
        raw["policies"]["dpo"] = {"train": "dpo", "from": "sft", "label_sources": ["human", "panel"]}
        raw["policies"]["best-bt"] = {
            "train": "none",
            "from": "sft",
            "best_of": {"judge": "bt", "candidates": 3},
        }
        raw["policies"]["best-teacher"] = {
            "train": "none",
            "from": "sft",
            "best_of": {"judge": "teacher", "candidates": 5, "orders": "random"},
        }
        raw["gate"] = OPEN_GATE
        raw["judging"]["story_template"] = raw["judging"]["template"].split("\n")[0] + "\n1: $story"
        raw["judges"]["teacher-story"] = raw["judges"]["teacher"] | {"reads": "story"}
        raw["judges"]["genrm-story"] = raw["judges"]["genrm-sft"] | {
            "teacher": "teacher-story",
            "reads": "story",
            "label_sources": ["human"],
        }
        raw["policies"]["scored"] = raw["policies"]["rlmr"] | {
            "reward": [
                {"judge": "teacher-story", "kind": "scalar"},
                {"judge": "length", "pivot": "chosen", "orders": "random"},
            ]
        }
        raw["policies"]["people"] = {"train": "none", "stories": "people.jsonl"}
        raw["tables"]["pivots"] = {
            "judges": ["bt", "length", "teacher-story", "genrm"],
            "policy": "sft",
            "contexts": 2,
            "group_size": 5,
        }
        raw["policies"]["vendor"] = {
            "train": "none",
            "backend": "openai",
            "model": "m",
            "base_url": server.url,
        }
        raw["tables"]["win_rates"] |= {
            "rows": [*WRITING, "people", "vendor"],
            "judges": ["length", "teacher"],
        }
        raw["judges"]["file"] = {"kind": "generative", "backend": "file", "chains": "rationales.jsonl"}
        raw["judges"]["of-file"] = raw["judges"]["genrm-sft"] | {
            "teacher": "file",
            "chains": "unfiltered",
            "label_sources": ["human"],
        }
        raw["judges"]["bt-quest"] = raw["judges"]["bt"] | {"domains": ["quest"], "label_sources": ["human"]}
        raw["tables"]["alignment"] = {
            "rows": ["teacher-story", "genrm-story", "genrm", "bt-quest", "of-file"]
        }
        raw["effects"] = [
            {"claim": f"{policy} wins", "metric": "win_rate", "systems": [policy, "sft"], "above": 50}
            for policy in ("best-bt", "people", "vendor")
        ]
        del raw["tables"]["gains"]  # of other policies

    with Server(vendor) as server:
        copy.config = copy.with_config("more", change)
        done = copy.snakemake("tables", "effects", config=copy.config)
        copy.asked = list(server.requests)
    assert done.returncode == 0, done.stdout[-5000:]
    return copy


def vendor(prompt, attempt):
    return status(503) if "0" in prompt and not attempt else ok(f"A vendor's story of {len(prompt)}.")


def test_a_sum_of_rewards_is_logged_part_by_part(more):
    logged = read_rows(more.results / "policies" / "sum" / "seed1" / "history.parquet", HISTORY)
    value = {row["metric"]: row["value"] for row in logged if row["step"] == 1}
    assert value["judge/bt/calls"] == 2 * 2 * (3 + 2)  # groups x orders x comparisons
    assert value["judge/length/calls"] == 2 * 2 * 3
    assert value["rewards/pivot-length/mean"] == pytest.approx(0, abs=1)
    parts = value["rewards/pivot-bt/mean"] + 0.1 * value["rewards/pivot-length/mean"]
    assert value["reward"] == pytest.approx(parts, abs=1e-5)
    artifact = more.results / "policies" / "sum" / "seed1"
    assert json.loads((artifact / "flags.json").read_text()) == []
    names = {path.name for path in (artifact / "model").iterdir()}
    assert {path.name for path in (artifact / "last").iterdir()} == names


def test_a_bonus_for_diversity_is_logged_beside_the_constraints(more):
    logged = read_rows(more.results / "policies" / "diverse" / "seed1" / "history.parquet", HISTORY)
    value = {row["metric"]: row["value"] for row in logged if row["step"] == 1}
    assert 0 < value["diversity/contribution"] < 1
    assert 0 < value["diversity/earned"] <= 0.75  # of each group one adds the least
    assert value["constraints/writing"] == pytest.approx(
        value["diversity/quality"] + value["diversity/bonus"], abs=1e-5
    )
    assert value["constraints/violators_rewarded"] == 0
    assert "stories/distinct_2" in value


def test_stories_of_people_are_a_system(more):
    told = read_rows(more.results / "stories" / "people" / "seed1" / "stories.parquet", STORIES)
    assert {row["text"] for row in told} == {"Mara won {at last}."}
    table = pd.read_csv(more.results / "tables" / "win_rates" / "win_rates.csv")
    people = table[table["policy"] == "people"].set_index("judge")
    assert people.loc["length", "win_rate_n"] == people.loc["length", "words_n"] == 3
    assert people.loc["length", "words"] == 4
    dimensions = pd.read_csv(more.results / "tables" / "win_rates" / "dimensions.csv")
    assert set(dimensions["judge"]) == {"teacher"}
    assert dimensions.set_index("policy").loc["people", "outline"] == 0


def test_a_vendors_model_is_a_system_whose_answers_are_kept_apart_from_judges(more):
    told = read_rows(more.results / "stories" / "vendor" / "seed1" / "stories.parquet", STORIES)
    sft = read_rows(more.results / "stories" / "sft" / "seed1" / "stories.parquet", STORIES)
    assert [row["context_id"] for row in told] == [row["context_id"] for row in sft]
    assert all(row["text"].startswith("A vendor's story") for row in told)
    sent = more.asked[0][2]
    assert {name: sent[name] for name in ("model", "max_tokens")} == {
        "model": "m",
        "max_tokens": SMOKE["sampling"]["max_new_tokens"],
    }
    kept = list((more.results / "answers" / "policies" / "vendor").glob("*.jsonl"))
    assert sum(len(path.read_text().splitlines()) for path in kept) == len(told)
    table = pd.read_csv(more.results / "tables" / "win_rates" / "win_rates.csv")
    assert table.set_index(["policy", "judge"]).loc[("vendor", "teacher"), "win_rate_n"] == len(told)


def test_judges_of_some_domains_are_a_table_of_transfer(more):
    table = pd.read_csv(more.results / "tables" / "alignment" / "transfer_domain.csv")
    assert dict(zip(table["system"], table["trained_on"], strict=True)) == {
        "genrm-story": "all",
        "genrm": "all",
        "bt-quest": "quest",
        "of-file": "all",
    }
    tested = [name.removeprefix("accuracy on ") for name in table.columns if name.endswith("_n")]
    assert "quest_n" in tested
    assert len(tested) > 1


def test_a_genrm_learns_the_chains_of_a_file(more):
    taught = read_judgements(more.results / "teachers" / "file" / "judgements.parquet")
    read = [judgement for judgement in taught if judgement.verdict != "none"]
    assert len(read) >= len(taught) / 2 - sum(1 for j in taught if j.order == "ab" and j.verdict == "none")
    assert {judgement.order for judgement in read} == {"ab"}  # that of the file
    assert (more.results / "judges" / "of-file" / "seed1" / "model").is_dir()


def test_dpo_trains_on_the_pairs_of_all_label_sources(more):
    folder = more.results / "policies" / "dpo" / "seed1"
    start, end = (
        load_file(more.results / "policies" / name / "seed1" / "model" / "model.safetensors")
        for name in ("sft", "dpo")
    )
    assert any(not start[name].equal(end[name]) for name in start)
    logged = {row["metric"] for row in read_rows(folder / "history.parquet", HISTORY)}
    assert {"loss", "rewards/margins", "rewards/accuracies"} <= logged
    assert set(read_provenance(folder)["inputs"]) == {"preferences", "model", "consensus"}


def stories_of(more, kind, policy):
    return read_rows(more.results / kind / policy / "seed1" / "stories.parquet", STORIES)


@pytest.mark.parametrize(("policy", "size", "asked"), [("best-bt", 3, 3), ("best-teacher", 5, 4)])
def test_the_best_of_n_is_one_of_n_and_has_its_price(more, policy, size, asked):
    chosen, written = stories_of(more, "stories", policy), stories_of(more, "candidates", policy)
    plain = stories_of(more, "stories", "sft")
    assert [(row["context_id"], row["sample"]) for row in chosen] == [
        (row["context_id"], row["sample"]) for row in plain
    ]
    assert len(written) == size * len(plain)
    texts = Counter((row["context_id"], row["text"]) for row in written)
    assert all(texts[row["context_id"], row["text"]] for row in chosen)
    assert not any(texts[row["context_id"], row["text"]] for row in plain)  # other draws
    folder = more.results / "stories" / policy / "seed1"
    price = json.loads((folder / "budget.json").read_text())
    assert (price["stories"], price["candidates_per_story"]) == (len(plain), size)
    judgements = read_judgements(folder / "judgements.parquet")
    assert price["comparisons_per_story"] == asked == len(judgements) / len(plain)
    assert (price["judge_tokens_per_story"] > 0) == (policy == "best-teacher")


def test_claims_are_about_policies_that_nothing_trained_too(more):
    effects = pd.read_csv(more.results / "tables" / "effects" / "effects.csv")
    assert list(effects["claim"]) == ["best-bt wins", "people wins", "vendor wins"]
    assert (effects["effect_n"] > 0).all()


def test_a_reward_models_choice_has_the_highest_score(more):
    folder = more.results / "stories" / "best-bt" / "seed1"
    scores = {}
    for judgement in read_judgements(folder / "judgements.parquet"):
        context_id, _, number, _ = judgement.pair_id.rsplit("/", 3)
        scores.setdefault(context_id, {})[int(number)] = judgement.score_a
    written = {
        (row["context_id"], row["sample"]): row["text"] for row in stories_of(more, "candidates", "best-bt")
    }
    for row in stories_of(more, "stories", "best-bt"):
        of_context = scores[row["context_id"]]
        best = max(of_context, key=of_context.get)
        assert row["text"] == written[row["context_id"], best]


def test_an_open_gate_lets_judges_pass_and_shows_their_figures(more):
    table = pd.read_csv(more.results / "tables" / "gates" / "gates.csv")
    assert set(table["judge"]) == {"bt", "teacher", "teacher-story"}  # the length rule is not measured
    assert set(table["pairs"]) == {SMOKE["world"]["validation_pairs"]}
    passed = pd.read_csv(more.results / "gates" / "bt" / "seed1" / "gate.csv")
    assert passed["accuracy_unread"][0] == table["accuracy_unread"][0]
    made_of = read_provenance(more.results / "policies" / "sum" / "seed1")
    assert set(made_of["inputs"]) == {"preferences", "model", "judge"}


def test_a_judge_that_breaks_a_limit_stops_the_run_before_its_policy(more):
    policy = more.results / "policies" / "sum" / "seed1" / "manifest.json"
    before = policy.read_bytes()
    raw = yaml.safe_load((more.folder / more.config).read_text())
    (more.folder / "strict.yaml").write_text(yaml.safe_dump(raw | {"gate": {}}))
    done = more.snakemake("results/smoke/policies/sum/seed1/manifest.json", config="strict.yaml")
    assert done.returncode != 0
    assert "error: judge 'bt', seed 1, must not reward a policy: the accuracy is" in done.stdout
    assert "gate.min_accuracy = 50.0%" in done.stdout
    assert "Traceback" not in done.stdout
    assert done.stdout.count("stage: Gate: may bt, seed 1, reward a policy?") == 1  # no retry
    assert policy.read_bytes() == before
    done = more.snakemake("tables", config=more.config)
    assert done.returncode == 0, done.stdout[-5000:]
    assert policy.read_bytes() == before


def test_a_gate_that_is_added_trains_nothing_anew(more):
    policy = more.results / "policies" / "rlcs-bt" / "seed1" / "manifest.json"
    before = policy.read_bytes()
    done = more.snakemake("results/smoke/policies/rlcs-bt/seed1/manifest.json", config=more.config)
    assert done.returncode == 0, done.stdout[-5000:]
    log = more.results / "logs" / "policies" / "rlcs-bt" / "seed1.log"
    assert "is up to date; delete it to rebuild" in log.read_text()
    assert policy.read_bytes() == before


def test_designs_of_rewards_are_compared(more):
    table = pd.read_csv(more.results / "tables" / "pivots" / "pivots.csv")
    assert set(table["judge"]) == {"bt", "length", "teacher-story", "genrm"}
    assert set(table["pivots"]) == {0, 1, 2, 4}
    assert set(table["pivot"]) == {"none", "drawn", "chosen"}
    plain = table[table["pivot"] == "none"].set_index("judge")
    assert set(plain.index) == {"bt", "length", "teacher-story"}
    assert set(plain["calls_per_group"]) == {5.0}
    assert plain.loc["teacher-story", "tokens_per_group"] > 5 * 20
    assert set(table[table["judge"] == "genrm"]["orders"]) == {"both", "random"}
    noise = pd.read_csv(more.results / "tables" / "pivots" / "judge_noise.csv").set_index("judge")
    assert noise.loc["bt", "judgements"] == 2 * 10 * 2
    assert more.planned("tables", config=more.config) == {}


def test_a_judge_of_single_stories_learns_their_chains_and_rewards_them(more):
    table = pd.read_csv(more.results / "tables" / "alignment" / "alignment.csv").set_index("system")
    assert table.loc["teacher-story", "flip_rate"] == 0
    assert {"genrm-story", "teacher-story"} <= set(table.index)
    chains = read_judgements(more.results / "chains" / "teacher-story" / "chains.parquet")
    assert chains
    assert all(re.fullmatch(r"1 outline .* score \d\nScore: \d", chain.raw) for chain in chains)
    logged = read_rows(more.results / "policies" / "scored" / "seed1" / "history.parquet", HISTORY)
    value = {row["metric"]: row["value"] for row in logged if row["step"] == 1}
    assert value["judge/teacher-story/calls"] == 8
    assert value["judge/teacher-story/tokens"] > 8 * 10
    assert value["judge/length/calls"] == 2 * 4 - value["judge/length/drawn_pivots"] * 2
