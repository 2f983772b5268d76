"""Truncated stories in policy GRPO, in a process of their own: after some other tests the shares differ."""

import os
import subprocess
import sys

import pytest

from paths import ROOT


@pytest.mark.slow
def test_what_each_choice_learns_from_truncated_stories():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/support/truncated_stories.py",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
