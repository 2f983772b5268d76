"""What the smoke run leaves: every artifact's content, from the preferences to the report."""

import hashlib
import html
import json
import re
from collections import Counter
from itertools import combinations

import pandas as pd
import pytest
from safetensors.torch import load_file

from rlcs.records import (
    HISTORY,
    JUDGEMENTS,
    MATCHES,
    PAIRS,
    SNAPSHOTS,
    SPLITS,
    STORIES,
    UNLABELLED,
    read_contexts,
    read_judgements,
    read_rows,
)
from rlcs.stages import codehash
from rlcs.stages.manifest import content_id, read_manifest, read_provenance
from rlcs.verdict import compare
from smoke_run import SMOKE, SOURCE

pytestmark = pytest.mark.slow

TABLES = SMOKE["tables"]
TRAINED = {
    "judges": [
        name
        for name, entry in SMOKE["judges"].items()
        if entry["kind"] == "scalar" or entry.get("train", "none") != "none"
    ],
    "policies": list(SMOKE["policies"]),
}


@pytest.fixture(scope="session")
def preferences(workflow):
    """Contexts by id and the pairs of each split."""
    contexts = read_contexts(workflow.results / "preferences" / "contexts.parquet")
    pairs = read_rows(workflow.results / "preferences" / "pairs.parquet", PAIRS)
    return contexts, {
        split: [pair for pair in pairs if contexts[pair["context_id"]].split == split] for split in SPLITS
    }


def judged(folder):
    return {(j.pair_id, j.order): j for j in read_judgements(folder / "judgements.parquet")}


def test_every_artifact_is_there_and_is_what_its_manifest_says(workflow, monkeypatch):
    scripts = workflow.folder / "workflow_scripts"
    monkeypatch.setattr(codehash, "LIBRARY", scripts / "rlcs")
    manifests = {path.parent: read_manifest(path) for path in workflow.results.rglob("manifest.json")}
    folders = {path.relative_to(workflow.results).as_posix() for path in manifests}
    expected = {
        "world",
        "preferences",
        "bases/small",
        "teachers/teacher",
        "teachers/teacher-b",
        "teachers/oracle",
        "consensus/panel",
        "chains/teacher",
        "figures",
        "report",
        "gallery",
        "human",
    }
    tables = {
        "filter",
        "consensus",
        "alignment",
        "win_rates",
        "gains",
        "injections",
        "constraints",
        "effects",
    }
    expected |= {f"tables/{name}" for name in tables}
    expected |= {f"injections/{name}/seed1" for name in TABLES["injections"]["judges"]}
    expected |= {f"{kind}/{name}/seed1" for kind, names in TRAINED.items() for name in names}
    sampled = {*TABLES["win_rates"]["rows"], *TABLES["constraints"]["rows"]}
    expected |= {f"stories/{name}/seed1" for name in sampled}
    expected |= {f"matches/{name}/seed1" for name in TABLES["win_rates"]["judges"]}
    expected |= {f"alignment/{name}/seed1" for name in TABLES["alignment"]["rows"]}
    assert folders == expected

    known = {content_id(folder / "manifest.json") for folder in manifests}
    for folder, manifest in manifests.items():
        found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        assert found.keys() == manifest["files"].keys() | {"manifest.json", "provenance.json", "run.json"}
        for name, stated in manifest["files"].items():
            assert hashlib.sha256(found[name].read_bytes()).hexdigest() == stated["sha256"]
            if name.endswith(".parquet"):
                assert len(pd.read_parquet(found[name])) == stated["rows"]
        made_of = read_provenance(folder)
        assert made_of["manifest"] == content_id(folder / "manifest.json")
        assert made_of["code"] == codehash.code_hash(scripts / f"{made_of['stage']}.py")
        assert set(made_of["inputs"].values()) <= known
        assert made_of["inputs"] or made_of["stage"] in ("generate_world", "prepare_base")


def test_nothing_else_is_left_over(workflow):
    beside = {
        path.name
        for path in workflow.results.rglob("*")
        if path.suffix in (".partial", ".checkpoints", ".replaced")
    }
    assert beside == set()
    assert {path.name for path in workflow.folder.iterdir()} == {*SOURCE, "results", ".snakemake"}


