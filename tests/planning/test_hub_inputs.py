"""What comes from a hub is fetched once, on a machine with a network, and nothing else is."""

import copy
import json
from types import SimpleNamespace

import pytest
import yaml
from httpx2 import ConnectError

import fetch_inputs
from paths import ROOT
from rlcs.config import parsing
from rlcs.config.sources import HubDatasetConfig
from rlcs.data import hub as hub_rows
from rlcs.errors import InputError
from rlcs.planning.hub_inputs import hub_models
from smoke_run import SMOKE

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that has all repositories but ``gone/model``; the calls to it."""
    calls = []

    def snapshot(name, *, revision, allow_patterns, ignore_patterns):
        calls.append((name, revision, allow_patterns))
        if name == "gone/model":
            raise OSError("404")
        blobs, folder = tmp_path / "blobs", tmp_path / "snapshots"
        for made in (blobs, folder):
            made.mkdir(exist_ok=True)
        with (blobs / "x").open("wb") as file:
            file.truncate(2 * 10**9)
        if not (folder / "model.safetensors").exists():
            (folder / "model.safetensors").symlink_to(blobs / "x")  # as the hub's cache does
        return str(folder)

    def load(name, config, *, revision, split):
        calls.append((name, config, revision, split))
        return range(1234)

    monkeypatch.setattr(fetch_inputs, "snapshot_download", snapshot)
    monkeypatch.setattr(fetch_inputs, "load_dataset", load)
    monkeypatch.setattr(fetch_inputs, "pin_revision", lambda hub: hub.model_copy(update={"revision": SHA}))
    return calls


def test_the_papers_run_needs_all_of_its_bases_and_its_pairs(hub):
    paper = parsing.parse(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")))
    done, failed = fetch_inputs.fetch(paper)
    assert failed == []
    bases = {(base.model, base.revision) for base in paper.bases.values()}
    splits = {
        "SAA-Lab/LitBench-Train": "train",
        "allenai/reward-bench-2": "test",
        "google/IFEval": "train",
    }
    assert {(name, revision) for name, revision, *_ in hub if name not in splits} == bases
    assert hub[-3:] == [(name, None, SHA, split) for name, split in splits.items()]
    assert any("2.0 GB in " in line for line in done)
    assert f"data.hub: SAA-Lab/LitBench-Train, 1,234 rows; set data.hub.revision to {SHA}" in done[-3]
    assert f"set benchmarks.reward_bench_2.hub.revision to {SHA}" in done[-2]
    assert (
        f"tables.ifeval.hub: google/IFEval, 1,234 rows; set tables.ifeval.hub.revision to {SHA}" in done[-1]
    )


def test_without_a_network_the_newest_commit_is_unknown_and_one_that_is_named_is_not_asked_for(monkeypatch):
    def refuse(*_, **__):
        raise ConnectError("no route")

    monkeypatch.setattr(hub_rows, "HfApi", lambda: SimpleNamespace(dataset_info=refuse))
    with pytest.raises(InputError, match="the newest commit of a/b cannot be found: no route"):
        hub_rows.pin_revision(HubDatasetConfig(name="a/b"))
    named = HubDatasetConfig(name="a/b", revision=SHA)
    assert hub_rows.pin_revision(named) == named


def run_with(tmp_path):
    raw = copy.deepcopy(SMOKE)
    (tmp_path / "here").mkdir()
    raw["bases"] |= {
        "local": {"kind": "pretrained", "model": str(tmp_path / "here")},
        "gguf": {"kind": "pretrained", "model": "org/quantized", "gguf_file": "q8.gguf", "revision": "abc"},
        "packed": {"kind": "pretrained", "model": "data/model", "package": "some-model==1.0"},
        "gone": {"kind": "pretrained", "model": "gone/model"},
        "unused": {"kind": "pretrained", "model": "org/unused"},
        "reads": {"kind": "pretrained", "model": "org/reader"},
    }
    names = ("local", "gguf", "packed", "gone")
    raw["judges"] |= {name: {"kind": "generative", "train": "none", "base": name} for name in names}
    raw["tables"]["alignment"]["rows"] += names
    raw["verifiers"] = {"reader": {"backend": "transformers", "base": "reads"}}
    raw["policies"]["rlcs"]["constraints"] = {"mode": "penalty", "verifier": "reader"}
    return parsing.parse(raw)


def test_only_what_the_run_uses_and_does_not_have_is_fetched(hub, tmp_path):
    run = run_with(tmp_path)
    models, packaged = hub_models(run)
    assert {model.name for model in models} == {"org/quantized", "gone/model", "org/reader"}
    assert [base.package for base in packaged] == ["some-model==1.0"]
    done, failed = fetch_inputs.fetch(run)
    patterns = {name: files for name, _, files in hub}
    assert patterns["org/quantized"][0] == "q8.gguf"
    assert "*.safetensors" not in patterns["org/quantized"]
    assert "*.safetensors" in patterns["org/reader"]
    assert failed == ["bases.gone: gone/model cannot be fetched: 404"]
    assert any("snakemake results/smoke/bases/packed/manifest.json" in line for line in done)


def test_the_tiny_run_needs_no_hub(hub, monkeypatch, capsys, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(SMOKE))
    monkeypatch.setattr("sys.argv", ["fetch_inputs.py", "--config", str(tmp_path / "config.json")])
    fetch_inputs.main()
    assert hub == []
    assert "needs nothing from a hub" in capsys.readouterr().out
