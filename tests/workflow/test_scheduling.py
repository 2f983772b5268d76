"""What Snakemake does between two jobs of a run."""

import pytest

from smoke_run import Workflow

JOBS = 6
SLEEPERS = f"""
include: "Snakefile"

rule sleepers:
    input:
        [f"slept{{number}}" for number in range({JOBS})],

rule sleep:
    output:
        "slept{{number}}",
    shell:
        "sleep 2; touch {{output}}"
"""


@pytest.fixture
def sleepers(tmp_path):
    workflow = Workflow.of_source(tmp_path / "workflow")
    (workflow.folder / "sleepers.smk").write_text(SLEEPERS)
    return workflow


def looks(workflow, *words):
    """How often Snakemake looked for jobs."""
    done = workflow.snakemake("-s", "sleepers.smk", "sleepers", "--verbose", *words)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout.count("Ready jobs: ")


@pytest.mark.slow
def test_snakemake_looks_for_jobs_only_when_one_has_ended(sleepers):
    assert 0 < looks(sleepers) <= JOBS


@pytest.mark.slow
def test_a_limit_of_ones_own_is_kept(sleepers):
    assert looks(sleepers, "--max-jobs-per-timespan", "50/1s") > JOBS
