"""`snakemake rehearse`: what it reads of Snakemake's words, and small rehearsals from start to page."""

import pytest

import rehearse

SAID = """Select jobs to execute...
[Sun Nov 29 02:16:08 2026]
Error in rule train_genrm_sft:
    message: GenRM SFT
    jobid: 7
    log: {log} (check log file(s) for error details)
    shell:
        python workflow_scripts/train_genrm_sft.py

Error in rule other:
    jobid: 8
"""


def test_the_first_failure_is_named_with_the_last_line_of_its_log(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("much\nerror: this counts\n")
    said = rehearse.first_failure(SAID.replace("{log}", str(log)))
    assert said == f"train_genrm_sft failed ({log}): error: this counts"
    assert (
        rehearse.first_failure("invalid config:\n  x: no")
        == "the rehearsal did not start: invalid config:   x: no"
    )


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["rehearse"], []),
        (["rehearse", "--configfile", "a.yaml", "b.yaml", "-c", "2"], ["-c", "2"]),
        (["--profile", "slurm", "rehearse", "--config", "each=1", "x=2"], ["--profile", "slurm"]),
    ],
)
def test_snakemakes_other_words_are_passed_on(words, kept):
    assert rehearse.parse_words(words) == kept