def test_no_context_stands_in_two_splits(workflow, preferences):
    contexts, pairs = preferences
    world = SMOKE["world"]
    unlabelled = read_rows(workflow.results / "preferences" / "unlabelled.parquet", UNLABELLED)
    assert len(unlabelled) == world["unlabelled_pairs"]
    sizes = {split: len(of_split) for split, of_split in pairs.items()}
    assert sizes == {split: world[f"{split}_pairs"] for split in SPLITS}
    by_split = {split: {pair["context_id"] for pair in of_split} for split, of_split in pairs.items()}
    premises = {
        split: {(contexts[c].characters, contexts[c].previous_plot, contexts[c].outline) for c in named}
        for split, named in by_split.items()
    }
    for one, other in combinations(SPLITS, 2):
        assert by_split[one].isdisjoint(by_split[other])
        assert premises[one].isdisjoint(premises[other])
    apart = {pair["context_id"] for pair in unlabelled}
    assert all(contexts[name].split == "train" for name in apart)
    assert set.union(*by_split.values(), apart) == contexts.keys()


def test_every_pair_is_judged_in_both_orders(workflow, preferences):
    _, pairs = preferences

    def both_orders(names):
        return {(name, order) for name in names for order in ("ab", "ba")}

    training = pairs["train"] + read_rows(workflow.results / "preferences" / "unlabelled.parquet", UNLABELLED)
    asked = {
        workflow.results / "teachers" / name: {pair["pair_id"] for pair in training}
        for name in SMOKE["consensus"]["panel"]["teachers"]
    }
    for folder in (workflow.results / "alignment").glob("*/seed1"):
        asked[folder] = {pair["pair_id"] for pair in pairs["test"]}
    for folder in (workflow.results / "matches").glob("*/seed1"):
        asked[folder] = {match["match_id"] for match in read_rows(folder / "matches.parquet", MATCHES)}
    for folder, names in asked.items():
        rows = read_rows(folder / "judgements.parquet", JUDGEMENTS)
        assert len(rows) == 2 * len(names)
        assert {(row["pair_id"], row["order"]) for row in rows} == both_orders(names)


def test_un_swapped_verdicts_agree_with_what_was_written(workflow):
    read = Counter()
    for folder in ("teachers/teacher", "alignment/teacher/seed1", "alignment/genrm/seed1"):
        for judgement in judged(workflow.results / folder).values():
            last = judgement.raw.strip().splitlines()[-1] if judgement.raw.strip() else ""
            shown = re.fullmatch(r"Scores: ([1-9]) ([1-9])", last)
            if shown is None:
                assert judgement.verdict == "none"
            else:
                first, second = int(shown[1]), int(shown[2])
                a, b = (first, second) if judgement.order == "ab" else (second, first)
                assert (judgement.score_a, judgement.score_b) == (a, b)
                assert judgement.verdict == compare(a, b)
                read[judgement.verdict, judgement.order] += 1
    assert min(read[verdict, order] for verdict in "ab" for order in ("ab", "ba")) > 0


def test_a_reward_model_says_the_same_in_both_orders(workflow):
    said = judged(workflow.results / "alignment" / "bt" / "seed1")
    for (pair_id, _), judgement in said.items():
        assert judgement.verdict == said[pair_id, "ba"].verdict
        assert judgement.p_a == said[pair_id, "ba"].p_a
        assert (judgement.p_a > 0.5) == (judgement.verdict == "a")


def test_kept_chains_agree_with_one_another_and_with_the_label(workflow, preferences):
    _, pairs = preferences
    labels = {pair["pair_id"]: pair["label"] for pair in pairs["train"]}
    chains = read_judgements(workflow.results / "chains" / "teacher" / "chains.parquet")
    said = judged(workflow.results / "teachers" / "teacher")
    for chain in chains:
        assert chain == said[chain.pair_id, chain.order]
        assert chain.verdict == labels[chain.pair_id]
    kept = Counter(chain.pair_id for chain in chains)
    assert set(kept.values()) == {2}
    drops = pd.read_csv(workflow.results / "chains" / "teacher" / "drops.csv")
    assert drops["n"].sum() == len(labels)
    assert drops["kept"].sum() == len(kept)
    assert (drops[["unparsed", "inconsistent", "against_label", "kept"]].sum(axis=1) == drops["n"]).all()


