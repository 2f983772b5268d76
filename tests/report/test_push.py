"""An exported folder is uploaded to a hub on loopback; without a token or a name it is refused."""

import os
import subprocess
import sys

import pytest

from paths import SCRIPTS
from stand_in_hub import TOKEN, Hub

FILES = {
    "README.md": b"---\nlicense: mit\n---\n# genrm\n",
    "judge.json": b"{}",
    "model.safetensors": b"weights",
    "adapter/adapter.safetensors": b"adapter",
    "manifest.json": b"{}",
}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "genrm" / "seed1"
    for name, content in FILES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(content)
    (made / "run.json").write_text('{"host": "janes-laptop"}')
    return made


@pytest.fixture
def hub():
    with Hub() as running:
        yield running


def push(folder, hub, *arguments, token=TOKEN, **more):
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN")}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder.parent / "home")}
    environment |= ({"HF_TOKEN": token} if token else {}) | more
    command = [sys.executable, str(SCRIPTS / "push_model.py"), "--folder", str(folder), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_folder_is_uploaded_to_a_private_repository_without_the_record_of_the_machine(folder, hub):
    done = push(folder, hub, "--repo", "genrm")
    assert done.returncode == 0, done.stderr
    assert hub.private == {"me/genrm": True}
    assert hub.files["me/genrm"] == FILES
    assert f"is at {hub.url}/me/genrm" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    again = push(folder, hub, "--repo", "me/genrm")
    assert again.returncode == 0, again.stderr
    assert len(hub.private) == 1


def test_a_repository_is_public_if_asked_for(folder, hub):
    assert push(folder, hub, "--repo", "team/genrm", "--public").returncode == 0
    assert hub.private == {"team/genrm": False}


@pytest.mark.parametrize(
    ("arguments", "more", "message"),
    [
        ([], {}, "push needs the repository's name: --config repo=NAME"),
        (["--repo", "a/b/c"], {}, "repo=a/b/c: "),
        (["--repo", "me/genrm"], {"token": None}, "push needs a token that may write: set HF_TOKEN"),
        (["--repo", "me/genrm"], {"token": "hf_wrong"}, "me/genrm cannot be uploaded to: "),
        (["--repo", "me/genrm"], {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
        (["--repo", "me/genrm"], {"HF_ENDPOINT": "http://127.0.0.1:9"}, "me/genrm cannot be uploaded to: "),
    ],
)
def test_what_cannot_be_uploaded_is_refused_in_one_line(folder, hub, arguments, more, message):
    done = push(folder, hub, *arguments, **more)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}")
    assert len(done.stderr.strip().splitlines()) == 1
    assert hub.files == {}
    assert "hf_wrong" not in done.stderr


def test_a_folder_that_is_not_exported_is_refused(folder, hub):
    (folder / "README.md").unlink()
    assert "is no exported model: it has no README.md" in push(folder, hub, "--repo", "genrm").stderr
