"""A model that is handed on takes no second space, and its small files are its own."""

import os
import shutil

import pytest

from rlcs.stages.links import link_weights


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    return folder


def test_weights_are_linked_and_small_files_are_copied(model, tmp_path):
    copy = shutil.copytree(model, tmp_path / "copy", copy_function=link_weights)
    (copy / "config.json").write_text("edited")
    assert (model / "config.json").read_text() == "{}"
    assert (copy / "model-00001-of-00002.safetensors").samefile(model / "model-00001-of-00002.safetensors")
    shutil.rmtree(copy)
    assert (model / "model-00001-of-00002.safetensors").read_bytes() == b"weights"


def test_weights_are_copied_where_there_are_no_hard_links(model, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    copy = shutil.copytree(model, tmp_path / "copy", copy_function=link_weights)
    assert (copy / "model-00001-of-00002.safetensors").read_bytes() == b"weights"
    assert not (copy / "model-00001-of-00002.safetensors").samefile(
        model / "model-00001-of-00002.safetensors"
    )
