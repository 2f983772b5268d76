"""Manifests: the same bytes have the same manifest; beside it stands what made them."""

import hashlib
import json
import sys
import time
from types import SimpleNamespace

import pytest

from rlcs.records import HISTORY, write_rows
from rlcs.stages import manifest

ROWS = [{"step": step, "metric": "loss", "value": step / 3} for step in range(7)]

STATED = {"stage": "train", "config": {"b": 1, "a": [2]}, "code": "c0de", "inputs": {"x": "1d"}, "seed": 3}

CHANGES = {"stage": "other", "config": {"a": [2], "b": 2}, "code": "0ther", "inputs": {"x": "2d"}, "seed": 4}


def write(folder, *, text="once\n", started=0.0, **changes):
    """An artifact of two files; the text of its manifest and of its provenance."""
    (folder / "model").mkdir(parents=True, exist_ok=True)
    (folder / "model" / "config.json").write_text(text)
    write_rows(folder / "history.parquet", ROWS, HISTORY)
    made_of = manifest.identity(**{**STATED, **changes})
    manifest.write_manifest(folder, made_of, started)
    return tuple(
        (folder / name).read_text(encoding="utf-8")
        for name in (manifest.MANIFEST_NAME, manifest.PROVENANCE_NAME)
    )


def test_the_same_bytes_have_the_same_manifest(tmp_path):
    first = write(tmp_path / "a", started=time.time())
    assert first == write(tmp_path / "b")
    assert first == write(tmp_path / "a")  # neither manifest.json nor run.json is one of the files
    assert manifest.content_id(tmp_path / "a" / manifest.MANIFEST_NAME) == manifest.content_id(
        tmp_path / "b" / manifest.MANIFEST_NAME
    )


def test_other_bytes_change_manifest_and_provenance(tmp_path):
    first, second = write(tmp_path / "a"), write(tmp_path / "b", text="twice\n")
    assert first[0] != second[0]
    assert first[1] != second[1]


@pytest.mark.parametrize("name", CHANGES)
def test_what_made_the_same_bytes_is_in_the_provenance_alone(tmp_path, name):
    first, second = write(tmp_path / "a"), write(tmp_path / "b", **{name: CHANGES[name]})
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_an_artifact_of_the_same_that_is_whole_gets_its_manifest_back(tmp_path):
    before, _ = write(tmp_path)
    (tmp_path / manifest.MANIFEST_NAME).unlink()
    assert manifest.restore_manifest(tmp_path, manifest.identity(**STATED))
    assert (tmp_path / manifest.MANIFEST_NAME).read_text() == before


def test_any_other_artifact_is_made_anew(tmp_path):
    made_of = manifest.identity(**STATED)
    assert not manifest.restore_manifest(tmp_path, made_of)
    write(tmp_path)
    (tmp_path / manifest.MANIFEST_NAME).unlink()
    for name, changed in CHANGES.items():
        assert not manifest.restore_manifest(tmp_path, {**made_of, name: changed})
    (tmp_path / "more.txt").touch()
    assert not manifest.restore_manifest(tmp_path, made_of)
    (tmp_path / "more.txt").unlink()
    (tmp_path / "model" / "config.json").write_text("edited\n")
    assert not manifest.restore_manifest(tmp_path, made_of)
    (tmp_path / manifest.PROVENANCE_NAME).write_text('{"torn')
    assert not manifest.restore_manifest(tmp_path, made_of)
    assert not (tmp_path / manifest.MANIFEST_NAME).exists()


def test_what_an_artifact_depends_on_has_a_key():
    def key(**changes):
        return manifest.identity_key(manifest.identity(**{**STATED, **changes}))

    assert key() == key(config={"a": [2], "b": 1})
    others = [key(**{name: changed}) for name, changed in CHANGES.items()]
    assert len({key(), *others}) == 1 + len(CHANGES)


def test_the_order_of_keys_does_not_change_it(tmp_path):
    assert write(tmp_path / "a") == write(tmp_path / "b", config={"a": [2], "b": 1})


def test_it_states_hashes_and_rows_of_every_file(tmp_path):
    write(tmp_path)
    stated = manifest.read_manifest(tmp_path / manifest.MANIFEST_NAME)
    expected = hashlib.sha256(b"once\n").hexdigest()
    assert stated["files"]["model/config.json"] == {"sha256": expected}
    parquet = hashlib.sha256((tmp_path / "history.parquet").read_bytes()).hexdigest()
    assert stated["files"]["history.parquet"] == {"sha256": parquet, "rows": len(ROWS)}
    assert stated["files"].keys() == {"model/config.json", "history.parquet"}
    provenance = manifest.read_provenance(tmp_path)
    assert {name: provenance[name] for name in STATED} == STATED
    assert {"torch", "trl", "transformers"} <= provenance["packages"].keys()
    assert provenance["manifest"] == manifest.content_id(tmp_path / manifest.MANIFEST_NAME)


def test_what_varies_is_in_run_json_alone(tmp_path):
    text = "".join(write(tmp_path, started=time.time() - 60))
    run = manifest.read_run(tmp_path)
    assert 60 <= run["seconds"] < 120
    for key in ("started", "seconds", "cpu_seconds", "host", "commit", "command"):
        assert key in run
        assert f'"{key}"' not in text


def test_what_is_handed_on_does_not_name_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "janes-laptop")
    for name, handed_on in (("kept", False), ("shared", True)):
        (tmp_path / name).mkdir()
        manifest.write_manifest(tmp_path / name, STATED, time.time(), handed_on=handed_on)
        told = any(b"janes-laptop" in path.read_bytes() for path in (tmp_path / name).iterdir())
        assert told != handed_on


def test_publishing_replaces_what_was_there(tmp_path):
    old, new = tmp_path / "deep" / "artifact", tmp_path / "new"
    for folder, name in ((old, "old.txt"), (new, "new.txt")):
        folder.mkdir(parents=True)
        (folder / name).touch()
    manifest.publish(new, old)
    assert [path.name for path in old.iterdir()] == ["new.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["artifact"]
    manifest.publish(old, tmp_path / "not" / "yet")
    assert (tmp_path / "not" / "yet" / "new.txt").exists()


@pytest.mark.parametrize(("nodes", "held"), [(None, 2), ("3", 6)])
def test_a_run_states_the_gpus_of_all_its_nodes(nodes, held, tmp_path, monkeypatch):
    cuda = SimpleNamespace(
        is_available=lambda: True,
        device_count=lambda: 2,
        get_device_name=lambda number: "H100",
        max_memory_reserved=lambda number: 10**10 * (1 + number),
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    if nodes is None:
        monkeypatch.delenv("SLURM_JOB_NUM_NODES", raising=False)
    else:
        monkeypatch.setenv("SLURM_JOB_NUM_NODES", nodes)
    write(tmp_path)
    run = manifest.read_run(tmp_path)
    assert run["gpus"] == ["H100"] * held
    assert run["gpu_gigabytes"] == 20.0  # of the fullest


def test_a_stage_without_torch_has_no_gpus(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    write(tmp_path)
    assert json.loads((tmp_path / manifest.RUN_NAME).read_text())["gpus"] == []
