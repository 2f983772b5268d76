"""Python processes that begin with the large libraries loaded: this server forks one for each job.

A job of a small run takes seconds, and as many go into the imports of torch, transformers and TRL. The server
imports them once. It is meant for small runs on a CPU: a process that has touched a GPU cannot be forked, and
Snakemake's benchmark files see only the client of a job. ``start`` is called by the Snakefile if the
environment variable RLCS_FORK is 1, as a rehearsal sets it. If it is the folder that ``start`` returned, that
server serves several runs, as those of the tests.

The client (``fork_client``) hands over its arguments, folder, environment and open files, waits, and ends as
the job ended. A client that dies takes its job along, and so does the server.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import json
import os
import random
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlcs.stages.children import die_with_parent
from rlcs.stages.gpus import may_have_gpu

VARIABLE = "RLCS_FORK"
PROGRAM = "python"
_LIBRARY = Path(__file__).parents[2]  # the folder that the server's own modules are imported from
_FILES = 3  # standard input, output and error
_SIZE = 8  # bytes of the length of a request


def is_possible() -> bool:
    """True on Linux and without a GPU, which an import may touch."""
    return sys.platform == "linux" and not may_have_gpu()


def is_wanted() -> bool:
    """True if the environment asks for a server, or names the folder of one, and there can be one."""
    value = os.environ.get(VARIABLE, "")
    return (value == "1" or os.path.isabs(value)) and is_possible()


def program_folder() -> Path:
    """The folder of a ``python`` that asks the server that the environment names, else a new one."""
    value = os.environ[VARIABLE]
    return start() if value == "1" else Path(value)


def start(*modules: str) -> Path:
    """Start a server and write a ``python`` that asks it; both end with this process.

    Words that name no script, such as ``-m``, go to the real Python.

    Args:
        modules: what the server imports beside the libraries of the jobs.

    Returns:
        The folder of that ``python``. Its name is short, as that of a socket in it must be.
    """
    folder = Path(tempfile.mkdtemp(prefix="rlcs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = folder / "server"
    client = Path(__file__).with_name("fork_client.py")
    program = folder / PROGRAM
    words = f'"{sys.executable}" -IS "{client}" "{address}" "{sys.executable}"'
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(64)
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno()), *modules],
            env={**os.environ, "PYTHONPATH": str(_LIBRARY)},
            pass_fds=[listener.fileno()],
            preexec_fn=die_with_parent,
        )
    return folder


def load() -> None:
    """Import what trainings, judges and tables import; modules of this project are left to each job."""
    import datasets  # noqa: F401
    import pandas  # noqa: F401
    import peft  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import scipy.stats  # noqa: F401
    import torch  # noqa: F401
    from torch.utils import tensorboard  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer  # noqa: F401
    from trl import DPOTrainer, GRPOTrainer, RewardTrainer, SFTTrainer  # noqa: F401


@dataclass(frozen=True)
class Request:
    """A job: its words, its folder, its environment, and its open files."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    files: tuple[int, ...]


def serve(listener: socket.socket) -> Request:
    """Fork a process for each client; return in the forked processes alone, each with its request."""
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ, None)
    jobs: dict[socket.socket, tuple[int, int]] = {}  # process and its descriptor
    while True:
        for key, _ in ready.select():
            if key.fileobj is listener:
                client = listener.accept()[0]
                if (request := _receive(client)) is None:
                    client.close()
                    continue
                if (process := os.fork()) == 0:
                    ready.close()
                    for open_socket in (listener, client, *jobs):
                        open_socket.close()
                    for _, descriptor in jobs.values():
                        os.close(descriptor)
                    return request
                for file in request.files:
                    os.close(file)
                jobs[client] = process, os.pidfd_open(process)
                ready.register(client, selectors.EVENT_READ, client)
                ready.register(jobs[client][1], selectors.EVENT_READ, client)
                _tell(client, process)
                continue
            client = key.data
            process, descriptor = jobs[client]
            if key.fileobj is client:  # it sends nothing more, so it has ended
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                ready.unregister(client)
                continue
            _, status = os.waitpid(process, 0)
            _tell(client, os.waitstatus_to_exitcode(status))
            ready.unregister(descriptor)
            if client in ready.get_map():
                ready.unregister(client)
            os.close(descriptor)
            client.close()
            del jobs[client]


def _receive(client: socket.socket) -> Request | None:
    """A client's request; None if it ended before it had sent it."""
    files = array.array("i")
    try:
        head, ancillary, *_ = client.recvmsg(_SIZE, socket.CMSG_LEN(_FILES * files.itemsize))
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                files.frombytes(content)
        size, body = int.from_bytes(head, "big"), b""
        while len(body) < size and (part := client.recv(size - len(body))):
            body += part
        told: dict[str, Any] = json.loads(body)
    except (OSError, ValueError):
        return None
    return Request(told["words"], told["folder"], told["environment"], tuple(files))


def _tell(client: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # it has ended, which the selector says too
        client.sendall(f"{number}\n".encode())


def become(request: Request) -> None:
    """Make this forked process what a new one with the request's words would be."""
    for file, standard in zip(request.files, range(_FILES), strict=True):
        os.dup2(file, standard)
        os.close(file)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler if name == signal.SIGINT else signal.SIG_DFL)
    die_with_parent()
    random.seed()
    if threads := request.environment.get("OMP_NUM_THREADS"):
        import torch

        torch.set_num_threads(int(threads))
    sys.argv = request.words
    folders = [str(Path(request.words[0]).resolve().parent)]
    folders += filter(None, request.environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = folders + [folder for folder in sys.path[1:] if folder != str(_LIBRARY)]
    for module in [module for module in sys.modules if module.partition(".")[0] == "rlcs"]:
        del sys.modules[module]  # the job imports what lies beside its script


def wait_for_job() -> None:
    """Load, serve, and return in the process of a job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends jobs by themselves, and Snakemake ends this
    listener = socket.socket(fileno=int(sys.argv[1]))
    load()
    for module in sys.argv[2:]:  # libraries alone: what is imported so is in no hash of code
        __import__(module)
    gc.freeze()  # a collection would copy all pages that are shared
    become(serve(listener))


if __name__ == "__main__":
    wait_for_job()
    runpy.run_path(sys.argv[0], run_name="__main__")
