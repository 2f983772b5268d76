"""A failure that would come again has no further attempt, and one that may pass has its own."""

import pytest

from smoke_run import Workflow

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("error", "attempts"), [("ValueError", 1), ("OSError", 2)])
def test_attempts_by_the_cause_of_a_failure(tmp_path, error, attempts):
    clone = Workflow.of_source(tmp_path / "clone")
    script = clone.folder / "workflow_scripts" / "generate_world.py"
    start = "def main(stage: Stage) -> None:\n"
    text = script.read_text()
    assert start in text
    script.write_text(text.replace(start, f"{start}    raise {error}('as planned')\n"))
    for _ in range(2):  # the second run of Snakemake tries it anew
        done = clone.snakemake("results/smoke/world/manifest.json", "--retries", "1")
        assert done.returncode == 1
        assert f"{error}: as planned" in done.stdout
        assert done.stdout.count("Trying to restart job") == attempts - 1
