"""Failures that would come again, which no further attempt can mend.

Snakemake tries a failed job again without knowing why it failed. A stage that ends by an error of its input
or its code therefore leaves a mark in its folder of unfinished work, whose name stands for all that the stage
depends on. Within the same run of Snakemake the stage then ends at once, with the same message, and the
Snakefile asks for no further attempt. A new run tries the stage anew.
"""

import json
import os
from pathlib import Path

from rlcs.errors import TransientError
from rlcs.stages.leftovers import CHECKPOINTS

RUN_VARIABLE = "RLCS_SNAKEMAKE_RUN"
"""Environment variable with the id of this run of Snakemake, which its jobs inherit."""

FAILURE_NAME = "failed.json"

# Memory and what is outside of the process: the names of classes, since torch is not loaded to compare.
_TRANSIENT_CLASSES = {"OutOfMemoryError", "AcceleratorError", "DistBackendError", "DistNetworkError"}
_TRANSIENT_CLASSES |= {"APIConnectionError", "HfHubHTTPError", "TransportError", "BrokenProcessPool"}
_TRANSIENT_WORDS = (
    "cuda",
    "cudnn",
    "cublas",
    "nccl",
    "gloo",
    "out of memory",
    "can't allocate",
    "connection",
)


def comes_again(error: BaseException) -> bool:
    """True unless an error, or its cause, is one of memory, disk, network, device or another process."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TransientError | MemoryError | OSError):
            return False
        if _TRANSIENT_CLASSES & {kind.__name__ for kind in type(cause).__mro__}:
            return False
        if isinstance(cause, RuntimeError) and any(word in str(cause).lower() for word in _TRANSIENT_WORDS):
            return False
        cause = cause.__cause__
    return True


def keep_failure(folder: Path, message: str) -> None:
    """Leave the mark of a failure that would come again; outside of a run of Snakemake do nothing.

    Args:
        folder: of the stage's unfinished work, which depends on its config, code, inputs and seed.
    """
    if run := os.environ.get(RUN_VARIABLE):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{FAILURE_NAME}.{os.getpid()}"
        path.write_text(json.dumps({"run": run, "message": message}), encoding="utf-8")
        path.replace(folder / FAILURE_NAME)


def known_failure(folder: Path) -> str | None:
    """The message of a failure of this run that would come again; None without one."""
    try:
        failure = json.loads((folder / FAILURE_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return str(failure["message"]) if failure["run"] == os.environ.get(RUN_VARIABLE) else None


def has_failed_for_good(output: str) -> bool:
    """True if the stage of an output file has left the mark of a failure in this run."""
    work = Path(f"{Path(output).parent}{CHECKPOINTS}")
    return any(known_failure(mark.parent) is not None for mark in work.glob(f"*/{FAILURE_NAME}"))
