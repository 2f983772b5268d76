"""What leaves the machine after the smoke run: exports, pushes, judging elsewhere, and what is withheld."""

import json
import os
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

import forked
from rlcs.records import (
    ANNOTATIONS,
    JUDGEMENTS,
    SNAPSHOTS,
    STORIES,
    read_contexts,
    read_rows,
    write_contexts,
    write_rows,
)
from smoke_run import Workflow
from stand_in_hub import TOKEN, Hub

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]

TEXT, NAME = "MARKERTEXT", "MARKERNAME"
HANDED_ON = ("report", "gallery", "export")


@pytest.fixture(scope="module")
def shared(workflow, tmp_path_factory):
    """The smoke run with everything exported."""
    folder = tmp_path_factory.mktemp("shared") / "copy"
    shutil.copytree(workflow.folder, folder)
    copy = Workflow(folder)
    done = copy.snakemake("export")
    assert done.returncode == 0, done.stdout[-5000:]
    return copy


def mark(results):
    """Put marks into all texts and names behind the pages; the manifests stay, so nothing is made anew."""
    preferences = results / "preferences"
    contexts = read_contexts(preferences / "contexts.parquet").values()
    write_contexts(
        preferences / "contexts.parquet",
        [type(c)(**{**vars(c), "outline": f"{c.outline} {TEXT}"}) for c in contexts],
    )
    votes = read_rows(preferences / "annotations.parquet", ANNOTATIONS)
    write_rows(preferences / "annotations.parquet", [{**v, "annotator": NAME} for v in votes], ANNOTATIONS)
    for pattern, schema, columns in (
        ("stories/*/*/stories.parquet", STORIES, ["text"]),
        ("policies/*/*/snapshots.parquet", SNAPSHOTS, ["text"]),
        ("matches/*/*/judgements.parquet", JUDGEMENTS, ["raw", "analysis"]),
    ):
        found = list(results.glob(pattern))
        assert found, pattern
        for path in found:
            rows = [
                {**row, **{column: f"{row[column]} {TEXT}" for column in columns}}
                for row in pq.read_table(path).to_pylist()
            ]
            write_rows(path, rows, schema)
    for path in results.rglob("run.json"):
        if path.relative_to(results).parts[0] in HANDED_ON:
            continue
        path.write_text(json.dumps({**json.loads(path.read_text()), "host": NAME}))


def marks(folder):
    """The marks in any file of a folder, by path, but in ``run.json``, the record of a machine."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "run.json":
            content = path.read_bytes()
            if told := [mark for mark in (TEXT, NAME) if mark.encode() in content]:
                found[path.relative_to(folder).as_posix()] = told
    return found


def test_names_and_texts_are_withheld_by_one_key_and_no_training_runs_again(shared, tmp_path):
    copy = Workflow(tmp_path / "copy")
    shutil.copytree(shared.folder, copy.folder)
    mark(copy.results)
    shown = copy.snakemake("all", "--forcerun", "write_report", "write_gallery")
    assert shown.returncode == 0, shown.stdout[-5000:]
    assert marks(copy.results / "gallery") == {"gallery.html": [TEXT]}
    assert marks(copy.results / "report") == {"report.html": [TEXT, NAME]}

    config = copy.with_config("withheld", lambda raw: raw.update(sharing={"withhold": ["names", "texts"]}))
    assert copy.planned(config=config) == {"write_report": 1, "write_gallery": 1, "all": 1}
    done = copy.snakemake("all", config=config)
    assert done.returncode == 0, done.stdout[-5000:]
    assert copy.planned("export", config=config) == {"export": 1}
    published = copy.folder / "docs" / "results" / "smoke"
    command = [sys.executable, "workflow_scripts/publish_results.py", "results/smoke"]
    subprocess.run(command, cwd=copy.folder, check=True)
    for name in ("gallery", "report", "tables", "figures", "export"):
        assert marks(copy.results / name) == {}
    assert marks(published) == {}
    handed_on = [path for name in HANDED_ON for path in (copy.results / name).rglob("run.json")]
    assert len(handed_on) > len(HANDED_ON)
    assert {json.loads(path.read_text())["host"] for path in handed_on} == {None}
    assert not (published / "config.json").exists()
    with Hub() as hub:
        pushed = push(copy, hub, "model=judges/genrm", "repo=genrm", config=config)
        assert pushed.returncode == 0, pushed.stdout[-3000:]
        files = hub.files["me/genrm"]
    assert {"README.md", "judge.json", "config.json", "model.safetensors"} <= set(files)
    assert not any(mark.encode() in content for content in files.values() for mark in (TEXT, NAME))


def push(copy, hub, *given, token=TOKEN, config="config/smoke.yaml"):
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "HF_TOKEN")}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(copy.folder / "hf")}
    environment |= {"HF_TOKEN": token} if token else {}
    command = [sys.executable, "-m", "snakemake", "push", "--configfile", config, "--cores", "1"]
    return subprocess.run(
        [*command, "--config", *given],
        cwd=copy.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_push_is_private_and_its_token_is_written_nowhere(shared):
    with Hub() as hub:
        done = push(shared, hub, "model=policies/rlcs", "repo=team/rlcs")
        assert done.returncode == 0, done.stdout[-3000:]
        assert hub.private == {"team/rlcs": True}
        assert "run.json" not in hub.files["team/rlcs"]
        assert TOKEN not in done.stdout
        for folder in (shared.folder / ".snakemake", shared.folder / "results"):
            for path in folder.rglob("*"):
                assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("given", "token", "message"),
    [
        (
            ["model=judges/nobody", "repo=x"],
            TOKEN,
            "error    push  --config model=...: judges/nobody is none of judges/",
        ),
        (["model=judges/genrm"], TOKEN, "error    push  --config repo=NAME"),
        (["model=judges/genrm", "repo=x"], None, "error    push  no token: set HF_TOKEN"),
    ],
)
def test_a_push_is_refused_before_anything_runs(shared, given, token, message):
    with Hub() as hub:
        done = push(shared, hub, *given, token=token)
    assert done.returncode != 0
    assert message in done.stdout
    assert "Job stats" not in done.stdout
    assert hub.private == {}


@pytest.mark.parametrize("name", ["genrm", "bt"])
def test_an_exported_judge_answers_elsewhere_without_a_config(shared, tmp_path, name):
    folder = tmp_path / "moved"
    shutil.copytree(shared.results / "export" / "judges" / name / "seed1", folder)
    rows = [{"prompt": "Mara lost the ring.", "stories": ["Mara found it.", "The wolf came.", "She slept."]}]
    (tmp_path / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [forked.python(), str(shared.folder / "workflow_scripts" / "judge.py"), "--model", str(folder)]
    command += ["--pairs", "new.jsonl", "--output", "judged.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = [json.loads(line) for line in (tmp_path / "judged.jsonl").read_text().splitlines()]
    assert len(row["ranking"]) == 3
    assert len(row["matches"]) == 3
    if name == "bt":
        assert [story["rank"] for story in row["ranking"]] == [1, 2, 3]


def test_two_runs_are_compared_by_a_target(shared):
    done = shared.snakemake("compare", "--config", "runs=smoke,smoke")
    assert done.returncode != 0
    assert "error: smoke and smoke are the same run" in done.stdout
    shutil.copytree(shared.results, shared.folder / "results" / "again", dirs_exist_ok=True)
    done = shared.snakemake("compare", "--config", "runs=smoke,again")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "The two configs are the same." in done.stdout
    assert (shared.folder / "results" / "compare" / "smoke-vs-again" / "comparison.csv").exists()