def test_consensus_pairs_are_those_on_which_the_teachers_agree(workflow, preferences):
    folder = workflow.results / "consensus" / "panel"
    said = {
        name: judged(workflow.results / "teachers" / name) for name in SMOKE["consensus"]["panel"]["teachers"]
    }

    def verdicts(pair):
        return {by_key[pair["pair_id"], order].verdict for by_key in said.values() for order in ("ab", "ba")}

    unlabelled = read_rows(workflow.results / "preferences" / "unlabelled.parquet", UNLABELLED)
    for file, judged_pairs in (("pairs", unlabelled), ("audit", preferences[1]["train"])):
        agreed = {pair["pair_id"]: verdicts(pair) for pair in judged_pairs}
        agreed = {pair: one.pop() for pair, one in agreed.items() if len(one) == 1 and one != {"none"}}
        rows = read_rows(folder / f"{file}.parquet", PAIRS)
        assert {row["pair_id"]: row["label"] for row in rows} == agreed
        assert {row["source"] for row in rows} == {"consensus"}
    learned = read_provenance(workflow.results / "judges" / "genrm-sft" / "seed1")
    assert learned["inputs"]["consensus"] == content_id(folder / "manifest.json")


@pytest.mark.parametrize("kind", TRAINED)
def test_every_training_moves_weights_and_is_logged(workflow, kind):
    for name in TRAINED[kind]:
        entry = SMOKE[kind][name]
        folder = workflow.results / kind / name / "seed1"
        start = workflow.results / (f"{kind}/{entry['from']}/seed1" if "from" in entry else "bases/small")
        before, after = (load_file(path / "model" / "model.safetensors") for path in (start, folder))
        assert all(bool(tensor.isfinite().all()) for tensor in after.values())
        history = read_rows(folder / "history.parquet", HISTORY)
        logged = {row["metric"]: row["value"] for row in history}
        assert max(row["step"] for row in history) == SMOKE["training"]["max_steps"]
        assert "loss" in logged
        if logged.get("reward_std", 1) > 0:  # equal rewards, or none, teach nothing
            shared = before.keys() & after.keys()
            assert any(not before[tensor].equal(after[tensor]) for tensor in shared), name


def test_every_policy_wrote_for_the_same_held_out_contexts(workflow, preferences):
    contexts, _ = preferences
    told = {}
    for policy in TABLES["win_rates"]["rows"]:
        rows = read_rows(workflow.results / "stories" / policy / "seed1" / "stories.parquet", STORIES)
        assert {(row["policy"], row["seed"]) for row in rows} == {(policy, 1)}
        assert all(contexts[row["context_id"]].split == "test" for row in rows)
        assert all(row["tokens"] <= SMOKE["sampling"]["max_new_tokens"] for row in rows)
        told[policy] = [(row["context_id"], row["sample"]) for row in rows]
    assert len(set(map(tuple, told.values()))) == 1
    assert len(told["sft"]) == len(set(told["sft"])) == SMOKE["sampling"]["contexts"]
    for folder in (workflow.results / "matches").glob("*/seed1"):
        matches = read_rows(folder / "matches.parquet", MATCHES)
        played = {(m["policy_a"], m["policy_b"], m["context_id"], m["sample"]) for m in matches}
        assert played == {(*two, *story) for two in combinations(told, 2) for story in told["sft"]}


