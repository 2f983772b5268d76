"""A ``python`` that asks ``fork_server`` for a process; it imports little, since it starts with every job.

    fork_client.py ADDRESS PYTHON [words of Python]

Without a server, or with words that name no script, it becomes PYTHON.
"""

import array
import json
import os
import signal
import socket
import sys
from typing import NoReturn


def become_python(python: str, words: list[str]) -> NoReturn:
    """Run the real Python in this process."""
    os.execv(python, [python, *words])


def ask(server: socket.socket, words: list[str]) -> int:
    """Have the server run a script, and wait; return its exit status, negative for a signal."""
    told = {"words": words, "folder": os.getcwd(), "environment": dict(os.environ)}
    body = json.dumps(told).encode()
    files = array.array("i", [0, 1, 2])
    server.sendmsg([len(body).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
    server.sendall(body)
    answers = server.makefile()
    process = int(answers.readline())
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: os.kill(process, number))
    return int(answers.readline() or -signal.SIGKILL)


def main() -> None:
    address, python, *words = sys.argv[1:]
    server = socket.socket(socket.AF_UNIX)
    if not words or not os.path.isfile(words[0]):
        become_python(python, words)
    try:
        server.connect(address)
    except OSError:
        become_python(python, words)
    status = ask(server, words)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    main()
