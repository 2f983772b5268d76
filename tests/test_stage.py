"""What all scripts share: command line, artifact, and what a failure leaves behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rlcs.manifest import content_id, read_manifest
from rlcs.stage import InputError, Stage

SCRIPTS = Path(__file__).parent.parent / "workflow_scripts"
SCRIPT = """
import sys

sys.path.insert(0, {scripts!r})
from rlcs import stage


def main(this):
    with this.artifact() as folder:
        (folder / "text.txt").write_text(this.folder("source").name + this.options["split"])
        if this.config.get("fails") == "input":
            raise stage.InputError("3 of 4 rows are bad; mend them")
        if this.config.get("fails") == "bug":
            raise KeyError("a bug")


if __name__ == "__main__":
    stage.run(
        main, __file__, inputs=["source"], many=["files"], optional=["model"], options=["split"], seed=True
    )
"""


@pytest.fixture
def here(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.format(scripts=str(SCRIPTS)))
    for name in ("source", "one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps({"name": name}))
    return tmp_path


def run(here, *more, config="{}", output="out/manifest.json"):
    command = [sys.executable, here / "script.py", "--config", config, "--source", "source/manifest.json"]
    command += ["--files", "one/manifest.json", "two/manifest.json", "--split", "test", "--seed", "7"]
    return subprocess.run(
        [*command, "--output", output, *more], cwd=here, capture_output=True, text=True, check=False
    )


def test_an_artifact_with_its_manifest(here):
    done = run(here)
    assert done.returncode == 0, done.stderr
    assert (here / "out" / "text.txt").read_text() == "sourcetest"
    assert {path.name for path in (here / "out").iterdir()} == {"text.txt", "manifest.json", "run.json"}
    manifest = read_manifest(here / "out" / "manifest.json")
    assert (manifest["stage"], manifest["seed"], manifest["config"]) == ("script", 7, {})
    names = {"source": "source", "files.0": "one", "files.1": "two"}
    ids = {name: content_id(here / folder / "manifest.json") for name, folder in names.items()}
    assert manifest["inputs"] == ids


@pytest.mark.parametrize("fails", ["input", "bug"])
def test_a_stage_that_fails_leaves_what_was_there(here, fails):
    config = json.dumps({"fails": fails})
    assert run(here, config=config).returncode == 1
    assert not (here / "out").exists()

    assert run(here).returncode == 0
    before = {path.name: path.read_bytes() for path in (here / "out").iterdir()}
    assert run(here, config=config).returncode == 1
    assert {path.name: path.read_bytes() for path in (here / "out").iterdir()} == before

    assert run(here).returncode == 0  # a half-written folder is no obstacle
    assert not (here / "out.partial").exists()


def test_what_the_user_can_mend_is_one_message(here):
    failed = run(here, config='{"fails": "input"}')
    assert failed.returncode == 1
    assert failed.stderr == "error: 3 of 4 rows are bad; mend them\n"


def test_a_bug_is_shown_as_one(here):
    failed = run(here, config='{"fails": "bug"}')
    assert failed.returncode == 1
    assert "Traceback" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--unknown", "x"], "unrecognized arguments: --unknown x"),
        (["--seed", "one"], "argument --seed: invalid int value: 'one'"),
        (["--source", "script.py", "b"], "unrecognized arguments: b"),
        (["--files"], "argument --files: expected at least one argument"),
        (["--source", "nowhere.json"], "argument --source: no such file: nowhere.json"),
        (["--config", "{broken"], "argument --config: not JSON"),
        (["--config", "[]"], "argument --config: not a JSON object"),
    ],
)
def test_a_wrong_command_line_says_why(here, arguments, message):
    failed = run(here, *arguments)
    assert failed.returncode == 2
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr


def stage(output, **inputs):
    return Stage("test", Path(__file__), {}, inputs, output, 0, {})


def test_folders_of_inputs(tmp_path):
    one, two = tmp_path / "a" / "manifest.json", tmp_path / "b" / "manifest.json"
    this = stage(tmp_path / "out" / "manifest.json", one=(one,), both=(one, two), none=())
    assert this.folder("one") == one.parent
    assert this.folders("both") == (one.parent, two.parent)
    assert this.folders("none") == ()


def test_an_error_of_the_user_is_a_value_error():
    assert issubclass(InputError, ValueError)
