"""Manifests: the same bytes have the same manifest, and it states what is in the artifact."""

import hashlib
import json
import time

import pytest

from rlcs import manifest
from rlcs.records import HISTORY, write_rows

ROWS = [{"step": step, "metric": "loss", "value": step / 3} for step in range(7)]

STATED = {"stage": "train", "config": {"b": 1, "a": [2]}, "code": "c0de", "inputs": {"x": "1d"}, "seed": 3}

CHANGES = {"stage": "other", "config": {"a": [2], "b": 2}, "code": "0ther", "inputs": {"x": "2d"}, "seed": 4}


def write(folder, *, text="once\n", started=0.0, **changes):
    """An artifact of two files; the text of its manifest."""
    (folder / "model").mkdir(parents=True, exist_ok=True)
    (folder / "model" / "config.json").write_text(text)
    write_rows(folder / "history.parquet", ROWS, HISTORY)
    made_of = manifest.identity(**{**STATED, **changes})
    manifest.write_manifest(folder, made_of, started)
    return (folder / manifest.NAME).read_text(encoding="utf-8")


def test_the_same_bytes_have_the_same_manifest(tmp_path):
    first = write(tmp_path / "a", started=time.time())
    assert first == write(tmp_path / "b")
    assert first == write(tmp_path / "a")  # neither manifest.json nor run.json is one of the files
    assert manifest.content_id(tmp_path / "a" / manifest.NAME) == manifest.content_id(
        tmp_path / "b" / manifest.NAME
    )


@pytest.mark.parametrize(
    "changes", [{"text": "twice\n"}, *({name: value} for name, value in CHANGES.items())], ids=str
)
def test_everything_else_changes_it(tmp_path, changes):
    assert write(tmp_path / "a") != write(tmp_path / "b", **changes)


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
    stated = manifest.read_manifest(tmp_path / manifest.NAME)
    expected = hashlib.sha256(b"once\n").hexdigest()
    assert stated["files"]["model/config.json"] == {"sha256": expected}
    parquet = hashlib.sha256((tmp_path / "history.parquet").read_bytes()).hexdigest()
    assert stated["files"]["history.parquet"] == {"sha256": parquet, "rows": len(ROWS)}
    assert stated["files"].keys() == {"model/config.json", "history.parquet"}
    assert {"torch", "trl", "transformers"} <= stated["packages"].keys()


def test_what_varies_is_in_run_json_alone(tmp_path):
    text = write(tmp_path, started=time.time() - 60)
    run = json.loads((tmp_path / manifest.RUN_NAME).read_text())
    assert 60 <= run["seconds"] < 120
    for key in ("started", "seconds", "cpu_seconds", "host", "commit", "command"):
        assert key in run
        assert f'"{key}"' not in text


def test_publishing_replaces_what_was_there(tmp_path):
    old, new = tmp_path / "deep" / "artifact", tmp_path / "new"
    for folder, name in ((old, "old.txt"), (new, "new.txt")):
        folder.mkdir(parents=True)
        (folder / name).touch()
    manifest.publish(new, old)
    assert [path.name for path in old.iterdir()] == ["new.txt"]
    assert not new.exists()
    manifest.publish(old, tmp_path / "not" / "yet")
    assert (tmp_path / "not" / "yet" / "new.txt").exists()