def test_tables_count_what_was_judged(workflow, preferences):
    _, pairs = preferences
    tables = workflow.results / "tables"
    alignment = pd.read_csv(tables / "alignment" / "alignment.csv").set_index("system")
    labels = {pair["pair_id"]: pair["label"] for pair in pairs["test"]}
    assert list(alignment.index[: len(TABLES["alignment"]["rows"])]) == TABLES["alignment"]["rows"]
    for judge in TABLES["alignment"]["rows"]:
        said = judged(workflow.results / "alignment" / judge / "seed1").values()
        read = {j.pair_id for j in said if j.verdict != "none" and labels[j.pair_id] != "tie"}
        assert alignment.loc[judge, "accuracy_n"] == alignment.loc[judge, "pairs"] == len(read)
        assert alignment.loc[judge, "unparsed_n"] == len(said)
        unparsed = sum(j.verdict == "none" for j in said) / len(said)
        assert alignment.loc[judge, "unparsed"] == pytest.approx(unparsed)

    win_rates = pd.read_csv(tables / "win_rates" / "win_rates.csv").set_index(["policy", "judge"])
    for policy, judge in win_rates.index:
        if policy == "sft":  # the reference
            continue
        said = judged(workflow.results / "matches" / judge / "seed1").values()
        read = {j.pair_id for j in said if j.verdict != "none" and j.pair_id.startswith(f"sft/{policy}/")}
        assert win_rates.loc[(policy, judge), "win_rate_n"] == len(read)
    for file in (
        "filter/filter",
        "consensus/consensus",
        "alignment/alignment",
        "alignment/alignment_by_domain",
        "alignment/position_bias",
        "alignment/calibration",
        "effects/effects",
        "win_rates/win_rates",
    ):
        assert "synthetic" in (tables / f"{file}.md").read_text(encoding="utf-8").lower()
        assert (tables / f"{file}.tex").exists()


def test_votes_say_a_probability_and_cost_their_tokens(workflow):
    alignment = pd.read_csv(workflow.results / "tables" / "alignment" / "alignment.csv").set_index("system")
    assert alignment.loc["genrm-votes", "calls"] == 2
    assert alignment.loc["genrm-votes", "tokens"] > alignment.loc["genrm", "tokens"] > 0
    for judgement in judged(workflow.results / "alignment" / "genrm-votes" / "seed1").values():
        assert (judgement.p_a is None) == (judgement.verdict == "none")
        assert judgement.p_a in (None, 0, 0.25, 0.5, 0.75, 1)


def test_effects_are_measured(workflow):
    effects = pd.read_csv(workflow.results / "tables" / "effects" / "effects.csv")
    assert list(effects["claim"]) == [effect["claim"] for effect in SMOKE["effects"]]
    correctness = effects.iloc[0]
    assert correctness["effect"] > 0
    assert (
        correctness["items"] == 2 * pd.read_csv(workflow.results / "chains/teacher/drops.csv")["kept"].sum()
    )


def test_the_report_names_the_run_and_escapes_what_models_wrote(workflow):
    page = (workflow.results / "report" / "report.html").read_text(encoding="utf-8")
    assert "smoke" in page
    assert "synthetic" in page.lower()
    for policy in TABLES["win_rates"]["rows"]:
        rows = read_rows(workflow.results / "stories" / policy / "seed1" / "stories.parquet", STORIES)
        first = min(rows, key=lambda row: row["context_id"])["text"]
        shown = " ".join(html.unescape(page).split())
        assert " ".join(first.split()) in shown
        if html.escape(first) != first:
            assert first not in page
    assert not re.search(r"<script[^>]+src=|<link[^>]+href=\"http", page)


def test_the_report_shows_every_training_and_its_signs(workflow):
    figures = {path.name for path in (workflow.results / "figures").iterdir()}
    assert {"bases.svg", "supervised.svg", "judges.svg", "policies.svg", "diagnostics.csv"} <= figures
    assert {"entropy_cells.svg", "entropy_cells-panel00.svg", "entropy_cells-panel01.svg"} <= figures
    page = (workflow.results / "report" / "report.html").read_text(encoding="utf-8")
    for section in ("judges", "policies", "claims", "training", "data", "stories", "run"):
        assert f'<section id="{section}">' in page
    for kind, names in TRAINED.items():
        for name in names:
            assert f'<td class="text">{kind}/{name}/seed1</td>' in page


def test_the_gallery_has_stories_of_the_training(workflow):
    told = read_rows(workflow.results / "policies" / "rlcs-bt" / "seed1" / "snapshots.parquet", SNAPSHOTS)
    assert [row["step"] for row in told] == [0, 0, 1, 1, 2, 2]
    assert len({row["context_id"] for row in told}) == 2
    page = (workflow.results / "gallery" / "gallery.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])
    (seed,) = data["seeds"]
    by_policy = {story["policy"]: story for story in seed["items"][0]["stories"]}
    assert [one["step"] for one in by_policy["rlcs-bt"]["training"]] == [0, 1, 2]
    assert by_policy["rlcs"]["training"] == []
