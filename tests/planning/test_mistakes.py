"""Mistakes that `check` finds before the first job: each gives its row of docs/troubleshooting.md."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest
from httpx2 import ConnectError
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import check_config
from configs import merged
from endpoint_server import Server, always, status
from paths import ROOT
from rlcs.config import parsing
from rlcs.planning import disk_plan
from rlcs.planning.findings import strictly
from rlcs.training import readiness
from stranger_files import jsonl, rows

ROWS = re.findall(
    r"^\| (.+?) \| (error|warning) \| (.+?) \| (.+) \|$",
    (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"),
    re.M,
)
ON_HUB = {"kind": "pretrained", "model": "some/model"}


def pairs(**fields):
    def change(raw, folder, _):
        file = folder / "pairs.jsonl"
        file.write_bytes(jsonl(rows(**fields)))
        raw["data"]["preferences"] = [str(file)]

    return change


def no_file(raw, folder, _):
    raw["data"]["preferences"] = [str(folder / "no.jsonl")]


def empty_folder(raw, folder, _):
    (folder / "empty").mkdir()
    raw["data"]["preferences"] = [str(folder / "empty")]


def another_column(raw, folder, _):
    file = folder / "pairs.jsonl"
    file.write_bytes(jsonl([{"premise": "P", "one": "A.", "two": "B."}]))
    raw["data"]["preferences"] = [str(file)]


def unlike_its_preset(raw, folder, _):
    pairs()(raw, folder, None)
    file = folder / "benchmark.jsonl"
    file.write_bytes(jsonl([{"prompt": "P", "good": "A.", "bad": "B."}]))
    raw["benchmarks"] = {"own": {"preset": "story_rmb", "preferences": [str(file)]}}


def no_folder(raw, folder, _):
    raw["bases"]["smollm"] = {"kind": "pretrained", "model": str(folder / "none")}


def half_a_step(raw, *_):
    raw["judges"]["genrm-sft"]["training"]["max_steps"] = 1.5


def no_launch(raw, folder, _):
    raw["policies"]["sft"]["launch"] = str(folder / "none.yaml")


def no_sentence_model(raw, *_):
    model = {"package": "no-such-package==1.0", "model": "folder"}
    raw["policies"]["rlcs"]["diversity"] = {"sentence_model": model}


def hub_says(error):
    def change(raw, _, monkeypatch):
        def refuse(*_, **__):
            raise error

        raw["bases"]["smollm"] = ON_HUB
        monkeypatch.setattr(readiness.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(readiness, "HfApi", lambda: SimpleNamespace(model_info=refuse))

    return change


def refusal(kind):
    """An error of the hub, without the response that it is made of."""
    return kind.__new__(kind)


def offline(raw, _, monkeypatch):
    raw["bases"]["smollm"] = ON_HUB
    monkeypatch.setattr(readiness.constants, "HF_HUB_OFFLINE", True)


def tokenizer(template):
    """A base whose tokenizer knows three words."""

    def change(raw, folder, _):
        words = Tokenizer(models.WordLevel({"a": 0, "story": 1, "<end>": 2}, unk_token="<end>"))
        words.pre_tokenizer = pre_tokenizers.Whitespace()
        made = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", unk_token="<end>")
        made.chat_template = template
        made.save_pretrained(folder / "model")
        raw["bases"]["smollm"] = {"kind": "pretrained", "model": str(folder / "model")}

    return change


def vendor(raw, url, **keys):
    raw["judges"]["vendor"] = {
        "kind": "generative",
        "backend": "openai",
        "model": "m",
        "base_url": url,
    } | keys
    raw["tables"]["alignment"]["rows"].append("vendor")


def refusing_endpoint(raw, _, monkeypatch):
    server = Server(always(status(403)))
    monkeypatch.setattr(check_config, "endpoint_problems", within(server, check_config.endpoint_problems))
    vendor(raw, server.url)


def within(server, act):
    def acted(config):
        with server:
            return act(config)

    return acted


def no_key(raw, _, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    vendor(raw, "http://127.0.0.1:9/v1", api_key_env="NO_SUCH_KEY")


def no_gpu(raw, _, monkeypatch):
    monkeypatch.setattr(readiness.torch.cuda, "is_available", lambda: False)
    raw["training"] |= {"use_cpu": False}
    del raw["training"]["bf16"]


def small_gpu(raw, _, monkeypatch):
    raw["bases"]["smollm"] = ON_HUB | {"model": "Qwen/Qwen2.5-7B-Instruct"}
    device = SimpleNamespace(name="GPU", total_memory=8 * 10**9)
    cuda = {
        "is_available": lambda: True,
        "get_device_properties": lambda _: device,
        "device_count": lambda: 1,
        "is_bf16_supported": lambda **_: True,
    }
    monkeypatch.setattr(readiness, "torch", SimpleNamespace(cuda=SimpleNamespace(**cuda)))
    raw["training"] |= {"use_cpu": False}


def full_disk(raw, _, monkeypatch):
    raw["bases"]["smollm"] = ON_HUB | {"model": "Qwen/Qwen2.5-7B-Instruct"}
    usage = shutil.disk_usage("/")._replace(free=10**6)
    monkeypatch.setattr(disk_plan.shutil, "disk_usage", lambda _: usage)


def overridden(raw, *_):
    raw["training"]["save_steps"] = 15
    for registry in ("judges", "policies"):
        for entry in raw[registry].values():
            if "training" in entry:
                entry["training"]["save_steps"] = 15 if entry["training"].get("logging_steps") else 5
    raw["judges"]["bt"]["training"] = raw["judges"]["perplexity"]["training"] = {"save_steps": 5}


MISTAKES = {
    "a file of pairs that is not there": no_file,
    "a folder without pairs": empty_folder,
    "a column of another name": another_column,
    "labels in other words": pairs(label=lambda i: ("yes", "no")[i % 2]),
    "pairs for training alone": pairs(split="train"),
    "a benchmark with other columns than its preset": unlike_its_preset,
    "a folder without a model": no_folder,
    "an option that TRL refuses": half_a_step,
    "a launch file that is not there": no_launch,
    "a sentence model that is not installed": no_sentence_model,
    "a name that the hub does not know": hub_says(refusal(RepositoryNotFoundError)),
    "a commit that the hub does not know": hub_says(refusal(RevisionNotFoundError)),
    "a tokenizer without a chat template": tokenizer(None),
    "scores that are not one token each": tokenizer("{{ messages[0].content }}"),
    "an endpoint that refuses": refusing_endpoint,
    "a key that is not set": no_key,
    "a gated model": hub_says(refusal(GatedRepoError)),
    "no network": hub_says(ConnectError("no route")),
    "no network, and HF_HUB_OFFLINE": offline,
    "no GPU where bf16 needs one": no_gpu,
    "a GPU that is too small": small_gpu,
    "a full disk": full_disk,
    "an option that every training overrides": overridden,
}


def test_the_page_has_every_mistake_and_no_other():
    assert [mistake for mistake, *_ in ROWS] == list(MISTAKES)


@pytest.mark.parametrize(("mistake", "level", "subject", "said"), ROWS, ids=[row[0] for row in ROWS])
def test_a_mistake_is_found_before_the_first_job(mistake, level, subject, said, tmp_path, monkeypatch):
    raw = json.loads(json.dumps(merged(["smollm.yaml"])))
    MISTAKES[mistake](raw, tmp_path, monkeypatch)
    found = check_config.find(parsing.parse(raw), tmp_path, None)
    (row, *_) = [finding for finding in found if finding.subject == subject and said in finding.said]
    assert row.level == level
    expected = "error" if row.here else level
    assert next(finding for finding in strictly(found) if finding.said == row.said).level == expected
    # what only a machine lacks is told as a warning, what is wrong in the config is not
    assert row.here == (level == "warning" and not subject.startswith("training."))
