import os

# One thread for each test process; read when torch is loaded. Nothing is fetched from a hub.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

from pathlib import Path
from random import Random

import pytest
from filelock import FileLock
from hypothesis import settings

from rlcs.config.judging import JudgingConfig
from rlcs.config.world import WorldBaseConfig
from rlcs.records import Comparison, Context

# The first call into torch or pandas, or a busy machine, is slower than any deadline worth having.
settings.register_profile("rlcs", deadline=None)
settings.load_profile("rlcs")


@pytest.fixture(scope="session")
def judging():
    return JudgingConfig(
        template="$domain | $outline | $constraints\n1: $story_1\n2: $story_2",
        scores={"low": 1, "high": 9},
        max_new_tokens=8,
        batch_size=4,
    )


@pytest.fixture(scope="session")
def context():
    return Context("c1", "quest", "Mara the brave", "Mara lost the ring", "mill, wolf, rope", (), "train")


@pytest.fixture(scope="session")
def tokenizer():
    """The tiny world's tokenizer, trained on a few of its texts."""
    from rlcs.world.literacy import JUDGE_TEMPLATE, POLICY_TEMPLATE, examples
    from rlcs.world.tokenizer import train_tokenizer

    texts = examples(Random(0), 60, 10, POLICY_TEMPLATE, JUDGE_TEMPLATE)
    return train_tokenizer(m["content"] for e in texts for m in e["prompt"] + e["completion"])


@pytest.fixture(scope="session")
def model_folder(tokenizer, tmp_path_factory):
    """A random language model, saved as an artifact's ``model`` is: small, but it says something different to
    every prompt, and clearly so."""
    import torch

    from rlcs.training.pretraining import new_model

    torch.manual_seed(0)  # else the tests that ran before decide which model it is
    folder = tmp_path_factory.mktemp("base") / "model"
    shape = {"hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32, "initializer_range": 0.5}
    new_model(WorldBaseConfig(kind="world", **shape), tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def reward_model(model_folder, tmp_path_factory):
    """A reward model as a Bradley-Terry training leaves it."""
    import torch

    from rlcs.models.loading import load_scalar, load_tokenizer

    folder = tmp_path_factory.mktemp("bt") / "model"
    torch.manual_seed(0)  # the new head's weights
    load_scalar(model_folder, new_head=True).save_pretrained(folder)
    load_tokenizer(model_folder).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def smollm(tmp_path_factory):
    """The base artifact of a real pre-trained model."""
    from smollm import base_artifact

    return base_artifact(tmp_path_factory)


@pytest.fixture(scope="session")
def comparisons(context):
    """Comparisons of different lengths in both orders."""
    stories = ["A wolf.", "Mara used the rope. " * 3, "At the mill the wolf met Mara.", "So Mara won."]
    return [
        Comparison(f"{a}/{b}", context, stories[a], stories[b], order)
        for a in range(4)
        for b in range(a)
        for order in ("ab", "ba")
    ]


@pytest.fixture(scope="session")
def workflow(tmp_path_factory, request):
    """The smoke run, made once for all workers of pytest-xdist; tests only read it."""
    from smoke_run import Workflow

    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = Path(request.config.getoption("--smoke-run") or root / "workflow")
    said = root / "workflow.txt"
    with FileLock(root / "workflow.lock"):
        if not said.exists():
            done = Workflow.of_source(folder).snakemake("all")
            said.write_text(f"{done.returncode}\n{done.stdout}")
    status, _, output = said.read_text().partition("\n")
    assert status == "0", output[-5000:]
    return Workflow(folder)


def pytest_collection_modifyitems(items):
    """Run fast tests first, then the longest, so that no worker has these left when the other has ended."""

    def place(item):
        slow = item.get_closest_marker("slow")
        return (0, 0) if slow is None else (1, -slow.kwargs.get("minutes", 0))

    items.sort(key=place)


def pytest_addoption(parser):
    parser.addoption(
        "--smoke-run", help="folder of a smoke run that is kept: only what changed is made again"
    )
    parser.addoption(
        "--write-trajectories", action="store_true", help="store what the trainers log (test_training.py)"
    )
